"""Docker: the image and its raw mounts, beside whatever the hub has configured."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from typing import Any

from gaia_vre_hub.errors import Unready
from gaia_vre_hub.manifest import Pin
from gaia_vre_hub.options import Choice


def over(base: type[Any]) -> type[Any]:
    """DockerSpawner needs nothing more."""
    return base


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
