"""What the check found last, for the launch page and the metrics: ``checks.json`` beside the manifest."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from gaia_vre_hub.hot import Model


class Checked(Model):
    """The last check of one digest of an image; ``error`` is one line, empty when every kernel ran.

    ``former`` has those of other digests that are still staged, newest first.
    """

    digest: str
    at: datetime
    ok: bool
    kernels: int = 0
    failed: list[str] = []
    error: str = ""
    former: list[Checked] = []

    def of(self, digest: str) -> Checked | None:
        """The last check of just this digest."""
        return next((checked for checked in (self, *self.former) if checked.digest == digest), None)


class Checks(Model):
    """Results by image name."""

    version: Literal[1]
    images: dict[str, Checked] = {}
