"""Docker: the image and its raw mounts, beside whatever the hub has configured."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

from gaia_vre_hub.options import Choice

NOT_FOUND = 404


async def missing(spawner: Any, choice: Choice) -> list[str]:
    """Names of chosen images that the engine does not have.

    Docker never pulls a mount's image, and each container that it fails to create leaks the mounts before it
    (28.x), so all of them are looked for before anything is created.
    """
    if not hasattr(spawner, "docker"):
        return []  # another spawner under the same manifest, as in tests: nothing to look at
    found = await asyncio.gather(*(_present(spawner, pin.reference) for pin in choice.images.values()))
    return [name for name, there in zip(choice.images, found, strict=True) if not there]


async def _present(spawner: Any, reference: str) -> bool:
    import docker.errors

    try:
        await spawner.docker("inspect_image", reference)
    except docker.errors.ImageNotFound:
        return False
    return True


def prepare(spawner: Any, choice: Choice) -> None:
    """Set image, mounts and limits for this launch."""
    launch = choice.launch.launch or {}
    spawner.image = launch["image"]
    mounts = [pin.mount for pin in choice.business if pin.mount]
    configured = spawner.extra_host_config

    async def with_mounts(inner: Any) -> dict[str, Any]:
        own = configured(inner) if callable(configured) else configured
        if inspect.isawaitable(own):
            own = await own
        own = dict(own or {})
        # A later merge of DockerSpawner replaces lists, so what it would have put there comes along.
        before = own.get("mounts", own.get("Mounts", inner.mount_binds if inner.mounts else []))
        own.pop("Mounts", None)
        own["mounts"] = [*before, *mounts]
        return own

    spawner.extra_host_config = with_mounts
