# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings images to the nodes of a cluster and waits for them; what is to be where, ``_prepull`` says."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils import _pods, _prepull
from ansible_collections.gaia_data.vre.plugins.module_utils._cluster_nodes import takes
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._kubernetes import Cluster, ClusterError
from ansible_collections.gaia_data.vre.plugins.module_utils._prepull import Group, Problem, Progress, Settings

LOOK = 1.0  # seconds between two looks, at least
AHEAD = 5.0  # seconds after which the next group is begun, whatever the one before it does
# Seconds without anything going on, after which the wait is over: a kubelet waits up to five minutes before it pulls
# again, also when the registry is back. Source: Kubernetes, "Images".
STUCK = 330.0
TRIES = 10
NODES = 10.0  # seconds between two looks at the nodes
# Taints of nodes that do not answer; of these, what every pod of a DaemonSet bears. Sources: Kubernetes, "Taints and
# Tolerations" and "DaemonSet".
DOWN = [{"key": f"node.kubernetes.io/{why}", "operator": "Exists"} for why in ("not-ready", "unreachable")]
BORNE = [{**one, "effect": "NoExecute"} for one in DOWN]


@dataclass
class Brought:
    """What became of the images.

    :param before: groups that were there, and ``after`` those that are, or would be.
    :param new: references that were in no group.
    """

    before: list[Group]
    after: list[Group]
    changed: bool = False
    new: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Wanted:
    """What a caller wants; see :func:`_prepull.plan`."""

    images: Sequence[str]
    volumes: bool
    settings: Settings
    patience: float  # seconds


class Changed(VreError):
    """Another play changed a group meanwhile."""


class Prepull:
    """One run."""

    def __init__(self, cluster: Cluster, wanted: Wanted) -> None:
        self.cluster, self.wanted = cluster, wanted
        self.began = time.monotonic()
        self.refused: dict[str, list[Problem]] = {}
        self.lines: list[str] = []
        self.down: dict[str, str] = {}
        self.counted: set[str] = set()
        self.lost: list[str] = []
        self.looked = -NODES

    def run(self, check: bool) -> Brought:
        """Bring what is missing and wait for it.

        :param check: only tell.
        :raises VreError: when the cluster refuses.
        """
        there = self._there()
        before = _groups(there)
        held = {image for group in before if group.volumes == self.wanted.volumes for image in group.images}
        found = Brought(before, before, new=[image for image in self.wanted.images if image not in held])
        conflicts = 0
        while conflicts < TRIES:
            found.after = self._plan(_groups(there))
            if check:
                found.changed = bool(self._changes(there, found.after))
                return found
            try:
                found.changed |= self._apply(there, found.after)
            except Changed:
                conflicts += 1
                found.changed = True
            else:
                seen = self._wait()
                if seen is not None:
                    return self._told(found, seen)
            there = self._there()
        remedy = "see which other plays bring images now, and run this one again"
        raise VreError("others change what is on the nodes all the time", "image_prepull", None, remedy)

    # -- what is to be ------------------------------------------------------------------------------

    def _there(self) -> dict[str, dict[str, Any]]:
        """Our DaemonSets, by name."""
        found = self.cluster.list("DaemonSet", _prepull.MINE)
        return {one["metadata"]["name"]: one for one in found if _prepull.group_of(one) is not None}

    def _plan(self, there: list[Group]) -> list[Group]:
        wanted = self.wanted
        images = [image for image in wanted.images if image not in self.refused]
        found = _prepull.plan(there, images, size=_prepull.SIZE, volumes=wanted.volumes)
        for image in self.refused:
            found = _prepull.without(found, image, volumes=wanted.volumes)
        return found

    def _changes(self, there: dict[str, dict[str, Any]], groups: list[Group]) -> list[Group]:
        """Groups of which something is to be changed."""
        found = []
        for group in groups:
            known = there.get(group.name)
            body = _prepull.daemon_set(group, self.wanted.settings)
            same = known is not None and _prepull.is_same(known, body)
            if not same if group.images else known is not None:
                found.append(group)
        return found

    def _apply(self, there: dict[str, dict[str, Any]], groups: list[Group]) -> bool:
        """Make groups what they are to be, one after the other: a kubelet takes a few pulls at a time.

        :return: whether anything changed.
        """
        changes = self._changes(there, groups)
        for place, group in enumerate(changes):
            put(self.cluster, group, there.get(group.name), self.wanted.settings)
            if place + 1 < len(changes) and group.images:
                self._ahead(group)
        return bool(changes)

    def _ahead(self, group: Group) -> None:
        """Wait until the next group can be begun."""
        end = time.monotonic() + AHEAD
        while time.monotonic() < end:
            seen = next((one for one in self._look() if one.group.name == group.name), None)
            if seen is None or seen.settled:
                return
            time.sleep(0.5)

    # -- how far it is ------------------------------------------------------------------------------

    def _look(self) -> list[Progress]:
        if time.monotonic() - self.looked > NODES:
            nodes, settings = self.cluster.list("Node"), self.wanted.settings
            self.down, self.looked = _prepull.down_nodes(nodes), time.monotonic()

            def away(bears: Sequence[Mapping[str, Any]]) -> set[str]:
                mine = [one for one in nodes if takes(one, settings.node_selector, [*settings.tolerations, *bears])]
                return set(self.down) & {node["metadata"]["name"] for node in mine}

            # The cluster makes no pod for a node that is down, unless the centre's own tolerations say so: labels and
            # taints tell whether it is one of ours.
            self.lost, self.counted = sorted(away(DOWN)), away(BORNE)
        there, pods = self._there(), self.cluster.list("Pod", _prepull.MINE)
        told: dict[str, list[_pods.Object]] = {}
        if not all(_pods.is_ready(pod) for pod in pods):
            told = self._told_of("Pod")
        found = [_prepull.progress(one, pods, told, self.down, self.counted) for one in there.values()]
        if any(one.lacking for one in found):  # the cluster may refuse the pods themselves, as a quota has it do
            told |= self._told_of("DaemonSet")
            found = [_prepull.progress(one, pods, told, self.down, self.counted) for one in there.values()]
        return found

    def _told_of(self, kind: str) -> dict[str, list[_pods.Object]]:
        """Events about all objects of a kind, by their uids."""
        return _pods.by_uid(self.cluster.list("Event", fields=f"involvedObject.kind={kind}"))

    def _wait(self) -> list[Progress] | None:
        """Wait until all is where it is to be, or will not be; None when a group has to be changed before that."""
        moved = time.monotonic()
        last = ""
        while True:
            started = time.monotonic()
            seen = _prepull.concerned(self._look(), self.wanted.images, volumes=self.wanted.volumes)
            told_anew = {image: told for one in seen for image, told in one.refused.items()}
            # What was taken out before is there again by another play: once more would go on without end.
            refused = {image: told for image, told in told_anew.items() if image not in self.refused}
            if refused:
                for image, told in refused.items():  # of no node: it is nowhere, so the manifest leaves it out
                    self.refused[image] = [Problem(image, "", trouble.sentence(node)) for node, trouble in told]
                return None
            now = self._line(seen)
            if now != last:
                moved, last = time.monotonic(), now
                self.lines.append(f"{time.monotonic() - self.began:.0f} s: {now}")
            if all(one.settled for one in seen):
                return seen
            if not all(one.settled or one.stuck for one in seen):
                moved = time.monotonic()
            over = time.monotonic() - self.began > self.wanted.patience
            if over or time.monotonic() - moved > STUCK:
                return seen
            time.sleep(max(LOOK, 2 * (time.monotonic() - started)))

    def _line(self, seen: Sequence[Progress]) -> str:
        count = len(self.wanted.images)
        there = count - len(_prepull.absent(seen, self.wanted.images))
        slow = sorted({pod.node for one in seen for pod in one.waiting})
        shown = ", ".join(slow[:5]) + (f" and {len(slow) - 5} more" if len(slow) > 5 else "")
        return f"{there} of {count} images are on every node" + (f"; still to come: {shown}" if slow else "")

    def _told(self, found: Brought, seen: Sequence[Progress]) -> Brought:
        found.absent = _prepull.absent(seen, self.wanted.images)
        found.lines = self.lines
        minutes = (time.monotonic() - self.began) / 60
        found.problems = [problem for told in self.refused.values() for problem in told]
        found.problems += _prepull.problems(seen, self.wanted.images, minutes)
        found.problems += [
            Problem("", node, f"{node} is down ({self.down.get(node, '')}); it pulls when it is back", failed=False)
            for node in self.lost
        ]
        if any(one.nodes == 0 for one in seen):
            remedy = "correct kubernetes_node_selector and kubernetes_tolerations, or wait for a node"
            text = f"no node takes sessions, so no image is anywhere. Remedy: {remedy}."
            found.problems.append(Problem("", "", text))
        return found


