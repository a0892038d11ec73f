"""Fixtures of every scenario: clients of the lab's hub."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gaia_lab.client import HubClient
from gaia_lab.session import visit


@pytest.fixture
def alice() -> Iterator[HubClient]:
    """A member of `oceanographers`, logged in, with no session before and after the test."""
    yield from visit("alice")


@pytest.fixture
def bob() -> Iterator[HubClient]:
    """A member of `coast`, logged in, with no session before and after the test."""
    yield from visit("bob")
