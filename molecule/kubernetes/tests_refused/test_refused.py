"""Wrong input on a cluster without a hub: one clear message with the remedy each, and nothing is changed.

What is wrong with values, one by one, is told by unit tests of the filters; here the playbooks speak.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gaia_lab.centre import STATE, run
from gaia_lab.playbook import Played
from gaia_lab.pods import OURS, kubectl, listed


def said(done: Played, *words: str) -> None:
    """It was refused in these words, before anything changed."""
    for word in words:
        assert word in done.text, done.text[-3000:]
    assert "Traceback" not in done.text
    assert done.changed == 0, done.text[-3000:]


CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no kubeconfig": (
        {"kubernetes_kubeconfig": "/nowhere/kubeconfig"},
        ["no access by /nowhere/kubeconfig", "give the path of a kubeconfig"],
    ),
    "no such context": ({"kubernetes_context": "other"}, ["no such context", "correct kubernetes_context"]),
    "another namespace": (
        {"kubernetes_namespace": "others"},
        ["does not allow all that is needed", "in namespace others"],
    ),
    "no chart": (
        {"kubernetes_chart": "/nowhere/chart"},
        ["kubernetes_chart: /nowhere/chart is no folder and no archive here", "Remedy"],
    ),
    "no file of values": (
        {"kubernetes_values_files": ["/nowhere/values.yml"]},
        ["kubernetes_values_files", "/nowhere/values.yml", "Remedy"],
    ),
    "no image that unpacks": (
        {"vre_mount_kind": "directory", "kubernetes_store_image": ""},
        ["kubernetes_store_image is not set", "Remedy"],
    ),
    "a mapping where a list is": (
        {"kubernetes_values": {"hub": {"extraVolumes": {"data": {}}}}},
        ["kubernetes_values: hub.extraVolumes: this must be a list, as ours is added to it", "Remedy"],
    ),
    "a name of ours": (
        {"kubernetes_values": {"hub": {"extraConfig": {"90-gaia-vre": "print()"}}}},
        ["hub.extraConfig.90-gaia-vre: this name is ours", "Remedy"],
    ),
    "pods that PodSecurity refuses": (
        {"kubernetes_values": {"singleuser": {"cloudMetadata": {"blockWithIptables": True}}}},
        ["pods of users would be refused, as the namespace's PodSecurity level is restricted", "set it to false"],
    ),
    "type": ({"kubernetes_timeout": "soon"}, ["kubernetes_timeout", "soon"]),
    "offer": ({"vre_offer": {"system": ["lab"], "business": ["oceam"], "free_choice": True}}, ["oceam", "vre_offer"]),
}


@pytest.mark.parametrize("case", CASES)
def test_wrong_variable(case: str) -> None:
    variables, words = CASES[case]
    said(run("deploy", variables, fails=True), *words)


@pytest.fixture
def nobody(tmp_path: Path) -> str:
    """A kubeconfig that may do nothing."""
    kubectl("create", "serviceaccount", "nobody")
    token = kubectl("create", "token", "nobody").strip()
    config = yaml.safe_load((STATE / "kubeconfig-deployer").read_text())
    config["users"][0]["user"] = {"token": token}
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return str(path)


def test_each_missing_right_is_named(nobody: str) -> None:
    done = run("deploy", {"kubernetes_kubeconfig": nobody}, fails=True)
    said(
        done,
        f"the kubeconfig {nobody} does not allow all that is needed",
        "It may not get, list, create, update, patch, delete daemonsets (apps) in namespace jupyterhub,",
        "which is for images on the nodes.",
        "It may not get, list nodes of the cluster",
        "docs/kubernetes-rbac.yml",
    )


@pytest.mark.parametrize("playbook", ["publish", "verify", "maintenance"])
def test_there_is_no_hub_yet(playbook: str) -> None:
    more = {"state": "announce", "text": "x"} if playbook == "maintenance" else {}
    said(run(playbook, more, fails=True), "no hub runs in namespace jupyterhub", "run gaia_data.vre.deploy first")


def test_nothing_is_there() -> None:
    for kind in ("configmap", "secret", "daemonset"):
        assert listed(kind, OURS) == []
