"""What becomes of a launch by what the hub knows of its pod; how a cluster itself says it is in the scenario."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes_asyncio.client.rest import ApiException
from kubespawner import KubeSpawner
from traitlets.config import Config

from gaia_vre_hub.centre import CentreFiles
from gaia_vre_hub.errors import FailedError
from gaia_vre_hub.spawner import over
from gaia_vre_hub.substrates.kubernetes import LOOK

pytestmark = pytest.mark.usefixtures("kubeconfig")

DIGEST = "sha256:" + "ab" * 32
OCEAN = f"registry.example.org/vre/ocean@{DIGEST}"
NAME = "jupyterhub/jupyter-alice"
ABSENT = f'Failed to pull image "{OCEAN}": rpc error: code = NotFound desc = {OCEAN}: not found'
AWAY = f'Failed to pull image "{OCEAN}": dial tcp 10.99.0.2:443: connect: connection refused'


class Known(KubeSpawner):  # type: ignore[misc]
    """A spawner that knows of pods and events what a test says, and asks no cluster."""

    vre_does: Any = None
    vre_stopped = 0

    async def _start(self) -> str:
        found: str = await self.vre_does(self)
        return found

    async def _start_watching_pods(self, replace: bool = False) -> None:
        if replace:
            self.reflectors.pop(("pods", self.namespace), None)

    async def _start_watching_events(self, replace: bool = False) -> None:
        pass

    async def stop(self, now: bool = False) -> None:  # noqa: ARG002 - its signature
        self.vre_stopped += 1
        self.pod_reflector.pods.pop(NAME, None)


def spawner(tmp_path: Path, does: Any = None, **traits: Any) -> Any:
    """One that starts: ``does`` is what KubeSpawner would do until the pod runs."""
    user = SimpleNamespace(name="alice", id=1, url="/user/alice/", groups=[], db=SimpleNamespace(commit=lambda: None))
    hub = SimpleNamespace(public_host="", base_url="/hub/", api_url="http://hub:8081/hub/api")
    orm = SimpleNamespace(state={}, user_options={}, server=None, name="")
    found = over(Known, CentreFiles(str(tmp_path / "manifest.json")))(
        user=user, hub=hub, orm_spawner=orm, namespace="jupyterhub", _mock=True, **traits
    )
    Reflector = type("Reflector", (), {})  # noqa: N806 - as KubeSpawner's, it can be referred to weakly
    events, pods = Reflector(), Reflector()
    events.resources, pods.pods = {}, {}
    pods.first_load_future = SimpleNamespace(done=lambda: True)
    Known.reflectors = {("pods", "jupyterhub"): pods, ("events", "jupyterhub"): events}
    record = {"images": {"ocean": {"title": "Ocean modelling", "digest": DIGEST}}}
    found.vre_environment, found.vre_does = {"GAIA_VRE_SESSION": json.dumps(record)}, does
    found.handler = SimpleNamespace(
        request=SimpleNamespace(headers={"Accept-Language": "fr"}), settings={"failure_count": 3}
    )
    found._spawn_future = asyncio.get_running_loop().create_future()
    return found


def knows(one: Any, status: dict[str, Any] | None = None, *said: str, mark: str = "", **metadata: Any) -> None:
    """Let it know of a pod and of why it fails."""
    annotations = {"gaia-data.org/launch": mark or one.vre_launch}
    named = {"name": "jupyter-alice", "namespace": "jupyterhub", "uid": "1", "annotations": annotations, **metadata}
    spec = {"nodeName": "node1", "containers": [{"name": "notebook", "ports": []}]}
    one.pod_reflector.pods[NAME] = {"metadata": named, "spec": spec, "status": status or {"phase": "Pending"}}
    about = {"namespace": "jupyterhub", "name": "jupyter-alice", "uid": "1"}
    for number, words in enumerate(said):
        event = {"reason": "Failed", "message": words, "metadata": {"resourceVersion": str(number)}}
        one.event_reflector.resources[str(number)] = {**event, "involvedObject": about}


async def failed(one: Any) -> FailedError:
    """What its user is told."""
    with pytest.raises(FailedError) as raised:
        await one.start()
    one._spawn_future.set_exception(raised.value)
    await asyncio.sleep(0)
    one._spawn_future.exception()
    assert not any("_vre_" in str(task) for task in asyncio.all_tasks()), "nothing watches on"
    return raised.value


def run(what: Coroutine[Any, Any, None]) -> None:
    asyncio.run(what)


async def never(_one: Any) -> str:
    await asyncio.sleep(60)
    return ""


def test_a_server_has_two_minutes_to_answer_unless_the_centre_says_otherwise(tmp_path: Path) -> None:
    async def told() -> None:
        assert spawner(tmp_path).http_timeout == 120
        config = Config({"KubeSpawner": {"http_timeout": 40}})
        assert spawner(tmp_path, config=config).http_timeout == 40

    run(told())


def test_pods_that_are_read_anew_are_not_gone(tmp_path: Path) -> None:
    """One launch that is late has all of them read anew, and others go on meanwhile."""

    async def launch() -> None:
        async def reads(one: Any) -> str:
            knows(one)
            await asyncio.sleep(3 * LOOK)
            one.pod_reflector.first_load_future = SimpleNamespace(done=lambda: False)
            one.pod_reflector.pods.clear()
            await asyncio.sleep(3 * LOOK)
            knows(one, None, ABSENT)
            one.pod_reflector.first_load_future = SimpleNamespace(done=lambda: True)
            return await never(one)

        error = await failed(spawner(tmp_path, reads))
        assert error.jupyterhub_message.startswith("Ocean modelling n'est pas (ou plus) dans son registre.")

    run(launch())


def test_an_image_that_is_not_there_is_told_at_once_and_is_no_failure_of_the_hub(tmp_path: Path) -> None:
    async def launch() -> None:
        async def absent(one: Any) -> str:
            knows(one, None, ABSENT)
            return await never(one)

        one, began = spawner(tmp_path, absent, consecutive_failure_limit=5), time.monotonic()
        error = await failed(one)
        assert time.monotonic() - began < 2
        assert error.jupyterhub_message.startswith("Ocean modelling n'est pas (ou plus) dans son registre.")
        assert one.consecutive_failure_limit == 0
        assert one.vre_launch, "its pod has yet to be removed"

    run(launch())


def test_a_registry_that_is_away_is_waited_for_and_told_in_the_end(tmp_path: Path) -> None:
    async def launch() -> None:
        async def away(one: Any) -> str:
            knows(one, None, AWAY)
            return await never(one)

        one = spawner(tmp_path, away, start_timeout=3)
        launched = asyncio.ensure_future(failed(one))
        await asyncio.sleep(1)
        shown = one.vre_where()
        assert shown["message"] == "Le registre de Ocean modelling ne répond pas. Ce hub continue d'essayer."
        assert (shown["progress"], shown["queued"]) == (50, False)
        told = (await launched).jupyterhub_message
        assert told.startswith("Elle n'a pas démarré dans le temps que ce hub accorde à une session (3 s). Le registre")
        assert told.endswith("Réessayez plus tard et, si cela échoue encore, prévenez les administrateurs.")

    run(launch())


def test_kubespawners_own_end_of_its_patience_has_the_same_words(tmp_path: Path) -> None:
    async def launch() -> None:
        async def full(one: Any) -> str:
            condition = {
                "type": "PodScheduled",
                "status": "False",
                "message": "0/2 nodes are available: 2 Insufficient cpu.",
            }
            knows(one, {"phase": "Pending", "conditions": [condition]})
            await asyncio.sleep(0.6)
            raise TimeoutError

        one = spawner(tmp_path, full, consecutive_failure_limit=5)
        told = (await failed(one)).jupyterhub_message
        assert "Aucune machine n'a assez de place pour elle en ce moment (processeurs)." in told
        assert one.consecutive_failure_limit == 0

    run(launch())


def test_a_pod_that_never_shows_up_counts_and_the_hub_looks_anew(tmp_path: Path) -> None:
    async def launch() -> None:
        one = spawner(tmp_path, never, start_timeout=2, consecutive_failure_limit=5)
        assert "Demande de la session au cluster" in (await failed(one)).jupyterhub_message
        assert one.pod_reflector is None
        assert one.consecutive_failure_limit == 5

    run(launch())


@pytest.mark.parametrize(
    ("error", "told", "counts"),
    [
        (
            ApiException(http_resp=None, status=403, reason="Forbidden"),
            "Le cluster n'autorise pas une telle session.",
            False,
        ),
        (TimeoutError("Could not create pod"), "Le cluster ne répond pas.", True),
        (ConnectionRefusedError(), "Le cluster ne répond pas.", True),
    ],
)
def test_what_the_cluster_does_not_take_is_told(tmp_path: Path, error: Exception, told: str, counts: bool) -> None:
    async def launch() -> None:
        async def refuses(_one: Any) -> str:
            raise error

        one = spawner(tmp_path, refuses, consecutive_failure_limit=5)
        assert (await failed(one)).jupyterhub_message.startswith(told)
        assert (one.consecutive_failure_limit == 5) is counts

    run(launch())


def test_an_error_of_the_hubs_own_stays_one(tmp_path: Path) -> None:
    async def launch() -> None:
        async def breaks(_one: Any) -> str:
            raise FileNotFoundError("a hook's file")

        told = (await failed(spawner(tmp_path, breaks))).jupyterhub_message
        assert told.startswith("Elle n'a pas pu démarrer ; le journal du hub en donne la raison.")

    run(launch())


def test_a_session_that_ends_before_its_server_answers_is_told(tmp_path: Path) -> None:
    async def launch() -> None:
        async def ends(one: Any) -> str:
            state = {"terminated": {"reason": "Error", "exitCode": 1, "message": "ImportError: no\nmodule"}}
            knows(one, {"phase": "Failed", "containerStatuses": [{"name": "notebook", "state": state}]})
            return "http://127.0.0.1:1"

        told = (await failed(spawner(tmp_path, ends))).jupyterhub_message
        assert told.startswith("Elle s'est terminée avant la réponse")
        assert told.endswith("Elle a dit : ImportError: no module")

    run(launch())


def test_a_pod_that_is_taken_away_ends_the_launch_and_a_former_one_says_nothing(tmp_path: Path) -> None:
    async def launch() -> None:
        async def taken(one: Any) -> str:
            knows(one, {"phase": "Failed", "reason": "Evicted"}, mark="of another launch")
            await asyncio.sleep(1)
            knows(one)
            await asyncio.sleep(0.7)
            knows(one, deletionTimestamp="2026-11-26T10:00:00Z")
            return await never(one)

        told = (await failed(spawner(tmp_path, taken))).jupyterhub_message
        assert told == "Le cluster ou ses administrateurs l'ont supprimée."

    run(launch())


def test_a_launch_that_goes_well_is_over(tmp_path: Path) -> None:
    async def launch() -> None:
        server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

        async def runs(one: Any) -> str:
            knows(one)
            return address

        one = spawner(tmp_path, runs)
        assert one.vre_where()["message"] == "La session est demandée."
        assert await one.start() == address
        assert "vre_launch" not in one.get_state()
        assert one.vre_where()["progress"] == 65
        server.close()
        await server.wait_closed()

    run(launch())


def test_a_launch_that_is_cancelled_while_its_pod_is_made_leaves_none(tmp_path: Path) -> None:
    async def launch() -> None:
        async def makes(one: Any) -> str:
            one.vre_creating = asyncio.ensure_future(asyncio.sleep(0.3))
            await asyncio.shield(one.vre_creating)
            return ""

        one = spawner(tmp_path, makes)
        starting = asyncio.ensure_future(one.start())
        await asyncio.sleep(0.1)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        one._stop_pending = True
        assert await one.poll() == 1
        assert one.vre_creating.done()
        assert one.vre_stopped == 1, "the hub may not know of the pod yet"

    run(launch())


@pytest.mark.parametrize(
    ("status", "metadata", "told"),
    [
        (
            {
                "phase": "Failed",
                "containerStatuses": [
                    {"name": "notebook", "state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}
                ],
            },
            {},
            "session_memory",
        ),
        (
            {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory. "},
            {},
            "pod_low_memory",
        ),
        (
            {
                "phase": "Running",
                "podIP": "10.0.0.1",
                "conditions": [{"type": "DisruptionTarget", "reason": "DeletionByTaintManager"}],
                "containerStatuses": [{"name": "notebook", "state": {"running": {}}, "ready": True}],
            },
            {"deletionTimestamp": "2026-11-26T10:00:00Z"},
            "pod_node",
        ),
        (None, {}, "pod_gone"),
    ],
    ids=["memory", "evicted", "lost", "gone"],
)
def test_why_a_session_ended_is_told_once_and_its_pod_removed(
    tmp_path: Path, status: dict[str, Any] | None, metadata: dict[str, Any], told: str
) -> None:
    async def ends() -> None:
        one = spawner(tmp_path)
        if status is not None:
            knows(one, status, **metadata)
        assert await one.poll() is not None
        assert one.vre_ending["message"] == told
        assert one.get_state()["vre_ending"]["message"] == told
        assert one.pod_reflector.pods == {}
        assert one.vre_stopped == (status is not None)

    run(ends())


def test_why_a_session_ended_is_what_was_seen_first(tmp_path: Path) -> None:
    """A page asks as well as the hub's own round, and meanwhile the first of them deletes the pod."""

    async def ends() -> None:
        one = spawner(tmp_path)
        state = {"terminated": {"reason": "Error", "exitCode": 1, "message": "boom"}}
        status = {"phase": "Failed", "containerStatuses": [{"name": "notebook", "state": state}]}
        knows(one, status)
        await one.poll()
        knows(one, status, deletionTimestamp="2026-11-26T10:00:00Z")
        await one.poll()
        assert one.vre_ending == {"message": "session_over_said", "values": {"value": "boom"}}

    run(ends())


def test_a_session_that_goes_on_is_left_alone(tmp_path: Path) -> None:
    async def goes_on() -> None:
        one = spawner(tmp_path)
        running = {"name": "notebook", "state": {"running": {}}, "ready": True}
        knows(one, {"phase": "Running", "podIP": "10.0.0.1", "containerStatuses": [running]})
        assert await one.poll() is None
        assert (one.vre_ending, one.vre_stopped) == ({}, 0)

    run(goes_on())
