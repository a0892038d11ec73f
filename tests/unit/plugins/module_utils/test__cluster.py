"""What a cluster can do, from what pods saw."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _cluster, _pods
from ansible_collections.gaia_data.vre.plugins.module_utils._cluster import PART, WHOLE, Seen
from ansible_collections.gaia_data.vre.plugins.module_utils._cluster_nodes import Sort
from ansible_collections.gaia_data.vre.plugins.module_utils._prepull import Settings

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DIGEST = f"sha256:{7:064x}"
LAB = f"registry.example.org/vre/lab@{DIGEST}"
AMD, ARM = (Sort("v1.36.3", "containerd://2.1.9", name) for name in ("amd64", "arm64"))
GOOD = Seen("node1", subpath=True)
CLASSES = [
    {
        "metadata": {"name": "fast", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "rancher.io/local-path",
    },
    {"metadata": {"name": "nfs"}, "provisioner": "nfs.csi.k8s.io"},
]
STORE = (True, "images are unpacked")
LINE = {"content": True, "whole": False, "readonly": True, "runs": ""}


def able(found: Any, refused: str = "", forced: str | None = None, **more: Any) -> dict[str, Any]:
    nodes = more.get("nodes", {sort: ["node1"] for sort in found})
    return _cluster.capabilities("v1.36.3", nodes, found, refused, more.get("store", STORE), forced)


# -- the pod ----------------------------------------------------------------------------------------


def test_the_pod_that_looks() -> None:
    found = _cluster.pod("gaia-vre-probe-1", ["node1", "node2"], LAB, Settings("logins"), 600, (WHOLE, PART))
    spec = found["spec"]
    whole, part = spec["containers"]
    assert (whole["image"], whole["command"][:3]) == (LAB, ["/opt/conda/bin/python", "-I", "-c"])
    assert whole["command"][4:] == ["/gaia-vre-probe", "/opt/conda/bin/python"]
    assert part["command"][4:] == ["/gaia-vre-probe", "/bin/python"]
    assert (whole["volumeMounts"][0].get("subPath"), part["volumeMounts"][0]["subPath"]) == (None, "opt/conda")
    assert spec["volumes"][0]["image"] == {"reference": LAB, "pullPolicy": "IfNotPresent"}
    assert (spec["activeDeadlineSeconds"], spec["restartPolicy"]) == (600, "Never")
    assert spec["imagePullSecrets"] == [{"name": "logins"}]
    assert spec["securityContext"]["runAsNonRoot"]
    plain = _cluster.pod("x", ["node1"], LAB, Settings(), 600, ())
    assert "volumes" not in plain["spec"]
    assert "volumeMounts" not in plain["spec"]["containers"][0]


def script(mount: Path, inner: str, seconds: float = 60) -> dict[str, Any]:
    text = _cluster.SCRIPT.replace(_cluster.PYTHON, sys.executable)
    text = text.replace(f"timeout={_cluster.RUNS}", f"timeout={seconds}")
    command = [sys.executable, "-I", "-c", text, str(mount), inner]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def test_what_the_script_sees(tmp_path: Path) -> None:
    """A volume with the same program, one with another one, an empty one; none is read-only here."""
    found = script(Path("/"), sys.executable)
    assert (found["content"], found["runs"]) == (True, "")
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho 43\n")
    other.chmod(0o755)
    assert script(tmp_path, "/python")["runs"] == "exit code 0"
    assert script(tmp_path, "/python")["content"] is False
    (tmp_path / "opt/conda").mkdir(parents=True)
    other.write_text("#!/bin/sh\nexec sleep 60\n")
    slow = script(tmp_path, "/python", 0.2)
    assert (slow["late"], slow["runs"]) == (True, "")
    empty = script(tmp_path, "/nothing")
    assert (empty["content"], empty["readonly"], empty["whole"]) == (False, False, True)
    assert "No such file" in empty["runs"]


def pod(phase: str, made: str = "2026-11-26T11:59:00Z", **states: Any) -> dict[str, Any]:
    containers = [{"name": name} for name in (WHOLE, PART)]
    statuses = [{"name": name, "image": LAB, "state": state} for name, state in states.items()]
    return {
        "metadata": {"name": "gaia-vre-probe-1", "uid": "1", "creationTimestamp": made},
        "spec": {"nodeName": "node1", "containers": containers},
        "status": {"phase": phase, "containerStatuses": statuses},
    }


ENDED = {"terminated": {"exitCode": 0, "reason": "Completed"}}
NO_SUBPATH = {"waiting": {"reason": "CreateContainerError", "message": "failed to mount image subpath: unknown"}}


@pytest.mark.parametrize(
    ("phase", "made", "left"),
    [
        ("Running", "2026-11-26T11:59:00Z", False),
        ("Succeeded", "2026-11-26T11:59:00Z", True),
        ("Pending", "2026-11-26T11:40:00Z", True),
    ],
)
def test_pods_that_were_left(phase: str, made: str, left: bool) -> None:
    assert _cluster.is_left(pod(phase, made), NOW, 660) is left


@pytest.mark.parametrize(
    ("pod", "over"),
    [
        (pod("Pending"), False),
        (pod("Running", whole=ENDED, part={"running": {}}), False),
        (pod("Running", whole=ENDED, part=NO_SUBPATH), True),
        (pod("Pending", whole=NO_SUBPATH, part={"waiting": {"reason": "ContainerCreating"}}), False),
        (pod("Succeeded", whole=ENDED, part=ENDED), True),
        (pod("Failed"), True),
    ],
)
def test_when_nothing_more_is_to_be_seen(pod: Any, over: bool) -> None:
    assert _cluster.is_over(pod, []) is over


def lines(whole: Any = None, part: Any = None) -> dict[str, str]:
    return {name: json.dumps(line) for name, line in ((WHOLE, whole), (PART, part)) if line}


@pytest.mark.parametrize(
    ("pod", "logs", "seen"),
    [
        (pod("Succeeded"), lines(LINE, LINE), Seen("node1", subpath=True)),
        (pod("Succeeded"), lines({**LINE, "whole": True}, {**LINE, "content": False, "whole": True}), Seen("node1")),
        (pod("Running", whole=ENDED, part=NO_SUBPATH), lines(LINE), Seen("node1")),
        (
            pod("Succeeded"),
            lines({**LINE, "content": False}),
            Seen("node1", "the volume does not have what is in the image"),
        ),
        (pod("Succeeded"), lines({**LINE, "readonly": False}), Seen("node1", "the volume can be written")),
        (
            pod("Succeeded"),
            lines({**LINE, "runs": "Permission denied"}),
            Seen("node1", "programs in the volume cannot be run: Permission denied"),
        ),
        (
            pod("Pending", whole=NO_SUBPATH, part=NO_SUBPATH),
            {},
            Seen("node1", "a container with such a volume does not start: failed to mount image subpath: unknown"),
        ),
        (
            pod(
                "Failed",
                whole={"terminated": {"exitCode": 128, "reason": "StartError", "message": "exec: no such file"}},
            ),
            {},
            Seen(
                "node1",
                error="the system image does not run on node1: exec: no such file. Remedy: use a system image of the "
                "contract, which has /opt/conda/bin/python",
            ),
        ),
        (
            pod("Running", whole={"running": {}}),
            {},
            Seen("node1", error="the pod that looks did not end within 600 s. Remedy: give it more time"),
        ),
    ],
)
def test_what_a_pod_saw(pod: Any, logs: dict[str, str], seen: Seen) -> None:
    assert _cluster.seen(pod, [], logs, 600) == seen


@pytest.mark.parametrize("late", [WHOLE, PART])
def test_a_program_that_takes_too_long_is_not_remembered(late: str) -> None:
    """A node that is busy now may mount images all the same."""
    found = _cluster.seen(pod("Succeeded"), [], lines(**{WHOLE: LINE, PART: LINE, late: {**LINE, "late": True}}), 600)
    assert (found.image, found.subpath) == ("", False)
    assert found.error.startswith("a program in the volume did not end within 300 s on node1. Remedy: ")
    assert _cluster.recorded(_cluster.record({AMD: found}, DIGEST, NOW), DIGEST) == {}


def test_a_pod_that_found_no_place_saw_nothing() -> None:
    waits = pod("Pending")
    del waits["spec"]["nodeName"]
    said = "0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are available"
    waits["status"]["conditions"] = [{"type": "PodScheduled", "status": "False", "message": said}]
    found = _cluster.seen(waits, _pods.troubles(waits, []), {}, 600)
    assert found.error.startswith(
        "the pod finds no node: 0/2 nodes are available: 2 Insufficient cpu. Remedy: make room"
    )


# -- what is remembered -----------------------------------------------------------------------------


def test_what_was_seen_is_remembered_with_its_time() -> None:
    text = _cluster.record({AMD: GOOD, ARM: Seen("node3", error="full")}, DIGEST, NOW)
    found = _cluster.recorded(text, DIGEST)
    assert found == {AMD: Seen("node1", "", True, "", "2026-11-26 12:00 UTC")}
    later = _cluster.record(found, DIGEST, datetime(2027, 1, 1, tzinfo=UTC))
    assert later == text, "as long as nothing new is seen, nothing changes"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "junk",
        "[]",
        '{"version": 2}',
        _cluster.record({AMD: GOOD}, f"sha256:{8:064x}", NOW),
        json.dumps({"version": 1, "substrate": "kubernetes", "image": DIGEST, "nodes": {"v1": {}}}),
    ],
)
def test_what_is_of_something_else_is_not_remembered(text: str) -> None:
    assert _cluster.recorded(text, DIGEST) == {}


# -- what follows -----------------------------------------------------------------------------------


def test_a_cluster_that_mounts_images() -> None:
    found = able({AMD: GOOD}, nodes={AMD: ["node1", "node2"]})
    assert (found["substrate"], found["version"], found["mount_kind"]) == ("kubernetes", "1.36.3", "image")
    assert (found["platform"], found["platforms"], found["subpath"]) == ("linux/amd64", ["linux/amd64"], True)
    assert found["reason"] == "the kubelet mounts images (measured on node1)"
    assert found["nodes"]["v1.36.3 containerd://2.1.9 amd64"]["names"] == ["node1", "node2"]
    assert found["notes"] == []


def test_of_several_kinds_of_nodes_all_have_to() -> None:
    both = able({AMD: GOOD, ARM: Seen("node3")})
    assert (both["mount_kind"], both["platforms"], both["subpath"]) == ("image", ["linux/amd64", "linux/arm64"], False)
    one = able({AMD: GOOD, ARM: Seen("node3", "the volume can be written")})
    assert one["mount_kind"] == "directory"
    assert one["reason"].startswith(
        "node3 (v1.36.3, containerd://2.1.9): the volume can be written. Remedy: Kubernetes"
    )
    assert one["reason"].endswith(". Instead: images are unpacked")


def test_a_kind_of_node_that_could_not_be_measured_is_told_and_passed_over() -> None:
    found = able({AMD: GOOD, ARM: Seen("", error="node3 is full. Remedy: make room")})
    assert (found["mount_kind"], found["notes"]) == ("image", ["node3 is full. Remedy: make room"])


def test_where_nothing_could_be_measured_the_centre_may_say_what_to_do() -> None:
    full = {AMD: Seen("", error="it is full. Remedy: make room")}
    found = able(full, store=(False, "no class"))
    assert (found["mount_kind"], found["reason"]) == (None, "it is full. Remedy: make room. Also: no class")
    forced = able(full, forced="image")
    assert forced["mount_kinds"]["image"] == {
        "usable": True,
        "reason": "vre_mount_kind says so, and no node was measured",
    }
    assert forced["notes"][-1] == "nodes are not measured, as vre_mount_kind says what to do"
    assert not able({}, forced="directory", nodes={AMD: ["node1"]})["mount_kinds"]["image"]["usable"]


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (
            'admission webhook "x" denied the request: no image volumes',
            'refused: admission webhook "x" denied the request: no image volumes. Remedy: have the cluster',
        ),
        (
            'Pod "x" is invalid: spec.volumes[0]: Required value: must specify a volume type',
            "the cluster knows no volumes of images: ",
        ),
    ],
)
def test_a_cluster_that_refuses_such_pods(refused: str, words: str) -> None:
    found = able({}, refused, nodes={AMD: ["node1"]})
    assert found["mount_kind"] == "directory"
    assert words in found["reason"]


def test_without_nodes_those_of_the_last_time_count() -> None:
    before = Seen("node1", subpath=True, at="2026-11-26 12:00 UTC")
    found = able({AMD: before}, nodes={})
    assert (found["mount_kind"], found["platform"]) == ("image", "linux/amd64")
    assert found["reason"] == "the kubelet mounts images (measured on node1 on 2026-11-26 12:00 UTC)"
    none = able({})
    assert (none["mount_kind"], none["platforms"]) == (None, [])
    assert none["reason"].startswith("no node takes sessions now. Remedy")


def claim(*modes: str) -> dict[str, Any]:
    return {"spec": {"accessModes": list(modes)}, "status": {"phase": "Bound"}}


@pytest.mark.parametrize(
    ("claim", "classes", "wanted", "usable", "words"),
    [
        (claim("ReadWriteMany"), None, "", True, "the claim gaia-vre-store (ReadWriteMany, Bound)"),
        (
            claim("ReadWriteOnce"),
            CLASSES,
            "nfs",
            False,
            "the claim gaia-vre-store is for one node only (ReadWriteOnce)",
        ),
        (None, CLASSES, "nfs", True, "a claim of the class nfs"),
        (None, None, "nfs", True, "a claim of the class nfs"),
        (None, CLASSES, "cephfs", False, "there is no StorageClass cephfs; the cluster has: fast (default, rancher.io"),
        (None, CLASSES, "", False, "no StorageClass is named whose volumes nodes can share; the cluster has: fast"),
        (None, None, "", False, "which ones there are may not be listed. Remedy: set kubernetes_store_class"),
        (None, [], "", False, "the cluster has: none."),
    ],
)
def test_a_store(claim: Any, classes: Any, wanted: str, usable: bool, words: str) -> None:
    found, reason = _cluster.store(claim, classes, wanted, ["linux/amd64"])
    assert found is usable
    assert words in reason


def test_a_store_is_for_one_architecture() -> None:
    usable, reason = _cluster.store(claim("ReadWriteMany"), None, "", ["linux/amd64", "linux/arm64"])
    assert not usable
    assert "several architectures (linux/amd64, linux/arm64)" in reason
