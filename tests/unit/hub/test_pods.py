"""What a cluster says of a pod, and what its user is told; pods themselves run in the scenario kubernetes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gaia_vre_hub import pods
from gaia_vre_hub.locale import MESSAGES
from gaia_vre_hub.pods import Trouble

DIGEST = "sha256:" + "ab" * 32
OCEAN = f"registry.example.org/vre/ocean@{DIGEST}"
TITLES = {DIGEST: "Ocean modelling"}
PULL = f'failed to pull and unpack image "{OCEAN}": failed to resolve reference "{OCEAN}": '
RPC = f"rpc error: code = NotFound desc = {PULL}"
HEAD = f'Head "https://registry.example.org/v2/vre/ocean/manifests/{DIGEST}"'


def event(reason: str, message: str, number: int = 1, at: str = "2026-11-26T10:00:00Z", **more: Any) -> dict[str, Any]:
    """An event of a pod as the API has it; ``number`` is its version."""
    about = {"kind": "Pod", "namespace": "jupyterhub", "name": "jupyter-alice", "uid": "1", **more}
    metadata = {"name": f"jupyter-alice.{number}", "namespace": "jupyterhub", "resourceVersion": str(number)}
    return {"reason": reason, "message": message, "lastTimestamp": at, "metadata": metadata, "involvedObject": about}


def pod(status: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """A pod with one container."""
    named = {"name": "jupyter-alice", "namespace": "jupyterhub", "uid": "1", **metadata}
    return {"metadata": named, "spec": {"containers": [{"name": "notebook"}]}, "status": status or {"phase": "Pending"}}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"phase": "Pending", "containerStatuses": [{"name": "notebook", "image": OCEAN, "state": state}]}


def terminated(why: str, words: str = "", code: int = 1, **more: Any) -> dict[str, Any]:
    state = {"terminated": {"reason": why, "message": words, "exitCode": code}}
    return {"phase": "Failed", "containerStatuses": [{"name": "notebook", "state": state}], **more}


def unscheduled(message: str) -> dict[str, Any]:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return {"phase": "Pending", "conditions": [condition]}


# What a runtime says of a pull, after "Failed to pull image …: " in an event or alone in a container's status.
FAILED_PULLS = [
    (f"{RPC}{OCEAN}: not found", "pod_image_absent", True),
    (f"reading manifest {DIGEST} in registry.example.org/vre/ocean: manifest unknown", "pod_image_absent", True),
    (
        (
            f"{RPC}pull access denied, repository does not exist or may require authorization: authorization "
            "failed: no basic auth credentials"
        ),
        "pod_image_denied",
        True,
    ),
    (
        (
            f"{RPC}failed to authorize: failed to fetch oauth token: unexpected status from GET request to "
            "https://registry.example.org/token?scope=repository%3Avre%2Focean%3Apull: 401 Unauthorized"
        ),
        "pod_image_denied",
        True,
    ),
    ("unable to retrieve auth token: invalid username/password: unauthorized: 403 Forbidden", "pod_image_denied", True),
    (f"{RPC}no match for platform in manifest: not found", "pod_image_platform", True),
    (
        (
            f"{RPC}failed to do request: {HEAD}: tls: failed to "
            "verify certificate: x509: certificate signed by unknown authority"
        ),
        "pod_image_trust",
        True,
    ),
    (
        (f"{RPC}failed to do request: {HEAD}: dial tcp 10.99.0.2:443: connect: connection refused"),
        "pod_image_registry",
        False,
    ),
    (
        (
            f"{RPC}unexpected status from HEAD request to https://registry.example.org/v2/vre/ocean: 503 "
            "Service Unavailable"
        ),
        "pod_image_registry",
        False,
    ),
    (f"{RPC}dial tcp: lookup registry.example.org on 10.96.0.10:53: no such host", "pod_image_registry", False),
    (f"{RPC}failed to authorize: dial tcp 10.99.0.2:443: i/o timeout", "pod_image_registry", False),
    (f"image pull failed for {OCEAN} because the registry is unavailable: x", "pod_image_registry", False),
    ("pull QPS exceeded", "pod_image_busy", False),
    (f"{RPC}unexpected status from HEAD request to https://r/v2/: 429 Too Many Requests", "pod_image_busy", False),
    (f"{RPC}write /var/lib/containerd/x: no space left on device", "pod_image_disk", False),
    (f"{RPC}something new", "pod_image", False),
]


@pytest.mark.parametrize(("said", "message", "fatal"), FAILED_PULLS)
def test_an_image_that_cannot_be_pulled(said: str, message: str, fatal: bool) -> None:
    failed = event("Failed", f'Failed to pull image "{OCEAN}": {said}', 2)
    events = [event("Failed", "Error: ErrImagePull", 3), failed, event("Pulling", f'Pulling image "{OCEAN}"')]
    later = waiting("ImagePullBackOff", f'Back-off pulling image "{OCEAN}": ErrImagePull: {said}')
    for found in (pods.trouble(pod(), events), pods.trouble(pod(waiting("ErrImagePull", said)), [])):
        assert found is not None
        assert (found.message, found.fatal, pods.title(found.image, TITLES)) == (message, fatal, "Ocean modelling")
        assert said in found.said
    told = pods.trouble(pod(later), events)
    assert told is not None
    assert told.message == message


def test_of_several_images_each_is_heard() -> None:
    """A container's status names the last one only, which may only have to wait."""
    gone = f'Failed to pull image "{OCEAN}": {RPC}{OCEAN}: not found'
    events = [event("Failed", gone), event("Pulling", 'Pulling image "r/x@sha256:1"', 2)]
    busy = waiting("ErrImagePull", "pull QPS exceeded")
    assert pods.trouble(pod(busy), events) == Trouble("pod_image_absent", image=OCEAN, said=gone)


