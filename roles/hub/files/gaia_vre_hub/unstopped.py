"""Jobs that could not be cancelled, as the scheduler did not answer: they are cancelled as soon as it does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from traitlets.log import get_logger

AGAIN = 30  # seconds between two attempts
LONGEST = 24 * 3600  # seconds until nobody tries any more; most jobs have ended by themselves then


class Unstopped:
    """The jobs of one hub, by owner; what is kept of them in the hub's database is the caller's business."""

    def __init__(self, again: float = AGAIN, longest: float = LONGEST) -> None:
        self.again, self.longest = again, longest
        self._since: dict[str, dict[str, float]] = {}
        self._tasks: set[asyncio.Task[None]] = set()  # the event loop keeps no hold of them

    def of(self, owner: str) -> dict[str, float]:
        """Jobs that go on although they should not, and since when in seconds since 1970."""
        return dict(self._since.get(owner, {}))

    def keep(
        self,
        owner: str,
        job: str,
        attempt: Callable[[], Awaitable[bool]],
        over: Callable[[], None],
        since: float | None = None,
    ) -> None:
        """Try until it is done, or for `longest`; what is tried already is left alone.

        :param attempt: cancels the job; False where nobody knows whether it is.
        :param over: called when the job is not tried any more.
        :param since: when it should have been cancelled; now by default.
        """
        jobs = self._since.setdefault(owner, {})
        if job not in jobs:
            jobs[job] = time.time() if since is None else since
            task = asyncio.ensure_future(self._try(owner, job, attempt, over))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _try(
        self, owner: str, job: str, attempt: Callable[[], Awaitable[bool]], over: Callable[[], None]
    ) -> None:
        end = self._since[owner][job] + self.longest
        done = False
        while not done and time.time() < end:
            await asyncio.sleep(self.again)
            done = await attempt()
        if done:
            get_logger().info("job %s of %s is cancelled after all", job, owner)
        else:
            get_logger().error("job %s of %s could not be cancelled, and is not tried any more", job, owner)
        del self._since[owner][job]
        try:
            over()
        except Exception as error:  # noqa: BLE001 - the user may be gone by then, with what was kept
            get_logger().warning("what was kept of job %s of %s could not be changed: %s", job, owner, error)
