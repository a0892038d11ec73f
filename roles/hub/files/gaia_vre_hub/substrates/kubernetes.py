"""Kubernetes: the session is a pod of KubeSpawner's, with a volume for each business image.

:func:`over` lays what is needed over any class of KubeSpawner's: the choice is put into the pod after the hub's own
volumes and profiles, and what the cluster says of the pod is told at once, in words, not when the time is up.
"""

from __future__ import annotations

import asyncio
import json
import posixpath
import secrets
import time
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from traitlets import default

from gaia_vre_hub import pods
from gaia_vre_hub.errors import FailedError, Unready
from gaia_vre_hub.manifest import Pin, Resources
from gaia_vre_hub.options import Choice
from gaia_vre_hub.pods import Events, Trouble
from gaia_vre_hub.reachable import listens
from gaia_vre_hub.resume import resume
from gaia_vre_hub.words import lasting

IMAGES, LAUNCH, SESSION = "gaia-data.org/images", "gaia-data.org/launch", "gaia-data.org/session"
RECORD = "GAIA_VRE_SESSION"
GPU = "nvidia.com/gpu"
LOOK = 0.3  # seconds between two looks at what the hub knows of a pod
SPARE = 1  # second before JupyterHub gives a launch up, which has no words for it
LOST = 60  # seconds after which a pod should be gone that its machine has to end
# What a cluster may be short of, and the message that names it.
ROOM = {
    "cpu": "room_cpu",
    "memory": "room_memory",
    "pods": "room_pods",
    "storage": "room_disk",
    "ephemeral-storage": "room_disk",
    "persistentvolumeclaims": "room_disk",
    GPU: "room_gpu",
}
# What goes on by itself, as a rule.
AWAITED = frozenset({"pod_home", "pod_grows"})
# How far a launch is, in percent.
REQUESTED, ASKED, PLACING, PULLING, MAKING, RUNNING = 5, 15, 25, 40, 50, 65


_events = Events()


async def unusable(_pins: dict[str, Pin]) -> list[str]:
    """Nothing is looked up at launch: which machine would run a session is not known before."""
    return []


async def missing(spawner: Any, _choice: Choice) -> list[str]:
    """As above: a registry may be away while all of its images are on the machines.

    :raises Unready: when the hub's spawner is none of KubeSpawner's.
    """
    if not hasattr(spawner, "vre_launch"):
        raise Unready("wrong_spawner", value=type(spawner).__name__.removeprefix("Vre"), wanted="KubeSpawner")
    return []


def prepare(spawner: Any, choice: Choice) -> None:
    """Keep the choice until the hub's profiles have had their say; see ``load_user_options`` below."""
    spawner.vre_choice = choice


