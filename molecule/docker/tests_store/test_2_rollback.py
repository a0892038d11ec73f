"""An older lock from git, published: offered at once, nothing pulled, nothing tried, no session touched."""

from __future__ import annotations

import re
import time

from gaia_lab.centre import Centre, shown
from gaia_lab.client import HubClient
from gaia_lab.remote import Pulled

SECONDS = 60


def test_an_older_lock_is_on_offer_at_once(centre: Centre, alice: HubClient) -> None:
    newer, at_work, sessions = centre.ocean()["offered"], shown(alice), centre.sessions()
    assert newer["version"] == "2026.2"
    since, pulled, started = centre.on("date +%s").strip(), Pulled.from_now(), time.monotonic()
    done = centre.play("publish", older=True)
    assert time.monotonic() - started < SECONDS
    for words in ("ocean: back to 2026.1", "0 brought", "Nothing is new, so nothing was tried.", "ocean 2026.1"):
        assert words in done.text, done.text[-3000:]
    assert pulled.blobs() == []
    events = f"docker events --since {since} --until $(date +%s) --filter type=container --filter event=create"
    assert centre.on(events) == "", "no session was started for it"
    ocean = centre.ocean()
    assert (ocean["offered"]["version"], ocean["candidate"]) == ("2026.1", None)
    assert [pin["digest"] for pin in ocean["retained"]] == [newer["digest"]]
    assert re.search(r"Offered: ocean 2026\.1 at sha256:\w+, checked ", centre.play("status").text), (
        "by its check of then"
    )
    assert centre.sessions() == sessions
    assert shown(alice) == at_work
    assert centre.play("publish", older=True).changed == 0


def test_a_link_with_a_digest_starts_the_other_version(centre: Centre, alice: HubClient) -> None:
    ocean = centre.ocean()
    alice.stop()
    alice.start({"choice": "free", "system": "lab", "business": ["ocean"]})
    assert shown(alice)[1] == ocean["offered"]["digest"]
    alice.stop()
    pinned = ocean["retained"][0]["digest"]
    answer = alice.query({"business": ["ocean"], "pin": [f"ocean@{pinned}"]})
    assert answer.status_code == 302, answer.text[:2000]
    alice.wait_ready()
    alice.open_session()
    assert shown(alice)[1] == pinned
