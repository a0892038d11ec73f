"""Fixtures of the tests that publish more on the lab's hub, and put things back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from testinfra.host import Host

from gaia_lab.centre import CENTRE
from gaia_lab.playbook import play


@pytest.fixture(scope="module", autouse=True)
def as_before() -> Iterator[None]:
    """What a module published is taken back."""
    yield
    done = play(CENTRE, "publish")
    assert done.code == 0, done.text[-3000:]


@pytest.fixture
def manifest(host: Host) -> Any:
    """Reads the manifest of the host as it is now."""
    return lambda: json.loads(host.file("/etc/gaia-vre/manifest.json").content_string)


@pytest.fixture
def checks(host: Host) -> Any:
    """Reads the results of the checks as they are now."""
    return lambda: json.loads(host.file("/etc/gaia-vre/checks.json").content_string)["images"]