def test_an_image_that_comes_after_all_is_no_trouble() -> None:
    away = f'Failed to pull image "{OCEAN}": {RPC}connection refused'
    came = f'Successfully pulled image "{OCEAN}" in 2s (2s including waiting). Image size: 55000000 bytes.'
    events = [event("Failed", away, 9), event("Pulled", came, 10)]
    assert pods.trouble(pod(), events) is None
    events[1]["lastTimestamp"], events[1]["eventTime"] = None, "2026-11-26T09:59:59.000000Z"
    assert pods.trouble(pod(), events) is not None, "it was away since"


def test_names_of_images_are_no_words() -> None:
    image = "registry.example.org/not-found/unauthorized@sha256:1"
    said = f'Failed to pull image "{image}": failed to resolve reference "{image}": {image}: connection refused'
    found = pods.trouble(pod(), [event("Failed", said)])
    assert found is not None
    assert found.message == "pod_image_registry"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (waiting("ContainerCreating"), None),
        (waiting("PodInitializing"), None),
        (
            waiting("InvalidImageName", 'Failed to apply default image tag "a b": couldn\'t parse image name "a b"'),
            Trouble(
                "pod_image",
                image=OCEAN,
                said='Failed to apply default image tag "a b": couldn\'t parse image name "a b"',
            ),
        ),
        (
            waiting("ErrImageNeverPull", f'Container image "{OCEAN}" is not present with pull policy of Never'),
            Trouble(
                "pod_image", image=OCEAN, said=f'Container image "{OCEAN}" is not present with pull policy of Never'
            ),
        ),
        (
            waiting("CreateContainerConfigError", 'secret "token" not found'),
            Trouble("pod_container", said='secret "token" not found'),
        ),
        (
            waiting(
                "CreateContainerConfigError", 'failed to prepare subPath for volumeMount "gaia-vre-store" of container'
            ),
            Trouble("pod_store", said='failed to prepare subPath for volumeMount "gaia-vre-store" of container'),
        ),
        (waiting("CreateContainerError", "context deadline exceeded"), "heals"),
        (waiting("CreateContainerError", 'name "x" is reserved for "y"'), "heals"),
        (
            terminated("StartError", 'exec: "jupyterhub-singleuser": executable file not found in $PATH', 128),
            Trouble("pod_container", said='exec: "jupyterhub-singleuser": executable file not found in $PATH'),
        ),
        (terminated("OOMKilled", code=137), Trouble("session_memory")),
        (terminated("Error", "ImportError: no module"), Trouble("session_ended", said="ImportError: no module")),
        (terminated("Completed", code=0), Trouble("session_ended")),
        (
            {
                "phase": "Failed",
                "reason": "OutOfcpu",
                "message": "Pod was rejected: Node didn't have enough resource: cpu",
            },
            Trouble("pod_rejected", said="Pod was rejected: Node didn't have enough resource: cpu"),
        ),
        (
            {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory. Threshold …"},
            Trouble("pod_low_memory", said="The node was low on resource: memory. Threshold …"),
        ),
        ({"phase": "Failed", "reason": "Terminated", "message": "imminent node shutdown"}, Trouble("pod_node")),
        ({"phase": "Failed", "reason": "DeadlineExceeded", "message": "…"}, Trouble("pod_time")),
        ({"phase": "Running", "containerStatuses": [{"name": "notebook", "state": {"running": {}}}]}, None),
        ({}, None),
    ],
)
def test_why_a_pod_does_not_run(status: dict[str, Any], expected: Trouble | str | None) -> None:
    found = pods.trouble(pod(status), [])
    if expected == "heals":
        assert found is not None
        assert not found.fatal
    else:
        assert found == expected


