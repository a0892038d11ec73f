"""Fixtures of several rooms."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def small_channel(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a conda channel with python, kernel, library and plain."""
    # Not at the top: other tests run where the lab's libraries are not.
    from gaia_lab import small_channel as helper

    return helper.make(tmp_path_factory.mktemp("channel") / "channel")
