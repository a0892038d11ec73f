"""The proxy starts again: the hub tells it its routes at once, and no session ends."""

from __future__ import annotations

import time

import pytest
import requests
from testinfra.host import Host

from gaia_lab.client import HubClient

FEW = 60  # seconds; left alone the hub looks after its routes every five minutes


@pytest.mark.parametrize(
    "how",
    ["systemctl restart gaia-vre-proxy", "kill -9 $(systemctl show --value --property=MainPID gaia-vre-proxy)"],
    ids=["restarted", "killed"],
)
def test_sessions_are_reached_through_a_proxy_that_started_again(host: Host, alice: HubClient, how: str) -> None:
    alice.start({"choice": "free", "system": "lab", "business": ["ocean"]})
    sessions = host.check_output("docker ps --quiet")
    before = host.service("gaia-vre-proxy").systemd_properties["MainPID"]
    host.check_output(how)
    end = time.monotonic() + FEW
    while not _answers(alice):
        assert time.monotonic() < end, host.run("journalctl -u gaia-vre-hub -u gaia-vre-proxy -n 40 -o cat").stdout
        time.sleep(1)
    assert host.service("gaia-vre-proxy").systemd_properties["MainPID"] != before
    assert host.check_output("docker ps --quiet") == sessions != ""
    alice.open_session()
    assert not alice.run("conda-env-ocean-ocean-py", "print(1)").error


def _answers(user: HubClient) -> bool:
    """Whether the hub and the user's session are reached."""
    try:
        return all(
            user.http.get(f"{user.url}{path}", timeout=5).ok for path in ("/hub/health", f"{user.session_path}api")
        )
    except requests.RequestException:
        return False
