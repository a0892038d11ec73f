"""What a cluster says of pods that do not run."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _pods

IMAGE = "registry.example.org/vre/not-found@sha256:" + "0" * 64
PAUSE = "registry.example.org/vre/pause:1"


def event(reason: str, message: str, second: int = 0, version: int = 1, uid: str = "1") -> dict[str, Any]:
    return {
        "reason": reason,
        "message": message,
        "involvedObject": {"kind": "Pod", "uid": uid},
        "lastTimestamp": f"2026-11-26T10:00:{second:02}Z",
        "metadata": {"resourceVersion": str(version)},
    }


def failed(words: str) -> dict[str, Any]:
    said = f'failed to pull and unpack image "{IMAGE}": {words}'
    return event("Failed", f'Failed to pull image "{IMAGE}": rpc error: code = Unknown desc = {said}')


@pytest.mark.parametrize(
    ("words", "text", "fatal"),
    [
        (f'failed to resolve reference "{IMAGE}": {IMAGE}: not found', "is not in the registry", True),
        ("unexpected status from HEAD request: 401 Unauthorized", "the registry refuses", True),
        (
            (
                "pull access denied, repository does not exist or may require authorization: server message: "
                "insufficient_scope: authorization failed"
            ),
            "the registry refuses",
            True,
        ),
        ('no match for platform in manifest "sha256:1"', "is not there for this node's architecture", True),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", "does not trust", True),
        ('dial tcp 10.99.1.2:443: connect: connection refused: "denied"', "does not reach the registry", False),
        ("unexpected status from HEAD request to https://r/v2/x: 503 Service Unavailable", "does not reach", False),
        ("pull QPS exceeded", "has to wait", False),
        ("write /var/lib/containerd/x: no space left on device", "finds no room", False),
        ("something new", "is not pulled", False),
    ],
)
def test_what_is_said_of_a_pull(words: str, text: str, fatal: bool) -> None:
    found = _pods.troubles({"metadata": {}, "spec": {}, "status": {}}, [failed(words)])
    assert len(found) == 1
    assert text in found[0].text
    assert (found[0].image, found[0].fatal) == (IMAGE, fatal)
    assert "rpc error" not in found[0].said
    sentence = found[0].sentence("node1")
    assert sentence.startswith("registry.example.org/vre/not-found on node1 ")
    assert ". Remedy: " in sentence


def pod(reason: str = "", message: str = "", image: str = PAUSE, **more: Any) -> dict[str, Any]:
    status = {"containerStatuses": [{"name": "pause", "image": image, "state": {"waiting": {}}}]} if reason else {}
    if reason:
        status["containerStatuses"][0]["state"] = {"waiting": {"reason": reason, "message": message}}
    return {"metadata": {"uid": "1", **more}, "spec": {}, "status": {"phase": "Pending", **status}}


@pytest.mark.parametrize(
    ("reason", "message", "image", "fatal"),
    [
        ("ImagePullBackOff", f'Back-off pulling image "{IMAGE}": ErrImagePull: {IMAGE}: not found', IMAGE, True),
        ("ErrImagePull", "pull QPS exceeded", PAUSE, False),
        ("InvalidImageName", 'Failed to apply default image tag "a b": couldn\'t parse image name', PAUSE, True),
        ("CreateContainerError", "failed to mount", "", False),
    ],
)
def test_why_a_container_waits(reason: str, message: str, image: str, fatal: bool) -> None:
    found = _pods.troubles(pod(reason, message), [])
    assert [(one.image, one.fatal) for one in found] == [(image, fatal)]


@pytest.mark.parametrize("reason", ["ContainerCreating", "PodInitializing"])
def test_what_is_no_trouble(reason: str) -> None:
    assert _pods.troubles(pod(reason), [event("Pulling", f'Pulling image "{IMAGE}"')]) == []


def test_a_pull_that_failed_and_then_did_not() -> None:
    again = [failed("pull QPS exceeded"), event("Pulled", f'Successfully pulled image "{IMAGE}" in 1s', 1)]
    assert _pods.troubles(pod("ContainerCreating"), again) == []
    assert _pods.pulled(again) == {IMAGE}
    assert _pods.pulled([*again, failed("not found")]) == set()


def test_trouble_of_the_node_with_a_pod_is_the_last_that_is_said() -> None:
    network = event("FailedCreatePodSandBox", "Failed to create pod sandbox: network is not ready")
    found = _pods.troubles(pod(), [network])
    assert [(one.image, one.fatal) for one in found] == [("", False)]
    assert found[0].sentence("node1").startswith("the pod on node1 does not start (FailedCreatePodSandBox): Failed to")
    assert _pods.troubles(pod(), [network, event("Pulling", f'Pulling image "{IMAGE}"', 1)]) == []


def test_events_are_in_their_order_and_of_their_pod() -> None:
    found = _pods.by_uid([event("B", "", 2), event("A", "", 1), event("D", "", 2, 10), event("C", "", 2, 9, uid="2")])
    assert {uid: [one["reason"] for one in told] for uid, told in found.items()} == {"1": ["A", "B", "D"], "2": ["C"]}


@pytest.mark.parametrize(
    ("events", "said", "remedy"),
    [
        ([], None, ""),
        ([event("SuccessfulCreate", "Created pod: x"), event("SuccessfulDelete", "Deleted pod: x")], None, ""),
        ([event("FailedCreate", "Error creating: no"), event("SuccessfulCreate", "Created pod: x")], None, ""),
        (
            [
                event("SuccessfulCreate", "Created pod: x"),
                event("FailedCreate", 'Error creating: pods "y" is forbidden: exceeded quota: small, used: pods=1'),
                event("SuccessfulDelete", "Deleted pod: z"),
            ],
            'pods "y" is forbidden: exceeded quota: small, used: pods=1',
            "have the quota of the namespace raised",
        ),
        (
            [
                event(
                    "FailedCreate",
                    '(combined from similar events): Error creating: pods "y" is forbidden: minimum memory usage per '
                    "Container is 64Mi, but request is 16Mi",
                )
            ],
            'pods "y" is forbidden: minimum memory usage per Container is 64Mi, but request is 16Mi',
            "have the LimitRange of the namespace changed",
        ),
        ([event("FailedCreate", "Error creating: something new")], "something new", "the cluster tries again"),
    ],
)
def test_a_pod_that_the_cluster_does_not_make(events: list[Any], said: str | None, remedy: str) -> None:
    found = _pods.unmade(events)
    assert (found and found.said) == said
    if found is not None:
        assert found.sentence("").startswith(f"the pod is not made: {said}. Remedy: ")
        assert remedy in found.remedy
        assert not found.fatal


def test_long_words_are_cut() -> None:
    assert len(_pods.plain("x" * 1000)) == _pods.LONGEST_SAID
    assert _pods.plain("rpc error: code = NotFound desc = a\n b.") == "a b"


@pytest.mark.parametrize(
    ("spec", "images"),
    [
        ({"volumes": [{"name": "x", "image": {"reference": IMAGE}}], "containers": [{"image": PAUSE}]}, [IMAGE]),
        ({"volumes": [{"name": "x", "emptyDir": {}}], "containers": [{"image": PAUSE}]}, [PAUSE]),
        ({}, []),
    ],
)
def test_images_of_a_pod(spec: Any, images: list[str]) -> None:
    assert _pods.images_of(spec) == images
