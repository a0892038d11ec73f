"""What tests of faults on a cluster have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import unescape

import pytest
import testinfra
from testinfra.host import Host

from gaia_lab import trouble
from gaia_lab.centre import STATE
from gaia_lab.client import HubClient

OCEAN, ATMOSPHERE = "conda-env-ocean-ocean-py", "conda-env-atmosphere-atmosphere-py"
ONE = {"choice": "free", "system": "lab", "business": ["atmosphere"]}
JOBS = "squeue --noheader --user=alice --format=%i"
SOON, BUSY = 30, 90  # seconds; the second for a hub that starts on a busy machine


@pytest.fixture(scope="module")
def nodes() -> list[Host]:
    """The nodes."""
    return [testinfra.get_host(f"ssh://root@node{n}.example.org", ssh_config=str(STATE / "ssh_config")) for n in (1, 2)]


def computes(client: HubClient) -> None:
    """Code runs in the user's session."""
    assert client.run(ATMOSPHERE, "print(6 * 7)").stdout.strip() == "42"


@pytest.fixture
def running(alice: HubClient) -> Iterator[HubClient]:
    """Alice with a session, in which code runs before and after the test."""
    alice.start(ONE)
    computes(alice)
    yield alice
    computes(alice)


def until(there: Callable[[], bool], patience: float = SOON) -> None:
    """Wait until something is so."""
    trouble.until(there, patience)


def restart(host: Host, *clients: HubClient, login: bool = True) -> None:
    """Start the hub again; see :func:`trouble.restart`."""
    trouble.restart(host, *clients, login=login, patience=BUSY)


def page(client: HubClient, path: str) -> str:
    """What a user reads at a path of the hub."""
    answer = client.http.get(f"{client.url}/hub/{path}", timeout=60)
    answer.encoding = "utf-8"
    return unescape(answer.text)