def over(base: type[Any]) -> type[Any]:  # noqa: C901 - one class, many short methods
    """The spawner class ``base`` with the choice in its pods, where it is one of KubeSpawner's; else itself."""
    if not any(parent.__name__ == "KubeSpawner" for parent in base.__mro__):
        return base
    from aiohttp import ClientError
    from kubernetes_asyncio.client.rest import ApiException

    class KubeSpawner(base):  # type: ignore[misc]
        """Mounts what was chosen, and tells what becomes of the pod."""

        vre_choice: Choice | None = None
        vre_launch = ""  # while a session starts, what marks its pod
        vre_trouble: Trouble | None = None
        vre_end: Any = None  # the pod as it was when it was first seen to be over
        vre_failure = ""  # why it will never start, in words
        vre_creating: asyncio.Future[Any] | None = None

        @default("http_timeout")
        def _vre_patience(self) -> int:
            """Seconds for a server in a pod that runs: of a new image all is read from the disk first."""
            return 120

        # -- what a hub that starts again has to know -----------------------------------------

        def load_state(self, state: dict[str, Any]) -> None:
            """Take up what the former hub knew."""
            super().load_state(state)
            self.vre_launch = state.get("vre_launch", "")

        def get_state(self) -> dict[str, Any]:
            """As the hub's own, and which pod is about to start."""
            found: dict[str, Any] = super().get_state()
            return {**found, "vre_launch": self.vre_launch} if self.vre_launch else found

        def clear_state(self) -> None:
            """Forget the pod."""
            super().clear_state()
            self.vre_launch = ""

        def _vre_keep(self, launch: str) -> None:
            self.vre_launch = launch
            self.orm_spawner.state = self.get_state()
            self.user.db.commit()

        # -- what the pod is made of ----------------------------------------------------------

        async def load_user_options(self) -> None:
            """The hub's own profiles, then what was chosen; a list in a profile does not take the user's files away."""
            before = deepcopy(_shapes(self))
            await super().load_user_options()
            lost_volumes, lost_mounts = lost(before, _shapes(self))
            if lost_volumes or lost_mounts:
                names = ", ".join(dict.fromkeys(str(item.get("name")) for item in (*lost_volumes, *lost_mounts)))
                self.log.warning(
                    "a profile's volumes replace the hub's own; what has the user's files stays: %s", names
                )
                volumes, mounts = _shapes(self)
                self.volumes = beside(volumes, lost_volumes, "name")
                self.volume_mounts = beside(mounts, lost_mounts, "mountPath")
            choice = self.vre_choice
            if choice is not None:
                self.image, self.image_pull_policy = (choice.launch.launch or {})["image"], "IfNotPresent"
                if choice.resources is not None:
                    limit(self, choice.resources)

        async def get_pod_manifest(self) -> Any:
            """The hub's own pod with what was chosen; KubeSpawner has filled in its templates by then.

            :raises RefusedError: when the hub mounts something where an environment has to be.
            """
            pod = await super().get_pod_manifest()
            taken = compose(pod, self.vre_choice, self.vre_launch) if self.vre_choice is not None else ""
            if taken:
                self._vre_no_failure()
                raise self._vre_refused("pod_path", value=taken)
            return pod

        async def _make_create_pod_request(self, pod: Any, request_timeout: float) -> Any:
            # A launch that is cancelled meanwhile waits for it in poll(): nobody else would know of the pod.
            self.vre_creating = asyncio.ensure_future(super()._make_create_pod_request(pod, request_timeout))
            return await asyncio.shield(self.vre_creating)

        # -- what becomes of it ---------------------------------------------------------------

        async def start(self) -> str:
            """Start the pod and wait until its server listens.

            :raises FailedError: as soon as the cluster says that it never will, or just before the time is up.
            """
            self.vre_trouble = None
            self._vre_keep(secrets.token_hex(8))
            address: str = await self._vre_up(super().start(), self.start_timeout - SPARE)
            self.vre_launch, self.vre_trouble = "", None
            return address

        async def _vre_up(self, started: Awaitable[str], patience: float) -> str:
            starting = asyncio.ensure_future(self._vre_listens(started))
            watching = asyncio.ensure_future(self._vre_watch())
            try:
                await asyncio.wait((starting, watching), timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                if starting.done():
                    return starting.result()
                raise self._vre_failed(watching.result()) if watching.done() else await self._vre_late()
            except ApiException as error:
                raise self._vre_failed(pods.refused(error.status or 0, status_message(error.body))) from error
            except (TimeoutError, ConnectionError, ClientError) as error:
                if isinstance(error, TimeoutError) and self._vre_pod(own=True) is not None:
                    raise await self._vre_late() from error
                raise self._vre_failed(Trouble("cluster_silent", said=str(error), hub=True)) from error
            finally:
                starting.cancel()
                watching.cancel()
                await asyncio.gather(starting, watching, return_exceptions=True)

        async def _vre_listens(self, started: Awaitable[str]) -> str:
            address = await started
            server = urlsplit(address)
            last = time.monotonic() + self.http_timeout
            while not await listens(server.hostname or "", server.port or 80):
                if time.monotonic() > last:
                    raise self._vre_failed(Trouble("session_silent", hub=True))
                await asyncio.sleep(LOOK)
            return address

        async def _vre_watch(self) -> Trouble:
            """What keeps the pod from ever running, as soon as it is known; what is waited for is kept meanwhile."""
            since, pod = time.monotonic(), None
            while True:
                await asyncio.sleep(LOOK)
                if self.pod_reflector is None or not self.pod_reflector.first_load_future.done():
                    continue  # what the hub knows of pods is being read anew: nothing is known to be gone
                former, pod = pod, self._vre_pod(own=True)
                if former is not None and (pod is None or "deletionTimestamp" in pod["metadata"]):
                    message, said = pods.ended(pod, self._vre_events())
                    return Trouble(message, said=said)
                found = pods.trouble(pod, self._vre_events(pod)) if pod is not None else None
                if found is None or self.vre_trouble is None or found.message != self.vre_trouble.message:
                    since = time.monotonic()
                    if found is not None:
                        self.log.warning("the pod of %s does not start: %s", self._log_name, found)
                self.vre_trouble = found
                if found is not None and found.fatal and time.monotonic() - since >= found.patience:
                    return found

        def _vre_failed(self, trouble: Trouble) -> FailedError:
            """What is told of a session that does not start; a broken image or a full cluster is no fault of a hub."""
            if not trouble.hub:
                self._vre_no_failure()
            self.log.error("the session of %s did not start: %s", self._log_name, trouble)
            return self._vre_fails(self._vre_words(trouble))

        async def _vre_late(self) -> FailedError:
            """The same of one whose time is up."""
            percent, told = self._vre_stage()
            if self.vre_trouble is not None:
                told = self._vre_words(self.vre_trouble)
            elif percent == RUNNING:
                return self._vre_failed(Trouble("session_silent", hub=True))
            if self._vre_pod() is None:  # KubeSpawner does the same: what it knows of pods may come from nowhere
                await self._start_watching_pods(replace=True)
            elif self.vre_trouble is not None:
                self._vre_no_failure()
            self.log.error("the session of %s did not start in time: %s", self._log_name, self.vre_trouble)
            allowed = lasting(self.start_timeout) if self.start_timeout >= 60 else f"{self.start_timeout} s"
            return self._vre_fails(f"{self.vre_say('pod_late', value=allowed)} {told} {self.vre_say('pod_later')}")

        def _vre_fails(self, told: str) -> FailedError:
            self.vre_failure = told
            return FailedError(told)

        async def poll(self) -> Any:
            """As KubeSpawner; a launch that was cut off by the hub's end is gone on with, and an end is told."""
            if self._check_pending and self.vre_launch and self._spawn_future is None:
                status = await resume(self, self._vre_resumed())
                if status is None:
                    self._vre_keep("")
                return status
            if self.vre_creating is not None:
                with suppress(Exception):  # told by start()
                    await self.vre_creating
            await self._start_watching_pods()
            pod = self._vre_pod()
            if self.vre_end is None and pod is not None and pods.is_over(pod):
                self.vre_end = pod  # before it is deleted, by a poll or by whoever took it away
            overdue = pod is not None and pods.is_overdue(pod, datetime.now(UTC), LOST)
            status = 1 if overdue else await super().poll()
            if status is None:
                return None
            if self.pending not in ("spawn", "stop"):  # of these two, start() and the user know
                await self._vre_tell_end()
            left = self._vre_pod()
            # JupyterHub stops what runs; the reflector may not know of a new pod yet, nor who removes one that failed.
            if overdue or (self.delete_stopped_pods if left is not None else self.vre_launch and self.vre_creating):
                await self.stop(now=True)
            return status

        async def _vre_tell_end(self) -> None:
            if self.vre_end is None and self.events_enabled:
                await self._start_watching_events()
            message, said = pods.ended(self.vre_end, self._vre_events(self.vre_end))
            told = pods.last_words(said)
            self.log.warning("the session of %s ended (%s): %s", self._log_name, message, told)
            self.vre_tell_next(message, value=told)

        async def _vre_resumed(self) -> tuple[str, int]:
            """Wait for a pod that the former hub asked for."""
            server = urlsplit(await self._vre_up(self._vre_running(), self.start_timeout))
            return server.hostname or "", server.port or 80

        async def _vre_running(self) -> str:
            await self._start_watching_pods()
            if self._vre_pod(own=True) is None:
                raise self._vre_failed(Trouble("pod_gone"))
            if self.events_enabled:
                await self._start_watching_events()
            while not self.is_pod_running(pod := self._vre_pod(own=True)):
                await asyncio.sleep(LOOK)
            self.pod_id = pod["metadata"]["uid"]
            return str(self._get_pod_url(pod))

        async def stop(self, now: bool = False) -> None:
            """Remove the pod; where its machine does not answer, without it."""
            stopping = asyncio.ensure_future(super().stop(now=now))
            try:
                await asyncio.wait((stopping,), timeout=self.delete_grace_period + LOST)
                if not stopping.done():
                    self.log.warning("the pod of %s does not end: it is removed by force", self._log_name)
                    await super().stop(now=True)
                await stopping
            finally:
                stopping.cancel()

        # -- what is told meanwhile -----------------------------------------------------------

        def vre_where(self) -> dict[str, Any]:
            """How far the launch is: an event of JupyterHub's progress page."""
            percent, told = self._vre_stage()
            trouble = self.vre_trouble
            if self.vre_failure:  # the pod is being removed
                percent, told = MAKING, self.vre_failure
            elif trouble is not None and not trouble.fatal:
                told = self._vre_words(trouble)
                told = told if trouble.message in AWAITED else f"{told} {self.vre_say('pod_goes_on')}"
            return {"progress": percent, "message": told, "queued": percent == PLACING}

        def _vre_stage(self) -> tuple[int, str]:
            """How far the launch is, in percent and in words."""
            if not self.vre_launch:
                ready = self.vre_step == "step_wait"
                return (RUNNING, self.vre_say("step_wait")) if ready else (REQUESTED, self.vre_say("step_requested"))
            pod = self._vre_pod(own=True)
            if pod is None:
                return ASKED, self.vre_say("pod_create")
            if not pods.placed(pod):
                return PLACING, self.vre_say("pod_place")
            if pod["status"].get("phase") == "Running":
                return RUNNING, self.vre_say("step_wait")
            if image := pods.pulled_now(self._vre_events(pod)):
                return PULLING, self.vre_say("pod_pull", value=pods.title(image, self._vre_titles()))
            return MAKING, self.vre_say("pod_make")

        def _vre_words(self, trouble: Trouble) -> str:
            titles = self._vre_titles()
            names = [self.vre_say(ROOM[name]) if name in ROOM else name for name in trouble.value.split(", ")]
            value = pods.title(trouble.image, titles) if trouble.image else ", ".join(dict.fromkeys(names))
            told = self.vre_say(trouble.message, value=value)
            if trouble.message == "session_ended":
                speaker, said = "session_said", pods.last_words(trouble.said)
            else:
                speaker = "cluster_said"
                said = pods.readable(trouble.said, titles) if trouble.message in pods.SAID else ""
            return f"{told} {self.vre_say(speaker)} {said}" if said else told

        def _vre_titles(self) -> dict[str, str]:
            """Titles of the session's images, by digest."""
            record = self.vre_environment.get(RECORD)
            session = json.loads(record) if record else self.vre_session() or {"images": {}}
            return {image["digest"]: image["title"] for image in session["images"].values()}

        def _vre_pod(self, *, own: bool = False) -> Any:
            """What the hub knows of the pod; None for none.

            :param own: whether it has to be this launch's, not one of the same name that has yet to go.
            """
            reflector = self.pod_reflector
            pod = reflector.pods.get(f"{self.namespace}/{self.pod_name}") if reflector is not None else None
            marks = pod["metadata"].get("annotations", {}) if pod is not None else {}
            return None if own and marks.get(LAUNCH) != self.vre_launch else pod

        def _vre_events(self, pod: Any = None) -> list[Any]:
            """Events of a pod, or of the last one that had its name."""
            reflector = self.event_reflector
            if reflector is None:
                return []
            found = _events.of(reflector, self.namespace, self.pod_name)
            return pods.of_one(found, pod["metadata"]["uid"] if pod is not None else "")

    KubeSpawner.__name__ = base.__name__
    KubeSpawner.__qualname__ = base.__name__
    return KubeSpawner


# -- what the pod is made of ----------------------------------------------------------------------


def compose(pod: Any, choice: Choice, launch: str) -> str:
    """Put a choice into a pod; the path that is taken already, where there is one, and an empty text where it is done.

    :param pod: ``V1Pod``, as KubeSpawner makes it: its first container is the session's.
    :param launch: what marks it as this launch's.
    """
    from kubernetes_asyncio.client import V1Volume, V1VolumeMount
    from kubespawner.utils import get_k8s_model

    container, mounts = pod.spec.containers[0], [pin.mount for pin in choice.business if pin.mount]
    volumes = {mount["volume"]["name"]: mount["volume"] for mount in mounts}
    paths = {posixpath.normpath(str(_of(mount, "mountPath"))) for mount in container.volume_mounts or ()}
    there = {_of(volume, "name") for volume in pod.spec.volumes or ()}
    for mount in mounts:
        if posixpath.normpath(mount["volume_mount"]["mountPath"]) in paths:
            return str(mount["volume_mount"]["mountPath"])
    pod.spec.volumes = [
        *(pod.spec.volumes or ()),
        *(get_k8s_model(V1Volume, volume) for name, volume in volumes.items() if name not in there),
    ]
    container.volume_mounts = [
        *(container.volume_mounts or ()),
        *(get_k8s_model(V1VolumeMount, mount["volume_mount"]) for mount in mounts),
    ]
    digests = {name: pin.digest for name, pin in choice.images.items()}
    pod.metadata.annotations |= {IMAGES: json.dumps(digests), LAUNCH: launch}
    pod.metadata.labels[SESSION] = "true"
    for variable in container.env or ():
        if variable.name == RECORD:  # the kubelet would take $(…) for the name of a variable
            variable.value = variable.value.replace("$", "$$")
    # The hub may not read logs; the last lines of one that ended badly come with the pod's status then.
    container.termination_message_policy = container.termination_message_policy or "FallbackToLogsOnError"
    if pod.spec.restart_policy == "OnFailure" and len(pod.spec.containers) == 1:
        pod.spec.restart_policy = "Never"  # a session that starts anew without its kernels would tell nobody why
    return ""


def limit(spawner: Any, resources: Resources) -> None:
    """Set what a session gets; what the hub promises it is no more than that, or the cluster would take no pod."""
    for kind, most in (("mem", resources.memory), ("cpu", resources.cpu)):
        if most:
            setattr(spawner, f"{kind}_limit", most)
            promised = getattr(spawner, f"{kind}_guarantee")
            setattr(spawner, f"{kind}_guarantee", min(promised, most) if promised else promised)
    if resources.gpu:
        spawner.extra_resource_limits = {**spawner.extra_resource_limits, GPU: str(resources.gpu)}
        spawner.extra_resource_guarantees = {**spawner.extra_resource_guarantees, GPU: str(resources.gpu)}


Shape = list[dict[str, Any]] | dict[str, dict[str, Any]]  # KubeSpawner has volumes and mounts in either


def lost(before: tuple[Shape, Shape], after: tuple[Shape, Shape]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Volumes and mounts with the user's own files which a profile dropped by a list of its own.

    They are those with a template such as ``{username}`` or ``{pvc_name}``. Where both are dictionaries, what is gone
    was taken out by its name, and stays so. A volume that is still mounted stays, whatever it is.

    :param before: the hub's volumes and mounts.
    :param after: the same with the profile's.
    """
    volumes, mounts = {volume.get("name"): volume for volume in _items(before[0])}, list(_items(after[1]))
    paths = {mount.get("mountPath") for mount in mounts}
    lost_mounts = [
        mount
        for mount in _items(before[1])
        if _replaced(before[1], after[1]) and mount.get("mountPath") not in paths
        if _is_personal([mount, volumes.get(mount.get("name"))])
    ]
    names = {volume.get("name") for volume in _items(after[0])}
    needed = dict.fromkeys(mount.get("name") for mount in (*mounts, *lost_mounts))
    gone = [volumes[name] for name in needed if name in volumes and name not in names]
    return gone if _replaced(before[0], after[0]) else [], lost_mounts


def beside(shape: Shape, more: list[dict[str, Any]], key: str) -> Shape:
    """The same with more; in a dictionary, each by what it says of itself."""
    return {**shape, **{item[key]: item for item in more}} if isinstance(shape, dict) else [*shape, *more]


def status_message(body: object) -> str:
    """What the cluster's API says of a request that it does not grant."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body or "")
    with suppress(ValueError):
        status = json.loads(text)
        if isinstance(status, Mapping):
            return str(status.get("message") or "")
    return text


def _shapes(spawner: Any) -> tuple[Shape, Shape]:
    return spawner.volumes, spawner.volume_mounts


def _items(shape: Shape) -> Iterator[dict[str, Any]]:
    yield from shape.values() if isinstance(shape, dict) else shape


def _replaced(before: Shape, after: Shape) -> bool:
    return not (isinstance(before, dict) and isinstance(after, dict))


def _is_personal(value: Any) -> bool:
    """Whether a template is in any text of it."""
    if isinstance(value, Mapping):
        return any(map(_is_personal, value.values()))
    if isinstance(value, list):
        return any(map(_is_personal, value))
    return isinstance(value, str) and "{" in value


def _of(item: Any, key: str) -> Any:
    """A value of an object of the client's, or of a plain one that an admin wrote."""
    if isinstance(item, Mapping):
        return item.get(key)
    return getattr(item, {"mountPath": "mount_path"}.get(key, key))
