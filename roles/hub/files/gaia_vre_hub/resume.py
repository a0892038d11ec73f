"""A launch that was cut off by the hub's end: the hub that starts again goes on with it.

JupyterHub looks at each session of its database when it starts, by the spawner's ``poll()``, and ends those that do
not answer within ``http_timeout``. We wait in that look. Meanwhile the session is a launch as any other, with a page,
events and a way to cancel it; that it is one, JupyterHub knows by attributes that are not public (5.3 to 6.1, in
jupyterhub/spawner.py: ``Spawner.pending``).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from datetime import UTC
from typing import Any

SHORTEST = 1  # second, for a launch that has had its time
PATIENCE = 240  # seconds for the end of a launch that was cancelled: three answers of a scheduler that hangs, and some


async def resume(spawner: Any, address: Awaitable[tuple[str, int]]) -> int | None:
    """Wait until the session is there, as ``poll()``: None when it is, a status when it has ended.

    :param address: where its server listens, once it does.
    """
    launch = spawner._spawn_future = asyncio.ensure_future(_finish(spawner, address))
    spawner._spawn_pending = True
    await asyncio.wait([launch])
    spawner._spawn_pending = spawner._check_pending = False
    if launch.cancelled():  # by who also stops it: not twice
        spawner._spawn_future = None
        await _until_stopped(spawner)
        return 1
    if launch.exception() is not None:  # kept by the spawner, and told
        spawner.log.error("%s could not be started after all: %s", spawner._log_name, launch.exception())
        return 1
    spawner._spawn_future = None
    spawner.log.info("%s is ready: it was about to start when the hub ended", spawner._log_name)
    return None


async def _finish(spawner: Any, address: Awaitable[tuple[str, int]]) -> None:
    """What is left to do of JupyterHub's launch."""
    spawner.log.info("%s was about to start when the hub ended: going on with it", spawner._log_name)
    try:
        spawner.server.ip, spawner.server.port = await asyncio.wait_for(address, _left(spawner))
        spawner.user.db.commit()
        await spawner.server.wait_up(http=True, timeout=spawner.http_timeout, extra_path="api")
        await spawner.user.settings["proxy"].add_user(spawner.user, spawner.name)
    except Exception:
        await spawner.user.stop(spawner.name)
        raise
    # Ready before the launch is over, or its page would tell of a failure.
    spawner._spawn_pending = spawner._check_pending = False


def _left(spawner: Any) -> float:
    """Seconds of ``start_timeout`` that are left since the launch began."""
    began = spawner.orm_spawner.started
    spent = time.time() - began.replace(tzinfo=UTC).timestamp() if began else 0
    return max(float(spawner.start_timeout) - spent, SHORTEST)


async def _until_stopped(spawner: Any) -> None:
    end = time.monotonic() + PATIENCE
    while spawner.server is not None and time.monotonic() < end:
        await asyncio.sleep(0.5)
