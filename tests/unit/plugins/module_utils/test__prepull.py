"""Which image is in which group, and how far the groups are."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _pods, _prepull
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreErrors
from ansible_collections.gaia_data.vre.plugins.module_utils._prepull import Group, Settings

PAUSE = "registry.example.org/vre/pause:1"
SETTINGS = Settings("gaia-vre-registries", PAUSE, [{"key": "gpu", "operator": "Exists"}], {"vre": "yes"})


def image(number: int) -> str:
    return f"registry.example.org/vre/tiny{number}@sha256:{number:064x}"


def images(*numbers: int) -> tuple[str, ...]:
    return tuple(image(number) for number in numbers)


def plan(there: list[Group], *wanted: int, size: int = 3, volumes: bool = True) -> list[Group]:
    return _prepull.plan(there, images(*wanted), size=size, volumes=volumes)


@pytest.mark.parametrize(
    ("there", "wanted", "after"),
    [
        ({}, (), {}),
        ({}, (1, 2), {1: (1, 2)}),
        ({}, (1, 2, 3, 4), {1: (1, 2, 3), 2: (4,)}),
        ({1: (1, 2, 3), 2: (4,)}, (5, 6, 7), {1: (1, 2, 3), 2: (4, 5, 6), 3: (7,)}),
        ({1: (1, 2), 2: (4, 5)}, (6, 7, 8), {1: (1, 2, 6), 2: (4, 5, 7), 3: (8,)}),
        ({2: (1, 2, 3)}, (1, 9), {1: (9,), 2: (1, 2, 3)}),
        ({1: (1, 2, 3, 4, 5)}, (5, 6), {1: (1, 2, 3, 4, 5), 2: (6,)}),
        ({}, (1, 1), {1: (1,)}),
    ],
)
def test_what_is_new_goes_where_there_is_room_and_nothing_else_moves(
    there: dict[int, tuple[int, ...]], wanted: tuple[int, ...], after: dict[int, tuple[int, ...]]
) -> None:
    groups = [Group(number, images(*held)) for number, held in there.items()]
    found = plan(groups, *wanted)
    assert {group.number: group.images for group in found} == {n: images(*held) for n, held in after.items()}
    again = plan([group for group in found if group.images], *wanted)
    assert again == [group for group in found if group.images], "once more, nothing changes"


def test_groups_of_the_other_form_have_nothing_that_is_wanted() -> None:
    mounted = Group(1, images(1, 2))
    assert plan([mounted], 1, volumes=False) == [mounted, Group(2, images(1), volumes=False)]


def test_an_image_that_no_node_can_have_is_taken_out() -> None:
    groups = [Group(1, images(1, 2)), Group(2, images(2), volumes=False)]
    assert _prepull.without(groups, image(2), volumes=True) == [Group(1, images(1)), groups[1]]


def test_what_is_given_up_goes_from_groups_of_both_forms_and_nothing_moves() -> None:
    """After a move from unpacked images to mounted ones: a system image once as a container, the others as volumes."""
    groups = [
        Group(1, images(1, 2), volumes=False),
        Group(2, images(1, 3, 4)),
        Group(3, images(5)),
        Group(4, (), False),
    ]
    assert _prepull.less(groups, images(2, 4)) == [Group(1, images(1), volumes=False), Group(2, images(1, 3))]
    assert _prepull.less(groups, images(5)) == [Group(3, ())]
    assert _prepull.less(groups, ()) == []


def test_references_are_by_digest_and_each_once() -> None:
    tagged = image(1).replace("@", ":2026.1@")
    assert _prepull.references([tagged, image(1), image(2)]) == [image(1), image(2)]
    with pytest.raises(VreErrors) as caught:
        _prepull.references(["registry.example.org/vre/lab:1", "lab"])
    assert len(caught.value.problems) == 2


def test_the_daemon_set_of_a_group() -> None:
    found = _prepull.daemon_set(Group(2, images(1)), SETTINGS)
    name = f"gaia-{1:064x}"[:45]
    labels = {
        "app.kubernetes.io/managed-by": "gaia-vre",
        "app.kubernetes.io/part-of": "gaia-vre",
        "gaia-data.org/component": "prepull",
        "gaia-data.org/group": "2",
    }
    assert found["metadata"]["name"] == "gaia-vre-prepull-2"
    assert found["metadata"]["labels"] == found["spec"]["selector"]["matchLabels"] == labels
    pod = found["spec"]["template"]["spec"]
    assert pod["volumes"] == [{"name": name, "image": {"reference": image(1), "pullPolicy": "IfNotPresent"}}]
    container = pod["containers"][0]
    assert (container["image"], container["imagePullPolicy"]) == (PAUSE, "IfNotPresent")
    assert container["volumeMounts"] == [{"name": name, "mountPath": f"/images/{name}", "readOnly": True}]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["imagePullSecrets"] == [{"name": "gaia-vre-registries"}]
    assert (pod["tolerations"], pod["nodeSelector"]) == ([{"key": "gpu", "operator": "Exists"}], {"vre": "yes"})
    assert found["spec"]["updateStrategy"]["rollingUpdate"] == {"maxSurge": "100%", "maxUnavailable": 0}


@pytest.mark.parametrize("volumes", [True, False])
def test_one_digest_of_several_repositories_has_several_names(volumes: bool) -> None:
    """An image that was tried in one repository and then copied into another."""
    other = f"registry.example.org/vre/ocean@sha256:{'f' * 64}"
    held = (image(1), image(1).replace("/vre/", "/vre-dev/"), other, image(1).replace("/vre/", "/old/"))
    found = _prepull.daemon_set(Group(1, held, volumes), SETTINGS)
    pod = found["spec"]["template"]["spec"]
    one = f"gaia-{1:064x}"[:45]
    names = [one, f"{one}-2", f"gaia-{'f' * 40}", f"{one}-3"]
    if volumes:
        assert [mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]] == [f"/images/{n}" for n in names]
    assert [named["name"] for named in pod["volumes" if volumes else "containers"]] == names
    assert _prepull.group_of(found) == Group(1, held, volumes)


def test_system_images_run_where_no_image_can_be_mounted() -> None:
    pod = _prepull.daemon_set(Group(1, images(1, 2), volumes=False), Settings())["spec"]["template"]["spec"]
    assert [(one["image"], one["command"]) for one in pod["containers"]] == [
        (image(1), ["sleep", "infinity"]),
        (image(2), ["sleep", "infinity"]),
    ]
    assert not {"volumes", "imagePullSecrets", "tolerations", "nodeSelector"} & set(pod)


@pytest.mark.parametrize("volumes", [True, False])
def test_a_daemon_set_is_known_again(volumes: bool) -> None:
    group = Group(3, images(1, 2), volumes)
    there = _prepull.daemon_set(group, SETTINGS)
    assert _prepull.group_of(there) == group
    there["spec"]["template"]["spec"]["dnsPolicy"] = "ClusterFirst"  # of the cluster's own
    assert _prepull.is_same(there, _prepull.daemon_set(group, SETTINGS))
    assert not _prepull.is_same(there, _prepull.daemon_set(group, Settings("gaia-vre-registries", PAUSE)))
    assert not _prepull.is_same(there, _prepull.daemon_set(Group(3, images(1), volumes), SETTINGS))
    somebody = _prepull.daemon_set(group, SETTINGS)
    somebody["spec"]["template"]["spec"]["containers"].pop() if not volumes else somebody["spec"]["template"]["spec"][
        "volumes"
    ].pop()
    assert not _prepull.is_same(somebody, _prepull.daemon_set(group, SETTINGS))
    there["metadata"]["name"] = "somebody-elses"
    assert _prepull.group_of(there) is None


def test_groups_as_a_diff_shows_them() -> None:
    assert _prepull.text([Group(1, images(1)), Group(2, ())]) == f"gaia-vre-prepull-1:\n  {image(1)}\n"


# -- how far they are -------------------------------------------------------------------------------

GROUP = Group(1, images(1, 2))


def daemon_set(desired: int = 2, seen: int = 4) -> dict[str, Any]:
    found = _prepull.daemon_set(GROUP, SETTINGS)
    found["metadata"] |= {"generation": 4, "uid": "uid-of-the-group"}
    found["status"] = {"desiredNumberScheduled": desired, "observedGeneration": seen}
    return found


def pod(node: str, *, ready: bool = True, held: tuple[str, ...] = GROUP.images, waits: Any = None, **more: Any) -> Any:
    template = _prepull.daemon_set(Group(1, held), SETTINGS)["spec"]["template"]
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    status: dict[str, Any] = {"phase": "Running" if ready else "Pending", "conditions": conditions}
    if waits:
        status["containerStatuses"] = [{"name": "pause", "image": PAUSE, "state": {"waiting": waits}}]
    return {
        "metadata": {"uid": f"uid-{node}-{len(held)}", "labels": template["metadata"]["labels"], **more},
        "spec": {**template["spec"], "affinity": {"nodeAffinity": required}},
        "status": status,
    }


def event(node: str, reason: str, message: str, second: int) -> dict[str, Any]:
    return {
        "reason": reason,
        "message": message,
        "involvedObject": {"kind": "Pod", "uid": f"uid-{node}-2"},
        "lastTimestamp": f"2026-11-26T10:00:{second:02}Z",
    }


ABSENT = (
    f'Failed to pull image "{image(2)}": failed to pull and unpack image "{image(2)}": failed to resolve reference '
    f'"{image(2)}": {image(2)}: not found'
)
WAITS = {"reason": "ErrImagePull", "message": ABSENT.partition(": ")[2]}


def progress(
    pods: list[Any],
    events: list[Any] | None = None,
    down: tuple[str, ...] = (),
    counted: tuple[str, ...] = (),
    **status: int,
) -> Any:
    return _prepull.progress(daemon_set(**status), pods, _pods.by_uid(events or []), down, counted)


def test_a_group_that_is_on_every_node() -> None:
    found = progress([pod("a"), pod("b")])
    assert (found.settled, found.waiting, found.lacking) == (True, (), 0)
    assert _prepull.absent([found], [*GROUP.images, image(9)]) == [image(9)]


@pytest.mark.parametrize(
    ("pods", "status"),
    [
        ([], {}),
        ([pod("a")], {}),
        ([pod("a"), pod("b")], {"seen": 3}),
        ([pod("a"), pod("b", ready=False)], {}),
        ([pod("a"), pod("b", held=images(1))], {}),
        ([pod("a"), pod("b", deletionTimestamp="2026-11-26T10:00:00Z")], {}),
    ],
)
def test_a_group_that_is_still_to_come(pods: list[Any], status: Any) -> None:
    found = progress(pods, **status)
    assert not found.settled
    assert set(_prepull.absent([found], GROUP.images)) == set(GROUP.images)


def test_a_former_pod_that_has_all_images_will_do_until_the_new_one_is_there() -> None:
    former, new = pod("b", held=images(1, 2, 3)), pod("b", ready=False)
    found = progress([pod("a"), former, new])
    assert (found.settled, found.on) == (True, {"a", "b"})


def test_an_image_that_no_node_can_have_is_refused_when_all_have_said_so() -> None:
    events = [
        event(node, reason, message, second)
        for node in ("a", "b")
        for reason, message, second in (
            ("Pulling", f'Pulling image "{image(1)}"', 1),
            ("Pulled", f'Successfully pulled image "{image(1)}" in 1.2s', 2),
            ("Failed", ABSENT, 3),
        )
    ]
    waiting = [pod(node, ready=False, waits=WAITS) for node in ("a", "b")]
    found = progress(waiting, events)
    assert list(found.refused) == [image(2)]
    node, trouble = found.refused[image(2)][0]
    assert trouble.sentence(node) == (
        "registry.example.org/vre/tiny2 on a is not in the registry: failed to pull and unpack image "
        f'"{image(2)}": failed to resolve reference "{image(2)}": {image(2)}: not found. '
        "Remedy: push it again, or lock another one."
    )
    assert _prepull.absent([found], GROUP.images) == [image(2)]
    assert found.settled
    one_pulls = progress([waiting[0], pod("b", ready=False)], events[:3])
    assert not one_pulls.refused
    assert not one_pulls.settled


def test_a_node_that_cannot_pull_what_others_have_is_named() -> None:
    denied = f'Failed to pull image "{image(2)}": 403 Forbidden: pull access denied'
    found = progress([pod("a"), pod("b", ready=False)], [event("b", "Failed", denied, 1)])
    assert not found.refused
    assert found.settled
    rows = [problem.row() for problem in _prepull.problems([found], GROUP.images, 10)]
    assert [(row["image"], row["node"], row["failed"]) for row in rows] == [
        (image(1), "b", False),
        (image(2), "b", True),
    ]
    assert (
        "tiny2 on b is not pulled, as the registry refuses: 403 Forbidden: pull access denied. Remedy"
        in rows[1]["text"]
    )
    assert "tiny1 on b is not known to be there, as its pod waits for registry.example.org/vre/tiny2" in rows[0]["text"]


def test_only_groups_of_the_wanted_form_with_a_wanted_image_are_waited_for() -> None:
    nodes: frozenset[str] = frozenset()
    groups = (Group(1, images(1, 2)), Group(2, images(1), volumes=False), Group(3, images(3)))
    found = [_prepull.Progress(group, 2, nodes, nodes, ()) for group in groups]
    assert _prepull.concerned(found, images(1), volumes=True) == found[:1]
    assert _prepull.concerned(found, images(1), volumes=False) == found[1:2]


def test_what_heals_is_waited_for() -> None:
    busy = f'Failed to pull image "{image(1)}": pull QPS exceeded'
    found = progress([pod("a"), pod("b", ready=False)], [event("b", "Failed", busy, 1)])
    assert (found.settled, found.stuck) == (False, True)
    again = [event("b", "Failed", busy, 1), event("b", "Pulled", f'Successfully pulled image "{image(1)}" in 1s', 2)]
    assert not progress([pod("a"), pod("b", ready=False)], again).stuck


def test_what_is_still_pulled_when_the_time_is_up() -> None:
    found = progress([pod("a"), pod("b", ready=False)])
    rows = _prepull.problems([found], [image(1)], 10)
    assert [(row.node, row.failed) for row in rows] == [("b", False)]
    assert "tiny1 on b is still being pulled after 10 min, so it is left out." in rows[0].text


@pytest.mark.parametrize(("desired", "counted"), [(1, ()), (2, ("b",))])
def test_a_node_that_is_down_is_not_waited_for(desired: int, counted: tuple[str, ...]) -> None:
    """The cluster does not count it, unless the centre's own tolerations have it make a pod there all the same."""
    found = progress([pod("a"), pod("b", ready=False)], down=("b",), counted=counted, desired=desired)
    assert (found.settled, found.down) == (True, set(counted))
    assert _prepull.absent([found], GROUP.images) == []


