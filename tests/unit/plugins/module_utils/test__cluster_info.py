"""What a kubeconfig may do, and what runs in its namespace."""

from __future__ import annotations

import base64
import datetime
import gzip
import json
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils._cluster_info import (
    Right,
    checksum,
    hub_pods,
    is_covered,
    release,
    rights,
    sessions,
    told,
    unsettled,
)

PODS = {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "pods/log"]}


def test_rights_are_asked_one_by_one() -> None:
    option = {"group": "apps", "resources": ["a", "b"], "verbs": ["get", "list"], "name": None, "cluster_wide": False}
    found = rights([{**option, "why": "x"}])
    assert [(right.verb, right.resource) for right in found] == [
        ("get", "a"),
        ("list", "a"),
        ("get", "b"),
        ("list", "b"),
    ]
    assert found[0] == Right("get", "apps", "a", "x")


@pytest.mark.parametrize(
    ("right", "rule", "expected"),
    [
        (Right("get", "", "pods", ""), PODS, True),
        (Right("get", "", "pods/log", ""), PODS, True),
        (Right("delete", "", "pods", ""), PODS, False),
        (Right("get", "apps", "pods", ""), PODS, False),
        (Right("get", "", "secrets", ""), PODS, False),
        (Right("x", "y", "z", ""), {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}, True),
        (Right("get", "", "pods", ""), {**PODS, "resourceNames": ["one"]}, False),
        (Right("get", "", "pods", "", "one"), {**PODS, "resourceNames": ["one"]}, True),
        (Right("get", "", "pods", ""), {}, False),
    ],
)
def test_what_a_rule_allows(right: Right, rule: dict[str, Any], expected: bool) -> None:
    assert is_covered(right, [rule]) is expected


def test_what_an_owner_of_a_namespace_may_says_nothing_of_the_cluster() -> None:
    everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
    mine, nodes = Right("get", "", "pods", "x"), Right("list", "", "nodes", "x", "", cluster_wide=True)
    itself, other = (Right("get", "", "namespaces", "x", name, cluster_wide=True) for name in ("vre", "other"))
    assert unsettled([mine, nodes, itself, other], "vre", [everything]) == [nodes, other]
    assert unsettled([mine, nodes], "vre", []) == [mine, nodes]


def test_what_is_missing_is_told_with_its_use() -> None:
    missing = [
        Right("create", "apps", "daemonsets", "images on the nodes"),
        Right("delete", "apps", "daemonsets", "images on the nodes"),
        Right("list", "", "nodes", "what nodes can do", "", True),
    ]
    assert told(missing, "vre") == [
        "It may not create, delete daemonsets (apps) in namespace vre, which is for images on the nodes.",
        "It may not list nodes of the cluster, which is for what nodes can do.",
    ]


def pod(name: str, phase: str = "Running", **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, **metadata}, "spec": {}, "status": {"phase": phase}}


def test_pods_of_the_hub() -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    volumes = [{"name": "a", "configMap": {"name": "gaia-vre"}}, {"name": "b", "emptyDir": {}}]
    one = {**pod("hub-1"), "spec": {"volumes": volumes}, "status": ready}
    gone = pod("hub-2", deletionTimestamp="2026-11-26T10:00:00Z")
    assert hub_pods([one, gone, pod("hub-3")]) == [
        {"name": "hub-1", "ready": True, "config_maps": ["gaia-vre"]},
        {"name": "hub-3", "ready": False, "config_maps": []},
    ]


def test_sessions_with_their_images() -> None:
    marks = {"hub.jupyter.org/username": "zoé", "gaia-data.org/images": '{"lab": "sha256:2", "ocean": "sha256:1"}'}
    junk = {"gaia-data.org/images": "[1]"}
    found = sessions(
        [
            pod("jupyter-z", annotations=marks),
            pod("jupyter-b", "Pending", annotations=junk, labels={"hub.jupyter.org/username": "bob"}),
            pod("jupyter-c", "Succeeded"),
        ]
    )
    assert found == [
        {"user": "bob", "pod": "jupyter-b", "digests": []},
        {"user": "zoé", "pod": "jupyter-z", "digests": ["sha256:1", "sha256:2"]},
    ]


def kept(version: int, data: str) -> dict[str, Any]:
    """A Secret of Helm's."""
    labels = {"version": str(version), "status": "deployed"}
    began = "2026-11-26T10:00:00Z"
    return {
        "metadata": {"name": f"x.v{version}", "labels": labels, "creationTimestamp": began},
        "data": {"release": data},
    }


def test_a_checksum_is_that_of_what_helm_keeps() -> None:
    written = {"since": datetime.date(2026, 1, 1), "timeout": 1.0, "share": 0.5, "on": True, 1: "one"}
    kept = {"since": "2026-01-01", "timeout": 1, "share": 0.5, "on": True, "1": "one"}
    assert checksum(written) == checksum(kept)
    assert checksum({"on": True}) != checksum({"on": 1})


def test_the_last_revision_of_a_release_without_its_values() -> None:
    values = {"proxy": {"secretToken": "s3cret"}}
    text = json.dumps({"chart": {"metadata": {"name": "jupyterhub", "version": "4.4.0"}}, "config": values})
    data = base64.b64encode(base64.b64encode(gzip.compress(text.encode()))).decode()
    found = release([kept(9, "junk"), kept(10, data)])
    assert found == {
        "record": "x.v10",
        "status": "deployed",
        "began": "2026-11-26T10:00:00Z",
        "chart": ["jupyterhub", "4.4.0", ""],
        "checksum": checksum({"proxy": {"secretToken": "s3cret"}}),
    }
    assert "chart" not in (release([kept(1, "junk")]) or {"chart": ""})
    assert release([]) is None
