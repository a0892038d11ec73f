"""Sessions that end by themselves: the user is told why, and nothing is left of them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from testinfra.host import Host

from gaia_lab.client import ClientError, HubClient

from .conftest import Work

FREE = {"choice": "free", "system": "lab", "business": ["atmosphere"], "resources": "small"}
CONTAINERS = "docker ps --all --quiet --filter name=gaia-vre-bob"
HOME = "/var/lib/docker/volumes/gaia-vre-home-bob/_data"
CONFIGURATION = f"{HOME}/.jupyter/jupyter_server_config.py"
SOON = 30  # seconds


@pytest.fixture
def configuration(host: Host, bob: HubClient) -> Iterator[str]:
    """The file by which bob configures his Jupyter server; it goes away after the test."""
    bob.start(FREE)
    bob.stop()
    try:
        yield CONFIGURATION
    finally:
        host.check_output(f"rm -f {CONFIGURATION}")


def test_a_session_that_ends_while_it_starts_is_told_at_once(
    host: Host, work: Work, bob: HubClient, configuration: str
) -> None:
    line = "raise SystemExit('as bob wrote it')"
    host.check_output(f"mkdir -p {HOME}/.jupyter && chown --reference={HOME} {HOME}/.jupyter")
    host.check_output(f'echo "{line}" > {configuration}')
    started = time.monotonic()
    with pytest.raises(ClientError) as caught:
        bob.start(FREE)
    assert time.monotonic() - started < SOON
    assert "It ended before its Jupyter server answered." in str(caught.value)
    assert "as bob wrote it" in str(caught.value)
    assert host.check_output(CONTAINERS) == ""
    work.goes_on()


@pytest.mark.usefixtures("work")
def test_of_a_session_that_ended_nothing_is_left_and_its_user_is_told(host: Host, bob: HubClient) -> None:
    bob.start(FREE)
    host.check_output("docker kill gaia-vre-bob")
    end = time.monotonic() + 60  # the hub looks every 30 s
    while bob.server() or host.check_output(CONTAINERS):
        assert time.monotonic() < end
        time.sleep(1)
    shown = [bob.http.get(f"{bob.url}/hub/spawn", timeout=60).text for _page in range(2)]
    assert ["Your last session has ended. It ended by itself." in text for text in shown] == [True, False], "told once"
    bob.start(FREE)
