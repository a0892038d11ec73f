"""When the idle culler may end a session: when it has itself watched for the whole limit.

A hub that was down, or a clock that jumped, makes every session look idle for long: sessions report their activity
every few minutes only. Used by ``culler_config.py`` as ``IdleCuller.cull_arbiter_hook`` of jupyterhub-idle-culler 2.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

JUMP = 60.0  # seconds between two rounds by which the clock is set, not slewed


class Patience:
    """Lets a session be ended when it was idle for the limit, and was watched as long by a clock that did not jump."""

    def __init__(self, clock: Callable[[], float] = time.time, watch: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._watch = clock, watch
        self._since = watch()
        self._offset = clock() - self._since

    def __call__(self, inactive: timedelta | None, inactive_limit: float, server: Any) -> bool:  # noqa: ARG002 - its signature
        """Whether ``server`` may be ended.

        :param inactive: since the last activity that the hub knows of.
        :param inactive_limit: in seconds.
        """
        now = self._watch()
        offset = self._clock() - now
        if abs(offset - self._offset) > JUMP:
            self._since = now
        self._offset = offset
        return inactive is not None and inactive.total_seconds() >= inactive_limit <= now - self._since
