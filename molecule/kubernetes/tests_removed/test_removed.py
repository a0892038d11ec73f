"""After remove: nothing of ours is left in the namespace, homes stay, the database as the values say."""

from __future__ import annotations

import pytest

from gaia_lab.pods import HUB, OURS, SESSIONS, kubectl, listed


@pytest.mark.parametrize("kind", ["daemonset", "job", "configmap", "secret", "pod", "persistentvolumeclaim"])
def test_nothing_of_ours_is_left(kind: str) -> None:
    assert listed(kind, OURS) == []


@pytest.mark.parametrize("labels", [HUB, SESSIONS, "component=proxy"])
def test_no_pod_of_the_hub_is_left(labels: str) -> None:
    assert [pod for pod in listed("pod", labels) if "deletionTimestamp" not in pod["metadata"]] == []


def test_homes_and_the_database_stay() -> None:
    claims = kubectl("get", "persistentvolumeclaim", "--output=name")
    assert "alice" in claims
    assert "hub-db-dir" in claims


def test_the_namespace_stays() -> None:
    assert kubectl("get", "namespace", "jupyterhub", "--output=name").strip() == "namespace/jupyterhub"
