"""Nodes that sessions may run on."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _cluster_nodes
from ansible_collections.gaia_data.vre.plugins.module_utils._cluster_nodes import Sort
from ansible_collections.gaia_data.vre.plugins.module_utils._prepull import Settings

INFO = {
    "architecture": "amd64",
    "containerRuntimeVersion": "containerd://2.1.9",
    "kubeletVersion": "v1.36.3",
    "operatingSystem": "linux",
}
HERE = Sort("v1.36.3", "containerd://2.1.9", "amd64")


def node(name: str, *, ready: str = "True", labels: Any = None, taints: Any = None, **more: Any) -> dict[str, Any]:
    spec = {"taints": taints} if taints else {}
    unschedulable = {"unschedulable": True} if more.pop("unschedulable", False) else {}
    conditions = [{"type": "Ready", "status": ready, "message": "Kubelet stopped posting node status."}]
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
        "spec": {**spec, **unschedulable},
        "status": {"conditions": conditions, "nodeInfo": {**INFO, **more}},
    }


CONTROL = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
GPU = {"key": "gpu", "value": "a100", "effect": "NoExecute"}


def test_nodes_by_what_they_are() -> None:
    nodes = [
        node("b"),
        node("a"),
        node("arm", architecture="arm64"),
        node("old", kubeletVersion="v1.34.1", containerRuntimeVersion="cri-o://1.33.0"),
        node("down", ready="Unknown"),
        node("cordoned", unschedulable=True),
        node("windows", operatingSystem="windows"),
        node("control", taints=[CONTROL]),
        node("preferred", taints=[{**CONTROL, "effect": "PreferNoSchedule"}]),
    ]
    assert _cluster_nodes.sorts(nodes, Settings()) == {
        Sort("v1.34.1", "cri-o://1.33.0", "amd64"): ["old"],
        HERE: ["a", "b", "preferred"],
        Sort("v1.36.3", "containerd://2.1.9", "arm64"): ["arm"],
    }
    assert Sort.parse(str(HERE)) == HERE


@pytest.mark.parametrize(
    ("taints", "tolerations", "takes"),
    [
        ([], [], True),
        ([GPU], [], False),
        ([GPU], [{"operator": "Exists"}], True),
        ([GPU], [{"key": "gpu", "operator": "Exists"}], True),
        ([GPU], [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}], False),
        ([GPU], [{"key": "gpu", "value": "a100", "effect": "NoExecute"}], True),
        ([GPU], [{"key": "gpu", "operator": "Equal", "value": "h100"}], False),
        ([GPU, CONTROL], [{"key": "gpu", "operator": "Exists"}], False),
        ([CONTROL], [{"key": CONTROL["key"]}], True),
    ],
)
def test_taints_and_tolerations(taints: Any, tolerations: Any, takes: bool) -> None:
    assert _cluster_nodes.takes(node("a", taints=taints), {}, tolerations) is takes


@pytest.mark.parametrize(("selector", "takes"), [({}, True), ({"vre": "yes"}, True), ({"vre": "no"}, False)])
def test_labels(selector: dict[str, str], takes: bool) -> None:
    assert _cluster_nodes.takes(node("a", labels={"vre": "yes"}), selector, []) is takes
