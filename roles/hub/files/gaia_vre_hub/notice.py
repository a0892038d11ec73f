"""What the admins tell users, and whether new sessions may start: ``notice.json`` beside the manifest."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from gaia_vre_hub.hot import Model


class Notice(Model):
    """An announcement by language; with ``drain``, sessions that run go on and no new one starts.

    :ivar until: when it is over, as announced; nothing happens by itself then.
    """

    version: Literal[1]
    text: dict[str, str]
    drain: bool = False
    until: datetime | None = None