def give_up(cluster: Cluster, there: Sequence[Mapping[str, Any]], gone: Collection[str], settings: Settings) -> None:
    """Hold images no longer; nothing is brought, and what stays, stays in its group. What changes is not waited for.

    :param there: our DaemonSets, as they were when that was decided.
    :raises VreError: when the cluster refuses, or another play changed one of them since: it may want what goes.
    """
    known = {str(one["metadata"]["name"]): one for one in there}
    groups = [group for one in there if (group := _prepull.group_of(one)) is not None]
    for group in _prepull.less(groups, gone):
        put(cluster, group, known[group.name], settings)


def put(cluster: Cluster, group: Group, known: Mapping[str, Any] | None, settings: Settings) -> None:
    """Make one group what it is to be, if nobody else changed it since; the cluster itself does all the time.

    :param known: its DaemonSet as it was; None for a new one.
    :raises Changed: when somebody did.
    """
    body = _prepull.daemon_set(group, settings)
    for _try in range(TRIES):
        now = cluster.get("DaemonSet", group.name)
        if now is not None and _prepull.is_same(now, body):
            return  # it was us, and the API server stopped before it could say so
        if _template(now) != _template(known):
            break
        try:
            if now is None:
                cluster.create("DaemonSet", body)
            elif group.images:
                body["metadata"]["resourceVersion"] = now["metadata"]["resourceVersion"]
                cluster.replace("DaemonSet", body)
            else:
                cluster.delete("DaemonSet", group.name, now["metadata"]["resourceVersion"])
        except ClusterError as error:
            if error.status != 409:
                raise
        else:
            return
    place = f"DaemonSet {group.name} of namespace {cluster.namespace}"
    raise Changed("another play changes which images are on the nodes", place, None, "run this one again after it")


def _template(daemon_set: Mapping[str, Any] | None) -> Any:
    return None if daemon_set is None else daemon_set["spec"]["template"]


def _groups(there: dict[str, dict[str, Any]]) -> list[Group]:
    found = [_prepull.group_of(one) for one in there.values()]
    return sorted((group for group in found if group is not None), key=lambda group: group.number)
