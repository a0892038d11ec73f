"""One hub and one browser for all of these tests."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from gaia_lab.browser import chromium
from gaia_lab.client import HubClient
from gaia_lab.small_hub import Hub, running

from .offer import checks, offer


@pytest.fixture(scope="session")
def hub_of_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with running(tmp_path_factory.mktemp("hub"), "session") as hub:
        yield hub


@pytest.fixture
def hub(hub_of_all: Hub) -> Hub:
    """The hub with the whole offer, no notice, and sessions that start at once."""
    hub_of_all.offer(offer())
    hub_of_all.write("checks.json", checks())
    for name in ("notice.json", "slow", "broken", "no-program", "ends"):
        (hub_of_all.folder / name).unlink(missing_ok=True)
    return hub_of_all


numbers = itertools.count()


@pytest.fixture
def alice(hub: Hub) -> Iterator[HubClient]:
    """An oceanographer who is here for the first time."""
    client = hub.user(f"ocean{next(numbers)}")
    yield client
    client.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found
