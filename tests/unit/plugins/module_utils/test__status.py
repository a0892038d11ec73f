"""What an admin is told of a centre."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _status
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def pin(number: int) -> dict[str, Any]:
    return {"version": str(number), "digest": f"sha256:{number:064x}"}


MANIFEST: dict[str, Any] = {
    "substrate": "docker",
    "mount_kind": "image",
    "images": {
        "lab": {"offered": pin(1), "candidate": None},
        "ocean": {"offered": pin(2), "candidate": pin(3), "retained": [pin(4)]},
        "geo": {"offered": None, "candidate": None},
    },
    "compositions": {
        "coastal": {"system": "lab", "business": ["ocean"]},
        "land": {"system": "lab", "business": ["geo"]},
    },
}
CHECKS = {
    "images": {
        "lab": {"digest": pin(1)["digest"], "at": "2026-11-25T09:00:00Z", "ok": True},
        "ocean": {
            "digest": pin(3)["digest"],
            "at": "2026-11-24T11:00:00Z",
            "ok": False,
            "failed": ["k-ocean"],
            "error": "no x",
        },
    }
}
SESSION = {"user": "alice", "since": "2026-11-25T11:30:00.5Z", "composition": "coastal", "images": {"ocean": pin(4)}}


def test_jobs_by_what_the_scheduler_says_of_them() -> None:
    digests = [pin(number)["digest"][7:] for number in (1, 4, 9)]
    lines = [f"gaia-vre-1 bob 13 {','.join(digests)} 2026-11-25T11:30:00", "gaia-vre-2 alice 12 (null) N/A"]
    assert _status.jobs(lines, MANIFEST) == [
        {"user": "alice (job 12)", "since": "N/A", "composition": None, "images": {}},
        {
            "user": "bob (job 13)",
            "since": "2026-11-25T11:30:00",
            "composition": None,
            "images": {
                "lab": pin(1),
                "ocean": pin(4),
                "an image that is not in the manifest": {**pin(9), "version": ""},
            },
        },
    ]


def test_of_many_images_a_job_tells_how_their_digests_begin() -> None:
    manifest = {"images": {"geo": {"offered": {"version": "1", "digest": f"sha256:{'ab' * 32}"}}}}
    (job,) = _status.jobs(["gaia-vre-1 bob 13 cdcd,abab N/A"], manifest)
    assert job["images"] == {
        "an image that is not in the manifest": {"version": "", "digest": "sha256:cdcd"},
        "geo": manifest["images"]["geo"]["offered"],
    }


def test_the_report() -> None:
    notice = {"text": {"fr": "Bientôt"}, "drain": True}
    assert _status.report(MANIFEST, CHECKS, notice, [SESSION], NOW) == [
        "Substrate docker, mount kind image.",
        "Drained: no new session can start.",
        "Announced: Bientôt",
        "Offered: lab 1 at sha256:000000000000, checked 3 h ago",
        "Offered: ocean 2 at sha256:000000000000, not checked yet",
        "Candidate: ocean 3 at sha256:000000000000, check FAILED 1 d ago: k-ocean: no x; 2 stays on offer",
        "Retained: ocean 4 at sha256:000000000000",
        "Not here (yet): geo; run publish",
        "Composition coastal: can be launched",
        "Composition land: cannot be launched, as geo is not on offer",
        "Sessions: 1",
        "  alice: composition coastal, since 30 min ago: ocean 4 at sha256:000000000000",
        "Used by 1: ocean 4 at sha256:000000000000",
    ]


def session_pod(user: str, phase: str = "Running", **variables: str) -> dict[str, Any]:
    record = json.dumps({"composition": "coastal", "images": {"ocean": {**pin(4), "title": "A $$ sign"}}})
    env = [{"name": name, "value": value} for name, value in ({"GAIA_VRE_SESSION": record} | variables).items()]
    return {
        "metadata": {
            "name": f"jupyter-{user}",
            "annotations": {"hub.jupyter.org/username": user},
            "creationTimestamp": "2026-11-25T11:29:00Z",
        },
        "spec": {"containers": [{"name": "notebook", "env": [*env, {"name": "TOKEN", "valueFrom": {}}]}]},
        "status": {"phase": phase, "startTime": "2026-11-25T11:30:00Z"},
    }


def test_pods_by_their_record() -> None:
    found = [session_pod("bob"), session_pod("alice", "Pending"), session_pod("eve", "Failed")]
    other = session_pod("zoe", GAIA_VRE_SESSION="{}")
    images = {"ocean": {**pin(4), "title": "A $ sign"}}
    assert _status.pods([*found, other]) == [
        {"user": user, "since": "2026-11-25T11:30:00Z", "composition": "coastal", "images": images}
        for user in ("alice", "bob")
    ]


def hub_pod(name: str, phase: str, *containers: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": {"phase": phase, "containerStatuses": list(containers)}}


def test_the_hubs_own_pods() -> None:
    waiting = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}}
    services = _status.services(
        [
            hub_pod("hub-1", "Running", {"ready": True, "restartCount": 2, "state": {"running": {}}}),
            hub_pod("hub-2", "Running", {"ready": False, "state": {"running": {}}}),
            hub_pod("proxy-1", "Pending", waiting),
            hub_pod("proxy-2", "Pending"),
        ]
    )
    assert services == {
        "hub-1": "running, 2 restart(s)",
        "hub-2": "running, not ready",
        "proxy-1": "waits: ImagePullBackOff not found",
        "proxy-2": "pending",
    }
    assert _status.cluster_report("v1.36.3", "hub", {"hub-1": "running"}) == [
        "Kubernetes v1.36.3, namespace hub: hub-1 running"
    ]
    assert _status.cluster_report("v1.36.3", "hub", {})[0].endswith("no hub runs there")


@pytest.mark.parametrize(("text", "found"), [("", {}), ("junk", {}), ("[]", {}), ('{"a": 1}', {"a": 1})])
def test_texts_of_the_hub(text: str, found: dict[str, Any]) -> None:
    assert _status.parsed(text) == found


def docker(*environments: list[str]) -> _status.Run:
    def run(command: Sequence[str]) -> tuple[int, str]:
        if command[1] == "ps":
            return 0, "\n".join(str(number) for number, _one in enumerate(environments))
        return 1, "\n".join(
            f"{json.dumps(one)} 2026-11-25T11:30:00Z" for one in environments
        ) + "\nError: no such object"

    return run


def test_sessions_are_told_from_other_containers_and_their_secrets_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: "/usr/bin/docker")
    record = json.dumps({"centre": "x", "composition": None, "images": {"ocean": pin(1)}})
    ours = ["JUPYTERHUB_USER=bob", "JUPYTERHUB_API_TOKEN=secret", f"GAIA_VRE_SESSION={record}"]
    found = _status.sessions(docker(["A=b"], ours, ["GAIA_VRE_SESSION=junk"]))
    assert found == [{"user": "bob", "since": "2026-11-25T11:30:00Z", "composition": None, "images": {"ocean": pin(1)}}]


def test_an_engine_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: "/usr/bin/docker")
    with pytest.raises(VreError, match="Docker does not answer: no socket"):
        _status.sessions(lambda _command: (1, "no socket"))


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ("2026-11-25T12:00:00Z", "just now"),
        ("2026-11-25T11:59:00.123456789Z", "1 min ago"),
        ("2026-11-25T02:00:00Z", "10 h ago"),
        ("2026-11-20T12:00:00Z", "5 d ago"),
        ("2026-12-25T12:00:00Z", "just now"),
        ("junk", "at an unknown time"),
    ],
)
def test_ago(when: str, words: str) -> None:
    assert _status.ago(when, NOW) == words


def test_images_by_name() -> None:
    found = _status.images(MANIFEST, CHECKS)
    assert found["ocean"]["offered"] == pin(2)
    assert found["ocean"]["candidate"] == pin(3)
    assert found["ocean"]["retained"] == [pin(4)]
    assert found["ocean"]["check"] == CHECKS["images"]["ocean"]
    assert found["geo"] == {"offered": None, "candidate": None, "retained": [], "check": None}