def test_a_session_that_ended_and_starts_anew_has_ended() -> None:
    status: dict[str, Any] = waiting("CrashLoopBackOff", "back-off 10s restarting failed container")
    status["containerStatuses"][0]["lastState"] = {"terminated": {"reason": "Error", "message": "boom", "exitCode": 1}}
    assert pods.trouble(pod(status), []) == Trouble("session_ended", said="boom")


def test_a_step_before_the_session_that_failed_is_named() -> None:
    state = {"terminated": {"exitCode": 3, "reason": "Error", "message": "no rights"}}
    status = {"phase": "Failed", "initContainerStatuses": [{"name": "block-metadata", "state": state}]}
    assert pods.trouble(pod(status), []) == Trouble("pod_container", said="block-metadata: no rights")


FULL = "0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: 0/2 nodes are available."


@pytest.mark.parametrize(
    ("said", "events", "message", "value", "fatal"),
    [
        (FULL, [], "pod_full", "cpu", False),
        (
            "0/3 nodes are available: 1 Insufficient nvidia.com/gpu, 2 Insufficient memory. preemption: …",
            [],
            "pod_full",
            "nvidia.com/gpu, memory",
            False,
        ),
        ("0/2 nodes are available: 2 Too many pods. preemption: …", [], "pod_full", "pods", False),
        (FULL, [event("TriggeredScaleUp", "pod triggered scale-up: [{a 1->2 (max: 5)}]")], "pod_grows", "", False),
        (FULL, [event("NotTriggerScaleUp", "pod didn't trigger scale-up")], "pod_full", "cpu", False),
        (
            "0/2 nodes are available: 2 node(s) had untolerated taint(s). preemption: 0/2 nodes are available: …",
            [],
            "pod_unplaced",
            "",
            False,
        ),
        (
            "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found",
            [],
            "pod_home",
            "",
            False,
        ),
        (
            '0/2 nodes are available: persistentvolumeclaim "gaia-vre-store" not found. preemption: …',
            [],
            "pod_volume_absent",
            'persistentvolumeclaim "gaia-vre-store"',
            True,
        ),
    ],
)
def test_why_no_machine_takes_it(said: str, events: list[Any], message: str, value: str, fatal: bool) -> None:
    found = pods.trouble(pod(unscheduled(said)), events)
    assert found is not None
    assert (found.message, found.value, found.fatal) == (message, value, fatal)
    assert found.patience == (pods.SETTLES if fatal else 0), "what was made a moment ago is not seen everywhere"
    assert "preemption" not in found.said


@pytest.mark.parametrize(
    ("reason", "said", "message", "fatal"),
    [
        ("FailedMount", 'MountVolume.SetUp failed for volume "x" : configmap "y" not found', "pod_volume_absent", True),
        ("FailedMount", 'MountVolume.SetUp failed for volume "n" : mount failed: exit status 32', "pod_volume", False),
        ("FailedMount", 'MountVolume.SetUp failed for volume "d" : hostPath type check failed: /d', "pod_volume", True),
        ("FailedAttachVolume", 'Multi-Attach error for volume "pvc-1" Volume is already used', "pod_volume", False),
        ("FailedCreatePodSandBox", "Failed to create pod sandbox: rpc error: …", "pod_machine", False),
    ],
)
def test_trouble_with_volumes_is_over_when_images_come(reason: str, said: str, message: str, fatal: bool) -> None:
    events = [event(reason, said)]
    found = pods.trouble(pod(waiting("ContainerCreating")), events)
    assert found is not None
    assert (found.message, found.fatal) == (message, fatal)
    events.append(event("Pulling", f'Pulling image "{OCEAN}"', 2))
    assert pods.trouble(pod(waiting("ContainerCreating")), events) is None


