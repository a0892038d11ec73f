"""Several at once: users, plays, and users during a play; plays that are killed."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from testinfra.host import Host

from gaia_lab.client import HubClient
from gaia_lab.crowd import at_once, crowd
from gaia_lab.playbook import kill, play
from gaia_lab.session import lab_client

from .conftest import CENTRE, Work, published

MANIFEST = "/etc/gaia-vre/manifest.json"
Images = dict[str, dict[str, Any]]
FREE = {"choice": "free", "system": "lab", "business": ["atmosphere"]}


@pytest.mark.usefixtures("work")
def test_two_users_at_once(bob: HubClient) -> None:
    admin = lab_client("admin")
    admin.login()
    admin.stop()
    try:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda user: user.start(FREE), [bob, admin]))
    finally:
        admin.stop()


@pytest.mark.usefixtures("work")
def test_thirty_users_at_once() -> None:
    at_once(crowd(30), ["atmosphere"])


@pytest.fixture
def unchecked(host: Host) -> Images:
    """Geo is to be checked again; gives the images as they were."""
    text = host.file(MANIFEST).content_string
    before: Images = json.loads(text)["images"]
    manifest = json.loads(text)
    manifest["images"]["geo"].update(offered=None, candidate=before["geo"]["offered"])
    host.run(f"cat > {MANIFEST} <<'END'\n{json.dumps(manifest)}\nEND")
    return before


@pytest.mark.usefixtures("work")
def test_two_publishes_at_once_while_users_come_and_go(host: Host, bob: HubClient, unchecked: Images) -> None:
    stop, launches = threading.Event(), [0]

    def come_and_go() -> None:
        while not stop.is_set():
            bob.start(FREE)
            bob.stop()
            launches[0] += 1

    with ThreadPoolExecutor(3) as pool:
        users = pool.submit(come_and_go)
        try:
            plays = list(pool.map(lambda _n: published(), range(2)))
        finally:
            stop.set()
        users.result()
    for done in plays:
        assert done.code == 0, done.text[-3000:]
    assert launches[0] > 0
    assert json.loads(host.file(MANIFEST).content_string)["images"] == unchecked


KILLED_AT = [
    "The centre's own lines",
    "Proxy and hub run, also after a reboot",
    "Write the manifest",
    "Start sessions and run a line in every kernel",
]


@pytest.mark.parametrize("task", KILLED_AT)
def test_a_play_that_was_killed_is_made_good_by_the_next(work: Work, task: str) -> None:
    variables = {"hub_extra_config": f"# killed at: {task}"}
    kill(CENTRE, "deploy", task, variables)
    work.goes_on()
    done = play(CENTRE, "deploy", variables)
    assert done.code == 0, done.text[-3000:]
    again = play(CENTRE, "deploy", variables)
    assert (again.code, again.changed) == (0, 0), again.text[-3000:]
