# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that sessions may run on, and how they differ; as the cluster's API has them in JSON. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._pods import Object
from ansible_collections.gaia_data.vre.plugins.module_utils._prepull import Settings, down_nodes


@dataclass(frozen=True, order=True)
class Sort:
    """Nodes with the same software: what one can do, each of them can.

    :param runtime: name and version, such as ``containerd://2.1.9``.
    :param architecture: such as ``amd64``.
    """

    kubelet: str
    runtime: str
    architecture: str

    def __str__(self) -> str:
        return f"{self.kubelet} {self.runtime} {self.architecture}"

    @classmethod
    def parse(cls, text: str) -> Sort:
        """The opposite of ``str``.

        :raises ValueError: when it is none.
        """
        kubelet, runtime, architecture = text.split(" ")
        return cls(kubelet, runtime, architecture)


def sorts(nodes: Sequence[Object], settings: Settings) -> dict[Sort, list[str]]:
    """Names of the nodes that a session could be placed on now, by what they are."""
    down = down_nodes(nodes)
    found: dict[Sort, list[str]] = {}
    for node in nodes:
        name, info = node["metadata"]["name"], (node.get("status") or {}).get("nodeInfo") or {}
        if name in down or node["spec"].get("unschedulable") or info.get("operatingSystem") != "linux":
            continue
        if takes(node, settings.node_selector, settings.tolerations):
            sort = Sort(
                str(info.get("kubeletVersion")),
                str(info.get("containerRuntimeVersion")),
                str(info.get("architecture")),
            )
            found.setdefault(sort, []).append(name)
    return {sort: sorted(names) for sort, names in sorted(found.items())}


def takes(node: Object, selector: Mapping[str, str], tolerations: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a pod with these may be placed on a node. Source: Kubernetes, "Taints and Tolerations"."""
    labels = node["metadata"].get("labels") or {}
    if any(labels.get(key) != value for key, value in selector.items()):
        return False
    allowed = list(tolerations)
    return all(
        any(_tolerates(one, taint) for one in allowed)
        for taint in node["spec"].get("taints") or ()
        if taint.get("effect") in ("NoSchedule", "NoExecute")
    )


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    key, effect = toleration.get("key") or "", toleration.get("effect") or ""
    if effect not in ("", taint.get("effect")):
        return False
    if toleration.get("operator") == "Exists":
        return key in ("", taint.get("key"))
    return key == taint.get("key") and (toleration.get("value") or "") == (taint.get("value") or "")
