# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images on every node of a cluster: DaemonSets of pods that hold a few images each and do nothing. Pure functions.

A pod with a volume of an image has the kubelet pull it, and keep it as long as the pod is there. In one pod are few of
them: a kubelet pulls ten at a burst and five a second, and says no to what is more.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils import _pods, _reference
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors
from ansible_collections.gaia_data.vre.plugins.module_utils._kubernetes import COMPONENT, LABELS
from ansible_collections.gaia_data.vre.plugins.module_utils._mounts.kubernetes import image_volume
from ansible_collections.gaia_data.vre.plugins.module_utils._pods import Object

NAME = re.compile(r"gaia-vre-prepull-([1-9][0-9]{0,5})")
MINE = {**LABELS, COMPONENT: "prepull"}
GROUP, SPEC = "gaia-data.org/group", "gaia-data.org/spec"
SIZE = 8
# Small, and all of it promised: a quota of the namespace may want both.
RESOURCES = {"requests": {"cpu": "1m", "memory": "16Mi"}, "limits": {"cpu": "50m", "memory": "32Mi"}}


@dataclass(frozen=True)
class Group:
    """The images of one DaemonSet.

    :param volumes: whether they are mounted, or run as containers that sleep, where a cluster knows no such volumes.
    """

    number: int
    images: tuple[str, ...]
    volumes: bool = True

    @property
    def name(self) -> str:
        """The DaemonSet's name."""
        return f"gaia-vre-prepull-{self.number}"


@dataclass(frozen=True)
class Settings:
    """What all pods have in common.

    :param pull_secret: name of the Secret with the registries' logins; empty for none.
    :param pause_image: reference of an image that does nothing.
    """

    pull_secret: str = ""
    pause_image: str = ""
    tolerations: Sequence[Mapping[str, Any]] = ()
    node_selector: Mapping[str, str] = field(default_factory=dict)


def references(images: Iterable[str]) -> list[str]:
    """References by digest, each once, without their tags.

    :raises VreErrors: with every one that has no digest.
    """
    found, problems = [], []
    for image in images:
        try:
            reference = _reference.parse(image, "images")
            if not reference.digest:
                raise VreError("an image is brought by its digest", "images", image, "run gaia_data.vre.lock")
            found.append(reference.at(reference.digest))
        except VreError as error:
            problems.append(error)
    if problems:
        raise VreErrors(problems)
    return list(dict.fromkeys(found))


def plan(there: Sequence[Group], wanted: Sequence[str], *, size: int, volumes: bool) -> list[Group]:
    """The groups that are to be: what is new goes where there is room, and nothing else moves.

    :param there: the groups that are there.
    :param volumes: see :class:`Group`; groups of the other form have nothing that is wanted.
    """
    found = sorted(there, key=lambda group: group.number)
    held = {image for group in found if group.volumes == volumes for image in group.images}
    new = [image for image in dict.fromkeys(wanted) if image not in held]
    for place, group in enumerate(found):
        if group.volumes == volumes and group.images:
            room = max(0, size - len(group.images))
            found[place] = Group(group.number, (*group.images, *new[:room]), volumes)
            new = new[room:]
    numbers = {group.number for group in found}
    free = (number for number in range(1, len(numbers) + len(new) + 1) if number not in numbers)
    while new:
        found.append(Group(next(free), tuple(new[:size]), volumes))
        new = new[size:]
    return sorted(found, key=lambda group: group.number)


def without(groups: Sequence[Group], image: str, *, volumes: bool) -> list[Group]:
    """The same groups without an image."""
    return [
        Group(group.number, tuple(one for one in group.images if one != image), group.volumes)
        if group.volumes == volumes
        else group
        for group in groups
    ]


def less(groups: Iterable[Group], gone: Collection[str]) -> list[Group]:
    """Groups, of either form, that hold one of these images, as they are without them."""
    found = [
        (group, Group(group.number, tuple(one for one in group.images if one not in gone), group.volumes))
        for group in groups
    ]
    return [after for before, after in found if after != before]


def text(groups: Iterable[Group]) -> str:
    """Groups for people, as a diff shows them."""
    return "".join(
        f"{group.name}:\n" + "".join(f"  {one}\n" for one in group.images) for group in groups if group.images
    )


# -- objects of the cluster -------------------------------------------------------------------------


def group_of(daemon_set: Object) -> Group | None:
    """The group of a DaemonSet; None for one that is none of ours."""
    found = NAME.fullmatch(daemon_set["metadata"]["name"])
    if found is None:
        return None
    spec = daemon_set["spec"]["template"]["spec"]
    volumes = any(one.get("image") for one in spec.get("volumes") or ())
    return Group(int(found[1]), tuple(_pods.images_of(spec)), volumes)


