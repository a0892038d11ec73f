"""Alice works through all faults, with one variable in one kernel; the host is whole before and after each test."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from testinfra.host import Host

from gaia_lab.client import HubClient
from gaia_lab.playbook import Played, play
from gaia_lab.session import lab_client

CENTRE = Path(os.environ["GAIA_LAB_STATE"]) / "inventory"
OCEAN = "conda-env-ocean-ocean-py"
WAIT = 60  # seconds


@dataclass
class Work:
    """What must not be lost: a session with a kernel that remembers."""

    user: HubClient
    kernel: str

    def goes_on(self) -> None:
        """The kernel still remembers, and still reads what is mounted."""
        code = "import importlib, textwrap; importlib.reload(textwrap); print(remembered)"
        done = self.user.execute(self.kernel, code)
        assert (done.stdout.strip(), done.error) == ("thesis", "")

    def hub_answers(self) -> None:
        """Wait until the hub answers through the proxy."""
        end = time.monotonic() + WAIT
        while True:
            try:
                if self.user.http.get(f"{self.user.url}/hub/health", timeout=5).ok:
                    return
            except requests.RequestException:
                pass
            assert time.monotonic() < end, f"the hub did not answer for {WAIT} s"
            time.sleep(0.5)


@pytest.fixture(scope="session")
def alice_at_work() -> Iterator[Work]:
    done = published()  # the folders before this one offer older versions
    assert done.code == 0, done.text[-3000:]
    alice = lab_client("alice")
    alice.login()
    alice.stop()
    alice.start({"choice": "free", "system": "lab", "business": ["ocean"]})
    kernel = alice.api("POST", "kernels", {"name": OCEAN})["id"]
    assert not alice.execute(kernel, "remembered = 'thesis'").error
    yield Work(alice, kernel)
    alice.stop()


@pytest.fixture
def work(alice_at_work: Work) -> Iterator[Work]:
    """Alice's work, which goes on after the test as before."""
    alice_at_work.goes_on()
    yield alice_at_work
    alice_at_work.goes_on()


def published(**variables: object) -> Played:
    """Publish the centre's lock."""
    return play(CENTRE, "publish", variables)


def said_by_hub(host: Host, since: str) -> str:
    """The hub's journal since a date of ``now``."""
    return str(host.check_output(f"journalctl --unit gaia-vre-hub --output cat --since '{since}'"))


def now(host: Host) -> str:
    """The host's time, for journalctl."""
    return str(host.check_output("date '+%F %T'"))