def test_a_node_that_is_down_stands_for_no_other() -> None:
    """Of three nodes one is down, and another has no pod yet."""
    found = progress([pod("a"), pod("c", ready=False)], down=("c",), desired=2)
    assert (found.settled, found.lacking) == (False, 1)
    assert _prepull.absent([found], GROUP.images) == list(GROUP.images)


def test_nodes_for_which_the_cluster_makes_no_pod_are_told() -> None:
    words = 'Error creating: pods "gaia-vre-prepull-1-x" is forbidden: exceeded quota: small'
    refused = {**event("a", "FailedCreate", words, 1), "involvedObject": {"uid": "uid-of-the-group"}}
    found = progress([pod("a")], [refused])
    assert (found.settled, found.stuck, found.lacking) == (False, True, 1)
    rows = [problem.row() for problem in _prepull.problems([found], [image(2)], 10)]
    assert [(row["image"], row["node"], row["failed"]) for row in rows] == [(image(2), "", True)]
    assert rows[0]["text"] == (
        "registry.example.org/vre/tiny2 is not known to be on 1 of 2 nodes, as the pod is not made: "
        'pods "gaia-vre-prepull-1-x" is forbidden: exceeded quota: small. '
        "Remedy: have the quota of the namespace raised, or free some of it."
    )
    assert progress([pod("a"), pod("b")], [refused]).unmade is None, "it was before the last pod came"


def test_without_a_node_nothing_is_there() -> None:
    found = progress([], desired=0)
    assert found.settled
    assert _prepull.absent([found], GROUP.images) == list(GROUP.images)


def test_nodes_that_do_not_answer() -> None:
    def node(name: str, status: str, message: str) -> dict[str, Any]:
        conditions = [
            {"type": "DiskPressure", "status": "False"},
            {"type": "Ready", "status": status, "message": message},
        ]
        return {"metadata": {"name": name}, "status": {"conditions": conditions}}

    unknown = "Kubelet stopped posting node status."
    nodes = [node("a", "True", "kubelet is posting ready status"), node("b", "Unknown", unknown)]
    assert _prepull.down_nodes([*nodes, {"metadata": {"name": "c"}}]) == {
        "b": "Kubelet stopped posting node status",
        "c": "it was never ready",
    }