def daemon_set(group: Group, settings: Settings) -> dict[str, Any]:
    """The DaemonSet of a group. On every node, the new pod is there before the former one goes."""
    labels = {**MINE, GROUP: str(group.number)}
    spec = {
        "selector": {"matchLabels": labels},
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "100%", "maxUnavailable": 0}},
        "revisionHistoryLimit": 1,
        "template": {"metadata": {"labels": labels}, "spec": _pod(group, settings)},
    }
    metadata = {"name": group.name, "labels": labels, "annotations": {SPEC: _mark(spec)}}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": spec}


def is_same(there: Object, wanted: Object) -> bool:
    """Whether a DaemonSet is what it is to be; what the cluster adds to it does not count."""
    mark = (there["metadata"].get("annotations") or {}).get(SPEC)
    return bool(mark == wanted["metadata"]["annotations"][SPEC] and group_of(there) == group_of(wanted))


def _mark(spec: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16]


def _pod(group: Group, settings: Settings) -> dict[str, Any]:
    volumes = _volumes(group.images)
    common = {"securityContext": _pods.CONTAINER_SECURITY, "resources": RESOURCES}
    if group.volumes:
        mounts = [{"name": one["name"], "mountPath": f"/images/{one['name']}", "readOnly": True} for one in volumes]
        containers = [{"name": "pause", "image": settings.pause_image, "volumeMounts": mounts, **common}]
    else:
        containers = [
            {"name": one["name"], "image": image, "command": ["sleep", "infinity"], **common}
            for one, image in zip(volumes, group.images)
        ]
    found: dict[str, Any] = {
        **_pods.ASKS_NOTHING,
        "containers": [{**one, "imagePullPolicy": "IfNotPresent"} for one in containers],
        "securityContext": _pods.POD_SECURITY,
        "terminationGracePeriodSeconds": 1,
    }
    if group.volumes and volumes:
        found["volumes"] = volumes
    return {**found, **placement(settings)}


def _volumes(images: Sequence[str]) -> list[dict[str, Any]]:
    """A volume for each image. Its digest is its name, which the same digest of another repository must not have."""
    found = [image_volume(image) for image in images]
    names = [one["name"] for one in found]
    for place, name in enumerate(names):
        before = names[:place].count(name)
        if before:
            found[place]["name"] = f"{name}-{before + 1}"
    return found


def placement(settings: Settings) -> dict[str, Any]:
    """What says where a pod may run, and how its images are pulled."""
    found: dict[str, Any] = {}
    if settings.pull_secret:
        found["imagePullSecrets"] = [{"name": settings.pull_secret}]
    if settings.tolerations:
        found["tolerations"] = [dict(one) for one in settings.tolerations]
    if settings.node_selector:
        found["nodeSelector"] = dict(settings.node_selector)
    return found


# -- how far they are -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Waiting:
    """A pod that does not run yet.

    :param missing: references of its images that are not known to be on its node.
    """

    node: str
    missing: tuple[str, ...]
    troubles: tuple[_pods.Trouble, ...]

    @property
    def hopeless(self) -> bool:
        """Whether waiting does not help."""
        return any(trouble.fatal for trouble in self.troubles)


@dataclass(frozen=True)
class Progress:
    """How far one group is.

    :param nodes: how many nodes it is to be on; None as long as the cluster has not said.
    :param on: nodes with all of its images.
    :param down: of these nodes, those that do not answer and that have a pod of it all the same.
    :param unmade: why nodes have no pod of it, as far as the cluster says so.
    """

    group: Group
    nodes: int | None
    on: frozenset[str]
    down: frozenset[str]
    waiting: tuple[Waiting, ...]
    unmade: _pods.Trouble | None = None

    @property
    def lacking(self) -> int:
        """How many nodes have no pod of it yet, as far as the cluster has said how many there are."""
        return max(0, (self.nodes or 0) - len(self.on | self.down | {one.node for one in self.waiting}))

    @property
    def settled(self) -> bool:
        """Whether there is nothing to wait for."""
        return self.nodes is not None and not self.lacking and all(one.hopeless for one in self.waiting)

    @property
    def stuck(self) -> bool:
        """Whether nothing goes on, for now."""
        return bool(self.waiting or self.unmade) and all(one.troubles for one in self.waiting)

    @property
    def refused(self) -> dict[str, list[tuple[str, _pods.Trouble]]]:
        """Images that no node has or will ever have, with what each node says: others are not to wait for them."""
        if self.nodes is None or self.on:
            return {}
        found: dict[str, list[tuple[str, _pods.Trouble]]] = {}
        for one in self.waiting:
            for trouble in one.troubles:
                if trouble.fatal and trouble.image in one.missing:
                    found.setdefault(trouble.image, []).append((one.node, trouble))
        return {image: told for image, told in found.items() if len(told) == len(self.waiting)}


