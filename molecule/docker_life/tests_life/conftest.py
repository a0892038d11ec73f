"""One hub for all cases, with one session that lives through all of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from testinfra.host import Host

from gaia_lab.centre import STATE, run, sessions
from gaia_lab.client import HubClient
from gaia_lab.session import lab_client
from gaia_lab.spare import spare_host

ROLE = Path(__file__).resolve().parents[3] / "roles/hub/files/requirements.txt"
PIN = Path(__file__).with_name("jupyterhub-5.txt")


@pytest.fixture(scope="session")
def alice() -> HubClient:
    """A member of `oceanographers` with a session that nothing may end, on a hub that is as its inventory says."""
    run()
    client = lab_client("alice")
    client.login()
    if client.server() is None:
        client.start({"choice": "free", "system": "lab", "business": ["ocean"]})
    client.open_session()
    return client


@pytest.fixture(scope="module")
def spare(host: Host) -> Host:
    """Another host than the hub's, plain at first. It needs the hub's, else pytest would change the order of tests."""
    assert host
    return spare_host()


@pytest.fixture
def survives(host: Host, alice: HubClient) -> Iterator[None]:
    """During the test no session's container ends, and alice's session runs code afterwards."""
    before = sessions(host)
    yield
    assert before
    assert before <= sessions(host)
    alice.open_session()
    assert alice.run("conda-env-ocean-ocean-py", "print(6 * 7)").stdout.strip() == "42"


@pytest.fixture(scope="session")
def former() -> dict[str, str]:
    """Variables of a hub with JupyterHub 5."""
    pin = PIN.read_text().split("\n", 1)[1]
    text, count = re.subn(r"jupyterhub==\S+ \\\n(    --hash=\S+( \\)?\n)+", lambda _: pin, ROLE.read_text())
    assert count == 1
    path = STATE / "requirements-jupyterhub-5.txt"
    path.write_text(text)
    return {"hub_requirements_file": str(path)}
