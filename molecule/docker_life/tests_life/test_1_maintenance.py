"""An announcement, a drain, the end of it: the running hub takes each at once, and nobody's session ends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from testinfra.host import Host

from gaia_lab.centre import processes, run
from gaia_lab.client import HubClient
from gaia_lab.playbook import Played

NOTICE = "/etc/gaia-vre/notice.json"
TEXT = {"en": "Maintenance on Friday.", "fr": "Maintenance vendredi."}
FREE = {"choice": "free", "system": "lab", "business": ["atmosphere"]}


def maintenance(state: str, *, fails: bool = False, **more: Any) -> Played:
    return run("maintenance", {"state": state, **more}, fails=fails)


@pytest.mark.usefixtures("survives")
def test_announce_drain_and_off(host: Host, bob: HubClient) -> None:
    before = processes(host)
    done = maintenance("announce", text=TEXT["en"], ends="2026-12-01T18:00+01:00")
    assert done.changed == 1
    assert f"The launch page shows the announcement: {TEXT['en']} 1 session(s) run, of alice." in done.text
    notice = json.loads(host.file(NOTICE).content_string)
    assert notice == {"version": 1, "text": {"en": TEXT["en"]}, "drain": False, "until": "2026-12-01T18:00+01:00"}

    assert maintenance("drain", text=TEXT).changed == 1
    assert maintenance("drain", text=TEXT).changed == 0
    answer = bob.rest({"system": "lab", "business": ["atmosphere"]})
    assert answer.status_code == 503, answer.text
    assert TEXT["en"] in answer.json()["message"]
    bob.http.headers["Accept-Language"] = "fr"
    assert TEXT["fr"] in bob.post_form(FREE).text
    assert bob.server() is None

    assert maintenance("off").changed == 1
    assert not host.file(NOTICE).exists
    bob.start(FREE)
    assert processes(host) == before, "nothing started again"


@pytest.mark.parametrize(
    ("state", "more", "words"),
    [
        ("drain", {}, "text must say something"),
        ("announce", {"text": {"english": "Hello"}}, "text must say something"),
        ("announce", {"text": "Hello", "ends": "Friday"}, "ends must be a time with its zone"),
        ("announce", {"text": "Hello", "ends": "2026-02-31T18:00Z"}, "ends must be a time with its zone"),
        ("later", {"text": "Hello"}, "state must be one of: announce, drain, off (got later)"),
        ("", {}, "(got nothing)"),
    ],
)
def test_what_makes_no_sense_is_refused(host: Host, state: str, more: dict[str, Any], words: str) -> None:
    done = maintenance(state, fails=True, **more)
    assert words in done.text, done.text[-3000:]
    assert done.changed == 0
    assert not host.file(NOTICE).exists
