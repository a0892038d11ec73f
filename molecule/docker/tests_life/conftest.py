"""One hub for all cases, with one session that lives through all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from testinfra.host import Host

from gaia_lab.centre import sessions
from gaia_lab.client import HubClient
from gaia_lab.session import lab_client


@pytest.fixture(scope="session")
def alice() -> HubClient:
    """A member of `oceanographers` with a session that nothing may end."""
    client = lab_client("alice")
    client.login()
    if client.server() is None:
        client.start({"choice": "free", "system": "lab", "business": ["ocean"]})
    client.open_session()
    return client


@pytest.fixture
def bob() -> Iterator[HubClient]:
    """A member of `coast`, logged in, with no session before and after the test."""
    client = lab_client("bob")
    client.login()
    client.stop()
    yield client
    client.stop()


@pytest.fixture
def survives(host: Host, alice: HubClient) -> Iterator[None]:
    """During the test no session's container ends, and alice's session runs code afterwards."""
    before = sessions(host)
    yield
    assert before
    assert before <= sessions(host)
    alice.open_session()
    assert alice.run("conda-env-ocean-ocean-py", "print(6 * 7)").stdout.strip() == "42"
