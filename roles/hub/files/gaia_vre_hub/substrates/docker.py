"""Docker: the image and its raw mounts, beside whatever the hub has configured."""

from __future__ import annotations

import asyncio
import inspect
import time
from pathlib import Path
from typing import Any

from gaia_vre_hub.errors import FailedError, Unready
from gaia_vre_hub.manifest import Pin
from gaia_vre_hub.options import Choice
from gaia_vre_hub.reachable import listens
from gaia_vre_hub.words import line

MOST_LINES = 3  # of what a session said last
SOON, LOOK = 0.2, 1  # seconds between two connections, and between two questions to the engine


def over(base: type[Any]) -> type[Any]:
    """The spawner class ``base`` with an eye on its containers, where it is one of DockerSpawner; else itself."""
    if not hasattr(base, "get_object") or base.object_type != "container":
        return base

    class DockerSpawner(base):  # type: ignore[misc]
        """Tells why a container ended: DockerSpawner lets the engine remove it at once, with its last words."""

        async def start(self) -> tuple[str, int]:
            """Start the container and wait until its server listens.

            :raises FailedError: when it ended before, or does not listen within ``http_timeout``.
            """
            address: tuple[str, int] = await super().start()
            last, looked = time.monotonic() + self.http_timeout, time.monotonic()
            while not await listens(*address):
                if time.monotonic() > looked + LOOK:
                    looked = time.monotonic()
                    if why := _why(await self.get_object()):
                        raise await self._vre_failed(why)
                if time.monotonic() > last:
                    raise await self._vre_failed("session_silent")
                await asyncio.sleep(SOON)
            return address

        async def _vre_failed(self, message: str) -> FailedError:
            """What is told of a session that does not start."""
            said, told = await _last_words(self), self.vre_say(message)
            self.log.error("the session of %s did not start (%s): %s", self._log_name, message, said)
            return FailedError(f"{told} {self.vre_say('session_said')} {said}" if said else told)

        async def poll(self) -> Any:
            """As DockerSpawner; a container that has ended is looked at, removed, and its user told why."""
            status = await super().poll()
            if isinstance(status, str):
                container = await self.get_object()
                if container is not None and container["State"]["Status"] in ("exited", "dead"):
                    said = await _last_words(self)
                    self.log.warning("the session of %s ended (%s): %s", self._log_name, status, said)
                    await self.remove_object()
                    if self.pending not in ("spawn", "stop"):  # of these two, start() and the user know
                        self.vre_tell_next(_ended(container, said), value=said)
            return status

    DockerSpawner.__name__ = base.__name__
    DockerSpawner.__qualname__ = base.__name__
    return DockerSpawner


async def _last_words(spawner: Any) -> str:
    """The last lines of a session's output, in one."""
    import docker.errors

    try:
        output: bytes = await spawner.docker("logs", spawner.object_id, tail=MOST_LINES)
    except (docker.errors.DockerException, OSError) as error:  # requests' errors are OSErrors
        spawner.log.warning("the engine does not tell what the session of %s said: %s", spawner.user.name, error)
        return ""
    return line(output.decode(errors="replace"))


def _why(container: dict[str, Any] | None) -> str:
    """The message that explains why a container ended, None being one that is gone; empty while it runs."""
    state = container["State"] if container is not None else {}
    if state.get("Running"):
        return ""
    return "session_memory" if state.get("OOMKilled") else "session_ended"


def _ended(container: dict[str, Any], said: str) -> str:
    """The message for how a container of a session that was ready ended."""
    if container["State"].get("OOMKilled"):
        return "session_memory"
    return "session_over_said" if said else "session_over"


async def unusable(_pins: dict[str, Pin]) -> list[str]:
    """The engine is asked at launch only: nobody but it takes images away."""
    return []


async def missing(spawner: Any, choice: Choice) -> list[str]:
    """Names of chosen images that the engine or, where it is mounted from there, the store does not have.

    Docker never pulls a mount's image, and each container that it fails to create leaks the mounts before it
    (28.x), so all of them are looked for before anything is created.

    :raises Unready: when the hub's spawner cannot mount images, or the engine does not answer.
    """
    # SwarmSpawner is a DockerSpawner, too, but its services know no image mounts.
    if not hasattr(spawner, "extra_host_config") or getattr(spawner, "object_type", "") != "container":
        raise Unready("wrong_spawner", value=type(spawner).__name__.removeprefix("Vre"), wanted="DockerSpawner")
    # A kept container would come back with the images of its first launch; removing it here could lose work.
    if not spawner.remove:
        raise Unready("keeps_containers")
    found = await asyncio.gather(*(_present(spawner, pin) for pin in choice.images.values()))
    return [name for name, there in zip(choice.images, found, strict=True) if not there]


async def _present(spawner: Any, pin: Pin) -> bool:
    import docker.errors

    if pin.mount is not None and pin.mount["Type"] == "bind":
        return Path(pin.mount["Source"]).is_dir()
    try:
        await spawner.docker("inspect_image", pin.reference)
    except docker.errors.NotFound:
        return False
    except (docker.errors.DockerException, OSError) as error:  # requests' errors are OSErrors
        raise Unready("engine") from error
    return True


def prepare(spawner: Any, choice: Choice) -> None:
    """Set image and mounts for this launch; nothing is pulled for it."""
    spawner.image = (choice.launch.launch or {})["image"]
    spawner.pull_policy = "skip"
    ours: dict[str, list[Any]] = {"mounts": [_literal(pin.mount) for pin in choice.business if pin.mount]}
    if choice.resources is not None and choice.resources.gpu:
        ours["device_requests"] = [{"count": choice.resources.gpu, "capabilities": [["gpu"]]}]
    spawner.extra_host_config = _beside(spawner.extra_host_config, ours)


def _beside(configured: Any, ours: dict[str, list[Any]]) -> Any:
    """The hub's own ``extra_host_config``, a dict or a callable, with our lists after its lists."""

    async def extra_host_config(spawner: Any) -> dict[str, Any]:
        own = configured(spawner) if callable(configured) else configured
        if inspect.isawaitable(own):
            own = await own
        # DockerSpawner's merge replaces lists, so the mounts that it would have put there come along.
        merged = {"mounts": [_literal(mount) for mount in spawner.mount_binds], **(own or {})}
        merged["auto_remove"] = False  # poll() does it, after a look at why it ended
        for key, values in ours.items():
            merged[key] = [*(merged.get(key) or []), *values]
        return merged

    return extra_host_config


def _literal(value: Any) -> Any:
    """The same after DockerSpawner has put its ``{username}`` and the like into every text."""
    if isinstance(value, str):
        return value.replace("{", "{{").replace("}", "}}")
    if isinstance(value, dict):
        return {_literal(key): _literal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_literal(item) for item in value]
    return value
