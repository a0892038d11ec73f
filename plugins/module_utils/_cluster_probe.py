# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at the nodes of a cluster by short pods, which are gone afterwards; what follows, ``_cluster`` says."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils import _cluster, _cluster_nodes, _pods
from ansible_collections.gaia_data.vre.plugins.module_utils._cluster import PART, WHOLE, Seen
from ansible_collections.gaia_data.vre.plugins.module_utils._cluster_nodes import Sort
from ansible_collections.gaia_data.vre.plugins.module_utils._kubernetes import Cluster, ClusterError
from ansible_collections.gaia_data.vre.plugins.module_utils._mounts.kubernetes import CLAIM
from ansible_collections.gaia_data.vre.plugins.module_utils._prepull import Settings, references

LOOK = 0.5  # seconds
TRIES = 3
LOG_LINES = 50
REFUSED = (400, 403, 422)  # of admission, and of what an API server does not know


@dataclass(frozen=True)
class Wanted:
    """What is to be measured.

    :param image: reference of a system image, by digest.
    :param storage_class: for the store; empty where the centre names none.
    :param mount_kind: the one that the centre wants, or None.
    :param patience: seconds for the pods.
    """

    image: str
    settings: Settings
    storage_class: str = ""
    mount_kind: str | None = None
    patience: float = 600


def measure(cluster: Cluster, wanted: Wanted, former: str) -> tuple[dict[str, Any], str]:
    """Capabilities of a cluster, and what to remember of them.

    :param former: what was remembered; the same nodes with the same system image are not looked at again.
    :raises VreError: when the cluster does not answer, or takes no pods at all.
    """
    reference = references([wanted.image])[0]
    digest = reference.partition("@")[2]
    known = _cluster.recorded(former, digest)
    version = cluster.version()
    nodes = _cluster_nodes.sorts(cluster.list("Node"), wanted.settings)
    # Where there is no node now, a cluster that grows when it has to, those of the last time count.
    found = {sort: one for sort, one in known.items() if sort in nodes or not nodes}
    refused = ""
    if wanted.mount_kind != "directory":
        probe = Probe(cluster, reference, wanted.settings, wanted.patience)
        refused = probe.look({sort: names for sort, names in nodes.items() if sort not in known})
        found.update(probe.found)
    platforms = sorted({f"linux/{sort.architecture}" for sort in nodes or found})
    store = _cluster.store(
        cluster.get("PersistentVolumeClaim", CLAIM), _classes(cluster), wanted.storage_class, platforms
    )
    able = _cluster.capabilities(version, nodes, found, refused, store, wanted.mount_kind)
    return able, _cluster.record({**known, **found}, digest, datetime.now(timezone.utc))


def _classes(cluster: Cluster) -> list[dict[str, Any]] | None:
    try:
        return cluster.list("StorageClass")
    except ClusterError as error:
        if error.status != 403:
            raise
        return None


class Probe:
    """The pods of one measurement.

    :ivar found: what they saw.
    """

    def __init__(self, cluster: Cluster, reference: str, settings: Settings, patience: float) -> None:
        self.cluster, self.reference, self.settings, self.patience = cluster, reference, settings, patience
        self.found: dict[Sort, Seen] = {}

    def look(self, nodes: Mapping[Sort, Sequence[str]]) -> str:
        """Look at one node of each sort; gives the words of a cluster that takes no pod with such volumes.

        :raises VreError: when it takes no pods at all.
        """
        self._clear()
        if not nodes:
            return ""
        names = {f"gaia-vre-probe-{secrets.token_hex(5)}": sort for sort in nodes}
        try:
            for name, sort in names.items():
                refused = self._create(name, nodes[sort])
                if refused:
                    return refused
            self._wait(names, nodes)
        finally:
            for name in names:
                self.cluster.delete("Pod", name)
        return ""

    def _clear(self) -> None:
        """Remove what runs left that were killed."""
        now = datetime.now(timezone.utc)
        for pod in self.cluster.list("Pod", _cluster.MINE):
            if _cluster.is_left(pod, now, self.patience + 60):
                self.cluster.delete("Pod", pod["metadata"]["name"])

    def _body(self, name: str, nodes: Sequence[str], containers: Sequence[str]) -> dict[str, Any]:
        return _cluster.pod(name, nodes, self.reference, self.settings, int(self.patience), containers)

    def _create(self, name: str, nodes: Sequence[str]) -> str:
        """Make a pod; gives the cluster's words when it does not take one with a volume of an image."""
        refused = ""
        for containers in ((WHOLE, PART), (WHOLE,)):  # an older one takes no part of an image
            try:
                self.cluster.create("Pod", self._body(name, nodes, containers))
            except ClusterError as error:
                if error.status == 409:  # it was us, and the API server stopped before it could say so
                    return ""
                if error.status not in REFUSED:
                    raise
                refused = error.said
            else:
                return ""
        self.cluster.create("Pod", self._body(name, nodes, ()), dry=True)
        return refused

    def _wait(self, names: Mapping[str, Sort], nodes: Mapping[Sort, Sequence[str]]) -> None:
        end, lost = time.monotonic() + self.patience, 0
        open_names = dict(names)
        while open_names:
            pods = {pod["metadata"]["name"]: pod for pod in self.cluster.list("Pod", _cluster.MINE)}
            told = _pods.by_uid(self.cluster.list("Event", fields="involvedObject.kind=Pod"))
            for name, sort in list(open_names.items()):
                pod = pods.get(name)
                if pod is None and lost < TRIES:  # somebody else's run took it for one that was left
                    lost += 1
                    self._create(name, nodes[sort])
                    continue
                troubles = _pods.troubles(pod, told.get(pod["metadata"]["uid"], ())) if pod else []
                if pod is None:
                    self.found[sort] = Seen("", error="the pod that looks was removed. Remedy: see who does so")
                elif _cluster.is_over(pod, troubles) or time.monotonic() > end:
                    self.found[sort] = _cluster.seen(pod, troubles, self._logs(pod), self.patience)
                else:
                    continue
                del open_names[name]
            if open_names:
                time.sleep(LOOK)

    def _logs(self, pod: Mapping[str, Any]) -> dict[str, str]:
        ended = [name for name, state in _cluster.states(pod).items() if "terminated" in state]
        return {name: self.cluster.log(pod["metadata"]["name"], name, LOG_LINES) for name in ended}
