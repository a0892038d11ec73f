"""Other values for the hub while somebody works: it restarts, sessions go on; what cannot be is told and taken back."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import yaml

from gaia_lab.centre import CENTRE, run
from gaia_lab.client import ClientError, HubClient
from gaia_lab.playbook import kill
from gaia_lab.pods import OURS, hub, kubectl, listed, session

ONE = {"choice": "free", "system": "lab", "business": ["atmosphere"]}
ATMOSPHERE = "conda-env-atmosphere-atmosphere-py"
PENDING = 120  # seconds after which an upgrade that was killed is taken for such


def values(**hub_config: Any) -> dict[str, Any]:
    """The centre's values with other settings of KubeSpawner."""
    settings = yaml.safe_load((CENTRE / "group_vars/vre_hubs/vre.yml").read_text())["kubernetes_values"]
    found: dict[str, Any] = copy.deepcopy(settings)
    found["hub"]["config"]["KubeSpawner"].update(hub_config)
    return {"kubernetes_values": found}


@pytest.fixture
def worker(alice: HubClient) -> Iterator[HubClient]:
    """Alice, who is at work before and after."""
    alice.start(ONE)
    pod = session("alice")["metadata"]["uid"]
    kernel = alice.api("POST", "kernels", {"name": ATMOSPHERE})["id"]
    assert not alice.execute(kernel, "kept = 6 * 7").error
    yield alice
    assert session("alice")["metadata"]["uid"] == pod
    assert alice.execute(kernel, "print(kept)").stdout.strip() == "42"


@pytest.mark.usefixtures("worker")
def test_pods_that_the_cluster_refuses_are_told(bob: HubClient) -> None:
    """PodSecurity `restricted` refuses what the centre forgot; the next deploy makes it good."""
    former = hub()[0]
    run("deploy", values(container_security_context={}))
    assert hub()[0] != former
    bob.login()
    started = time.monotonic()
    with pytest.raises(ClientError, match="The cluster does not allow such a session"):
        bob.start(ONE)
    assert time.monotonic() - started < 30
    run("deploy")
    bob.login()
    bob.start(ONE)


@pytest.mark.usefixtures("worker")
def test_values_that_the_chart_refuses_leave_the_hub_as_it_is() -> None:
    before = hub()
    wrong = values()
    wrong["kubernetes_values"]["hub"]["concurrentSpawnLimit"] = "many"
    done = run("deploy", wrong, fails=True)
    assert "the hub could not be upgraded" in done.text, done.text[-3000:]
    assert "concurrentSpawnLimit" in done.text
    assert "The former hub runs again." in done.text
    assert hub() == before
    assert run("deploy").changed == 0, "what runs is what it was"


@pytest.mark.usefixtures("worker")
def test_a_hub_that_does_not_come_up_is_taken_back() -> None:
    wrong = values()
    wrong["kubernetes_values"]["hub"]["extraConfig"] = {"20-wrong": "raise RuntimeError('the centre erred')"}
    done = run("deploy", {**wrong, "kubernetes_timeout": PENDING}, fails=True)
    assert "the hub could not be upgraded" in done.text, done.text[-3000:]
    assert "the centre erred" in done.text, "in the hub's own words"
    assert "The former hub runs again." in done.text
    assert run("deploy").changed == 0


@pytest.mark.parametrize(
    "task", ["Bring what is missing to the nodes", "Start sessions and run a line in every kernel"]
)
def test_a_play_that_was_killed_is_made_good_by_the_next(worker: HubClient, task: str) -> None:
    kubectl("delete", "daemonset", f"--selector={OURS}")
    kubectl("delete", "configmap", "gaia-vre")
    kill(CENTRE, "publish", task)
    assert worker.server()
    run("publish")
    assert run("publish").changed == 0
    (found,) = listed("daemonset", OURS)
    assert found["status"]["numberReady"] == 2


@pytest.mark.usefixtures("worker")
def test_an_upgrade_that_was_killed_is_ended_by_the_next() -> None:
    """Helm would refuse for ever: 'another operation is in progress'."""
    others = values(start_timeout=301)
    going_on = partial(listed, "secret", "owner=helm,status=pending-upgrade")
    kill(CENTRE, "deploy", "TASK [gaia_data.vre.kubernetes : The hub]", others, going_on)
    if going_on():
        assert "another upgrade of release jupyterhub began" in run("deploy", others, fails=True).text
        time.sleep(PENDING)
    run("deploy", {**others, "kubernetes_timeout": PENDING})
    assert not going_on()
    assert run("deploy", others).changed == 0
    run("deploy")
