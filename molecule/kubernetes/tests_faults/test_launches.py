"""What may be wrong with a cluster when users start sessions: they are told in words, and others go on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import pytest

from gaia_lab.client import ClientError, HubClient
from gaia_lab.pods import HUB, PREPULL, SESSIONS, hub, kubectl, listed, session
from gaia_lab.remote import on
from gaia_lab.session import lab_client
from gaia_lab.trouble import healthy, until

NODES = ("node1", "node2")
GIVEN_UP = "node.example.org/failed=yes:NoExecute"
OCEAN, ATMOSPHERE = "conda-env-ocean-ocean-py", "conda-env-atmosphere-atmosphere-py"
BOTH = {"choice": "free", "system": "lab", "business": ["ocean", "atmosphere"]}
ONE = {"choice": "free", "system": "lab", "business": ["atmosphere"]}
SOON, BUSY = 30, 300  # seconds; the second for what a busy machine takes its time for


def runs(client: HubClient, kernel: str = ATMOSPHERE) -> bool:
    """Whether a kernel of the user's session still answers."""
    return client.run(kernel, "print(6 * 7)").stdout.strip() == "42"


def refused(client: HubClient) -> tuple[str, float]:
    """What a launch that cannot be tells its user, and after how many seconds."""
    started = time.monotonic()
    with pytest.raises(ClientError) as caught:
        client.start(ONE)
    return str(caught.value), time.monotonic() - started


@contextmanager
def stopped(host: str, unit: str) -> Iterator[None]:
    on(host, f"systemctl stop {unit}")
    try:
        yield
    finally:
        on(host, f"systemctl start {unit}")


@pytest.fixture
def no_atmosphere() -> Iterator[Callable[[], None]]:
    """What removes an image from all nodes behind everybody's back, whatever holds it; it is back after the test."""

    def forget() -> None:
        for node in NODES:
            on(node, "ctr -n k8s.io images ls -q | grep /vre/atmosphere@ | xargs -r ctr -n k8s.io images rm --sync")

    yield forget
    kubectl("delete", "pod", f"--selector={PREPULL}")
    until(lambda: all(one["status"]["numberReady"] == len(NODES) for one in listed("daemonset", PREPULL)), BUSY)


def test_two_users_at_once(alice: HubClient, bob: HubClient) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda user: user.start(ONE), [alice, bob]))
    assert runs(alice)
    assert runs(bob)


def test_an_image_that_goes_while_it_is_mounted_stays_for_the_session(
    alice: HubClient, no_atmosphere: Callable[[], None]
) -> None:
    alice.start(BOTH)
    no_atmosphere()
    assert runs(alice), "what is mounted stays until it is unmounted"
    assert runs(alice, OCEAN)


def test_a_node_without_the_image_pulls_it(alice: HubClient, no_atmosphere: Callable[[], None]) -> None:
    no_atmosphere()
    alice.start(ONE)
    assert runs(alice)


def test_a_registry_that_is_down_is_told_where_the_image_is_not_there(
    alice: HubClient, no_atmosphere: Callable[[], None]
) -> None:
    """It heals by itself: the user reads it on the progress page, and the session starts when the registry is back."""
    no_atmosphere()
    with stopped("registry", "docker-registry"):
        assert alice.post_form(ONE).status_code == 302
        told = next(
            str(event["message"]) for event in alice.progress() if "does not answer" in str(event.get("message"))
        )
        assert told.startswith("The registry of Atmosphere")
    alice.wait_ready()
    alice.open_session()
    assert runs(alice)


def test_a_registry_that_is_down_is_not_needed_for_what_is_there(alice: HubClient) -> None:
    with stopped("registry", "docker-registry"):
        alice.start(BOTH)
        assert runs(alice, OCEAN)


def test_a_quota_that_is_used_up_is_told_at_once(bob: HubClient) -> None:
    kubectl("create", "quota", "small", "--hard=pods=0")
    try:
        until(lambda: json.loads(kubectl("get", "quota", "small", "--output=json")).get("status"), SOON)
        told, seconds = refused(bob)
        assert "The cluster gives no more room to this hub" in told
        assert seconds < SOON
        assert listed("pod", SESSIONS) == []
    finally:
        kubectl("delete", "quota", "small")
    bob.start(ONE)


def test_a_hub_whose_pod_is_deleted_comes_back_to_its_sessions(alice: HubClient) -> None:
    alice.start(ONE)
    pod, kernel = session("alice")["metadata"]["uid"], alice.api("POST", "kernels", {"name": ATMOSPHERE})["id"]
    former = hub()[0]
    kubectl("delete", "pod", f"--selector={HUB}")
    assert not alice.execute(kernel, "kept = 6 * 7").error, "the session needs no hub"
    kubectl("wait", "--for=condition=Ready", "pod", f"--selector={HUB}", f"--timeout={BUSY}s")
    assert hub()[0] != former
    until(partial(healthy, alice), BUSY)
    alice.login()
    assert (alice.server() or {}).get("ready")
    assert session("alice")["metadata"]["uid"] == pod
    assert alice.execute(kernel, "print(kept)").stdout.strip() == "42"


@pytest.fixture
def apart() -> Iterator[str]:
    """Hub and proxy run on the first node, sessions on the second one, whose name this gives."""
    first, second = (one["metadata"]["name"] for one in json.loads(kubectl("get", "nodes", "--output=json"))["items"])
    kubectl("cordon", second)
    ours = "component in (hub,proxy)"
    for pod in listed("pod", ours):
        if pod["spec"]["nodeName"] == second:
            kubectl("delete", "pod", pod["metadata"]["name"])
    kubectl("wait", "--for=condition=Ready", "pod", f"--selector={ours}", f"--timeout={BUSY}s")
    kubectl("cordon", first)
    kubectl("uncordon", second)
    try:
        yield second
    finally:
        kubectl("uncordon", first)
        kubectl("uncordon", second)


def test_the_node_of_a_session_fails(apart: str) -> None:
    """Others start elsewhere, and who worked there is told, as soon as the cluster gives the node up."""
    alice, bob = lab_client("alice"), lab_client("bob")
    for user in (alice, bob):
        until(partial(healthy, user), BUSY)
        user.login()
        user.stop()
    alice.start(ONE)
    assert session("alice")["spec"]["nodeName"] == apart
    for node in NODES:
        kubectl("uncordon", node)
    with stopped(apart.partition(".")[0], "kubelet containerd"):
        kubectl("wait", "--for=condition=Ready=Unknown", "node", apart, f"--timeout={BUSY}s")
        bob.start(ONE)
        assert session("bob")["spec"]["nodeName"] != apart
        bob.stop()
        kubectl("taint", "node", apart, GIVEN_UP)  # what the cluster does by itself after five minutes
        try:
            until(lambda: alice.server() is None, BUSY)
            page = alice.http.get(f"{alice.url}/hub/spawn", timeout=60).text
            assert "The machine that ran it failed or was shut down." in page
            alice.start(ONE)
            assert session("alice")["spec"]["nodeName"] != apart
            alice.stop()
        finally:
            kubectl("taint", "node", apart, f"{GIVEN_UP}-")
    kubectl("wait", "--for=condition=Ready", "node", apart, f"--timeout={BUSY}s")
    until(lambda: all(one["status"]["numberReady"] == len(NODES) for one in listed("daemonset", PREPULL)), BUSY)