def test_which_image_is_being_pulled() -> None:
    there = f'Container image "{OCEAN}" already present on machine'
    assert pods.pulled_now([]) == ""
    assert pods.pulled_now([event("Pulled", there, 1), event("Pulling", 'Pulling image "r/x:1"', 2)]) == "r/x:1"
    assert pods.pulled_now([event("Pulling", f'Pulling image "{OCEAN}"', 1), event("Pulled", there, 2)]) == ""


@pytest.mark.parametrize(
    ("status", "message", "said"),
    [
        (terminated("OOMKilled", code=137), "session_memory", ""),
        (terminated("Error", "boom\n"), "session_over_said", "boom\n"),
        (terminated("Completed", code=0), "session_over", ""),
        (
            terminated(
                "Error", code=137, reason="Evicted", message='Usage of EmptyDir volume "x" exceeds the limit "1Gi". '
            ),
            "pod_low_disk",
            'Usage of EmptyDir volume "x" exceeds the limit "1Gi". ',
        ),
        (
            {"phase": "Failed", "reason": "Evicted", "message": "Pod ephemeral local storage usage exceeds …"},
            "pod_low_disk",
            ...,
        ),
        (
            {"phase": "Failed", "reason": "Evicted", "message": "The node had condition: [PIDPressure]. "},
            "pod_evicted",
            ...,
        ),
        (
            {"phase": "Running", "conditions": [{"type": "DisruptionTarget", "reason": "DeletionByTaintManager"}]},
            "pod_node",
            "",
        ),
        (
            {"phase": "Running", "conditions": [{"type": "DisruptionTarget", "reason": "EvictionByEvictionAPI"}]},
            "pod_drained",
            "",
        ),
    ],
)
def test_how_a_session_ended(status: dict[str, Any], message: str, said: Any) -> None:
    found, words = pods.ended(pod(status), [])
    assert found == message
    assert said in (..., words)


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([], "pod_gone"),
        ([event("Killing", "Stopping container notebook")], "pod_gone"),
        (
            [
                event("NodeNotReady", "Node is not ready", 1),
                event("TaintManagerEviction", "Marking for deletion Pod a/b", 2),
            ],
            "pod_node",
        ),
        ([event("TaintManagerEviction", "Cancelling deletion of Pod a/b")], "pod_gone"),
        ([event("Preempted", "Preempted by pod x on node y")], "pod_preempted"),
        ([event("Evicted", "The node was low on resource: ephemeral-storage. ")], "pod_low_disk"),
    ],
)
def test_how_a_session_ended_whose_pod_is_gone(events: list[Any], message: str) -> None:
    assert pods.ended(None, events)[0] == message


@pytest.mark.parametrize(
    ("status", "metadata", "over"),
    [
        ({"phase": "Running", "containerStatuses": [{"name": "notebook", "state": {"running": {}}}]}, {}, False),
        ({"phase": "Pending"}, {}, False),
        ({"phase": "Running"}, {"deletionTimestamp": "2026-11-26T10:00:00Z"}, True),
        ({"phase": "Running", "conditions": [{"type": "DisruptionTarget", "reason": "x"}]}, {}, True),
        ({"phase": "Running", "containerStatuses": [{"name": "notebook", "state": {"terminated": {}}}]}, {}, True),
        ({"phase": "Succeeded"}, {}, True),
    ],
)
def test_when_a_session_is_over(status: dict[str, Any], metadata: dict[str, Any], over: bool) -> None:
    assert pods.is_over(pod(status, **metadata)) is over


def test_a_pod_that_is_deleted_was_not_short_of_memory() -> None:
    killed = terminated("Error", code=137)
    assert pods.ended(pod(killed), []) == ("session_memory", "")
    assert pods.ended(pod(killed, deletionTimestamp="2026-11-26T10:00:00Z"), []) == ("pod_gone", "")
    assert pods.trouble(pod(killed), []) == Trouble("session_memory")


def test_events_of_a_former_pod_of_the_same_name_are_not_this_ones() -> None:
    old, new = event("Killing", "x", 5), event("Started", "y", 6, uid="2")
    assert pods.of_one([new, old], "1") == [old]
    assert pods.of_one([new, old], "") == [new]
    assert pods.of_one([], "") == []


