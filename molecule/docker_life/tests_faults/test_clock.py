"""The clock of the hub and its culler jumps by a day, there and back (libfaketime; the machine's own clock stays)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from testinfra.host import Host

from gaia_lab.client import HubClient

from .conftest import Work

UNIT = "/etc/systemd/system/gaia-vre-hub.service.d/test-clock.conf"
CONFIG = "/etc/gaia-vre/jupyterhub_config.py"
OFFSET = "/var/lib/gaia-vre/test-clock"
PRELOAD = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
VARIABLES = {
    "LD_PRELOAD": PRELOAD,
    "FAKETIME_TIMESTAMP_FILE": OFFSET,
    "FAKETIME_CACHE_DURATION": "1",
    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
}
# The culler gets the same clock, and looks every 3 s.
CULLER = f"""
for service in c.JupyterHub.services:
    if service["name"] == "idle-culler":
        service["environment"] = {VARIABLES!r}
        service["command"].append("--cull-every=3")
"""


@pytest.fixture
def clock(host: Host, work: Work) -> Iterator[None]:
    try:
        host.check_output("apt-get install --yes --no-install-recommends libfaketime")
        host.check_output(f"echo +0 > {OFFSET}; chmod 644 {OFFSET}")
        settings = "\n".join(f"Environment={key}={value}" for key, value in VARIABLES.items())
        host.check_output(f"printf '[Service]\\n%s\\n' '{settings}' > {UNIT}")
        host.check_output(f"cp -a {CONFIG} /root/config.py && cat >> {CONFIG} <<'END'\n{CULLER}END")
        host.check_output("systemctl daemon-reload && systemctl restart gaia-vre-hub")
        work.hub_answers()
        yield
    finally:
        host.check_output(f"rm -f {UNIT} {OFFSET}; mv /root/config.py {CONFIG}")
        host.check_output("systemctl daemon-reload && systemctl restart gaia-vre-hub")
        work.hub_answers()


def culler_day(host: Host) -> str:
    """The day that the culler's process sees."""
    environment = " ".join(f"{key}={value}" for key, value in VARIABLES.items())
    return str(host.check_output(f"env {environment} date +%F"))


@pytest.mark.usefixtures("clock")
def test_a_clock_that_jumps_ends_no_session(host: Host, work: Work, bob: HubClient) -> None:
    today = culler_day(host)
    bob.start({"choice": "free", "system": "lab", "business": ["atmosphere"]})
    for offset in ("+1d", "+0"):
        host.check_output(f"echo {offset} > {OFFSET}")
        assert (culler_day(host) == today) == (offset == "+0")
        time.sleep(8)
        assert host.run("pgrep -f jupyterhub_idle_culler").rc == 0, "the culler ran meanwhile"
        work.goes_on()
        bob.login()
        assert bob.server() is not None
    bob.stop()
    bob.start({"choice": "free", "system": "lab", "business": ["atmosphere"]})
