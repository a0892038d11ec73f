"""After a publish of a newer ocean: nothing restarted, the pod that ran goes on with its own, a new one has the new."""

from __future__ import annotations

import json

from gaia_lab.centre import run, shown
from gaia_lab.pods import PREPULL, hub, kept, listed, session
from gaia_lab.session import lab_client


def test_the_pod_that_ran_has_its_own_and_a_new_one_has_the_new() -> None:
    alice = lab_client("alice")
    alice.login()
    former_pod = session("alice")["metadata"]["uid"]
    alice.open_session()
    former = shown(alice)
    assert session("alice")["metadata"]["uid"] == former_pod
    assert hub()[1] == 0, "the hub was not restarted"
    alice.stop()
    alice.start({"choice": "free", "system": "lab", "business": ["ocean"]})
    new = shown(alice)
    assert former[0] != new[0]
    assert former[1] != new[1]


def test_former_and_new_are_on_the_nodes() -> None:
    assert len([reference for reference in kept() if "/vre/ocean" in reference]) == 2
    for one in listed("daemonset", PREPULL):
        assert one["status"]["numberReady"] == one["status"]["desiredNumberScheduled"] == 2


def test_remove_refuses_while_a_session_runs() -> None:
    alice = lab_client("alice")
    alice.login()
    if alice.server() is None:
        alice.start({"choice": "free", "system": "lab", "business": ["ocean"]})
    done = run("remove", fails=True)
    assert "1 session(s) run, of alice" in done.text, done.text[-3000:]
    assert "kubernetes_remove_sessions=true" in done.text
    assert done.changed == 0
    assert json.loads(session("alice")["metadata"]["annotations"]["gaia-data.org/images"])["ocean"]