def test_events_are_read_once_for_all() -> None:
    class Reflector:
        resources = {"a": event("Started", "x"), "b": event("Started", "y", name="jupyter-bob")}  # noqa: RUF012

    reflector, events = Reflector(), pods.Events(age=60)
    assert [one["message"] for one in events.of(reflector, "jupyterhub", "jupyter-bob")] == ["y"]
    reflector.resources = {}
    assert len(events.of(reflector, "jupyterhub", "jupyter-alice")) == 1
    assert events.of(reflector, "other", "jupyter-alice") == []
    assert pods.Events(age=0).of(reflector, "jupyterhub", "jupyter-alice") == []


NOW = datetime(2026, 11, 26, 10, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "overdue"), [("2026-11-26T09:58:59Z", True), ("2026-11-26T09:59:30Z", False), (None, False)]
)
def test_a_pod_whose_machine_is_lost_is_overdue(at: str | None, overdue: bool) -> None:
    metadata: dict[str, Any] = {"deletionTimestamp": at} if at else {}
    assert pods.is_overdue(pod(**metadata), NOW, 60) is overdue


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (
            403,
            (
                'pods "jupyter-alice" is forbidden: exceeded quota: vre, requested: limits.cpu=2,'
                "limits.memory=2Gi,pods=1, used: limits.cpu=2,limits.memory=2Gi,pods=1, limited: limits.cpu=2,pods=1"
            ),
            Trouble("pod_quota", value="cpu, memory, pods"),
        ),
        (
            403,
            (
                'persistentvolumeclaims "claim-alice" is forbidden: exceeded quota: vre, requested: '
                "requests.storage=10Gi, used: requests.storage=0, limited: requests.storage=1Gi"
            ),
            Trouble("pod_quota", value="storage"),
        ),
        (
            403,
            (
                'pods "jupyter-alice" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation '
                '!= false (container "notebook" must set securityContext.allowPrivilegeEscalation=false)'
            ),
            "pod_refused",
        ),
        (422, 'Pod "jupyter-alice" is invalid: spec.volumes[0].name: Invalid value', "pod_refused"),
        (401, "Unauthorized", "cluster_silent"),
        (500, "etcdserver: request timed out", "cluster_silent"),
        (503, "", "cluster_silent"),
    ],
)
def test_what_the_cluster_refuses(status: int, said: str, expected: Trouble | str) -> None:
    found = pods.refused(status, said)
    if isinstance(expected, Trouble):
        assert found == expected
    else:
        assert (found.message, found.said) == (expected, said)
    assert found.hub == (found.message == "cluster_silent"), "only this one may be mended by a new hub"


@pytest.mark.parametrize(("said", "_message", "_fatal"), FAILED_PULLS)
def test_no_scientist_reads_a_digest(said: str, _message: str, _fatal: bool) -> None:
    told = pods.readable(f'Failed to pull image "{OCEAN}": {said}', TITLES)
    assert "Ocean modelling" in told
    assert "rpc error" not in told
    assert "ab" * 5 not in told
    assert pods.readable(said, {}).count("abab") < 20


def test_words_of_a_cluster_are_one_line_and_name_what_they_are_about() -> None:
    said = f"{RPC}{OCEAN}: something new\nand more"
    told = "failed to pull and unpack image Ocean modelling: failed to resolve reference Ocean modelling: "
    assert pods.readable(said, TITLES) == f"{told}something new and more"
    assert pods.title("registry.example.org/other@sha256:1", TITLES) == "registry.example.org/other"


def test_of_many_words_there_are_the_first_and_the_last() -> None:
    said = 'violates PodSecurity "restricted:latest": ' + "much " * 200 + "in the end."
    told = pods.readable(said, {})
    assert len(told) <= 300
    assert told.startswith("violates PodSecurity")
    assert told.endswith("in the end.")


def test_the_last_words_of_a_session() -> None:
    said = 'Traceback:\n  File "a.py", line 1\n    ^^^^^^\n  File "b.py"\n    ~~~^^~~~\nOSError: Cannot connect\n\n'
    assert pods.last_words(said) == 'File "a.py", line 1 File "b.py" OSError: Cannot connect'
    assert pods.last_words("") == ""


def test_every_message_has_its_words() -> None:
    assert set(MESSAGES) >= pods.SAID
    named = {message for message, _fatal, _expression in pods.PULLS} | {*pods.TAKEN.values(), *pods.FAILED.values()}
    assert named <= set(MESSAGES)