def progress(
    daemon_set: Object,
    pods: Iterable[Object],
    events: Mapping[str, Sequence[Object]],
    down: Collection[str],
    counted: Collection[str],
) -> Progress:
    """How far a group is.

    :param pods: of all groups.
    :param events: of :func:`_pods.by_uid`, of the pods and of the DaemonSet itself.
    :param down: names of nodes that do not answer.
    :param counted: of these, those that the cluster counts among the nodes that are to have a pod.
    """
    group = group_of(daemon_set)
    if group is None:
        raise VreError("this is no DaemonSet of ours", str(daemon_set["metadata"]["name"]))
    status, metadata = daemon_set.get("status") or {}, daemon_set["metadata"]
    seen = int(status.get("observedGeneration") or 0) >= int(metadata.get("generation") or 1)
    # Those of an older revision that have all of the images will do as well.
    mine = [
        pod
        for pod in pods
        if (pod["metadata"].get("labels") or {}).get(GROUP) == str(group.number)
        and set(group.images) <= set(_pods.images_of(pod["spec"]))
        and not _pods.is_going(pod)
        and not _pods.is_finished(pod)
    ]
    on = frozenset(_pods.node_of(pod) for pod in mine if _pods.is_ready(pod)) - set(down)
    others = [pod for pod in mine if _pods.node_of(pod) not in on]
    waiting = []
    for pod in others:
        if _pods.node_of(pod) in down:
            continue
        told = events.get(pod["metadata"].get("uid", ""), ())
        missing = tuple(image for image in group.images if image not in _pods.pulled(told))
        waiting.append(Waiting(_pods.node_of(pod), missing, tuple(_pods.troubles(pod, told))))
    lost = frozenset(_pods.node_of(pod) for pod in others) & set(down) & set(counted)
    nodes = int(status.get("desiredNumberScheduled") or 0) if seen else None
    found = Progress(group, nodes, on, lost, tuple(waiting))
    return replace(found, unmade=_pods.unmade(events.get(metadata.get("uid", ""), ()))) if found.lacking else found


def down_nodes(nodes: Iterable[Object]) -> dict[str, str]:
    """Nodes that do not answer, with what the cluster says of each."""
    found = {}
    for node in nodes:
        conditions: Sequence[Object] = (node.get("status") or {}).get("conditions") or ()
        ready: Object = next((one for one in conditions if one["type"] == "Ready"), {})
        if ready.get("status") != "True":
            found[node["metadata"]["name"]] = _pods.plain(str(ready.get("message") or "it was never ready"))
    return found


def concerned(found: Iterable[Progress], wanted: Iterable[str], *, volumes: bool) -> list[Progress]:
    """Of groups, those with an image that is wanted; what is in the other form is not waited for, see :func:`plan`."""
    images = set(wanted)
    return [one for one in found if one.group.volumes == volumes and images & set(one.group.images)]


@dataclass(frozen=True)
class Problem:
    """Why an image is not on a node.

    :param failed: false for what goes on.
    """

    image: str
    node: str
    text: str
    failed: bool = True

    def row(self) -> dict[str, Any]:
        """As the module returns it."""
        return {"image": self.image, "node": self.node, "failed": self.failed, "text": self.text}


def problems(found: Sequence[Progress], wanted: Collection[str], minutes: float) -> list[Problem]:
    """Why images are not where they are to be, after the wait.

    :param minutes: that were waited.
    """
    rows: dict[tuple[str, str], Problem] = {}
    for one in found:
        for pod in one.waiting:
            for image in pod.missing:
                if image in wanted:
                    rows[image, pod.node] = _problem(image, pod, minutes)
        if one.unmade is not None:
            why = f"on {one.lacking} of {one.nodes} nodes, as {one.unmade.sentence('')}"
            for image in (image for image in one.group.images if image in wanted):
                rows[image, ""] = Problem(image, "", f"{_pods.short(image)} is not known to be {why}")
    return list(rows.values())


def _problem(image: str, pod: Waiting, minutes: float) -> Problem:
    about = {trouble.image: trouble for trouble in pod.troubles}
    name = f"{_pods.short(image)} on {pod.node}"
    if image in about:
        return Problem(image, pod.node, about[image].sentence(pod.node), failed=about[image].fatal)
    if "" in about:
        return Problem(image, pod.node, f"{name} is not there, as {about[''].sentence('')}", failed=about[""].fatal)
    if about:
        others = ", ".join(_pods.short(other) for other in about)
        text = f"{name} is not known to be there, as its pod waits for {others}. Remedy: mend that, then publish again."
        return Problem(image, pod.node, text, failed=False)
    text = f"{name} is still being pulled after {minutes:.0f} min, so it is left out. "
    return Problem(image, pod.node, f"{text}Remedy: publish again when it is there; the pull goes on.", failed=False)


def absent(found: Sequence[Progress], wanted: Iterable[str]) -> list[str]:
    """Images that are not known to be on every node that answers."""
    there = {image for one in found if one.nodes is not None for image in one.group.images if _has(one, image)}
    return [image for image in wanted if image not in there]


def _has(one: Progress, image: str) -> bool:
    enough = bool(one.nodes) and not one.lacking
    return enough and bool(one.on or one.waiting) and all(image not in pod.missing for pod in one.waiting)
