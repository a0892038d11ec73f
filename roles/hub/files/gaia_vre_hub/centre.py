"""The files that the collection writes for the hub, all in one folder."""

from __future__ import annotations

from pathlib import Path

from gaia_vre_hub.checks import Checks
from gaia_vre_hub.hot import HotFile
from gaia_vre_hub.manifest import ManifestFile
from gaia_vre_hub.notice import Notice


class CentreFiles:
    """The manifest, and what may stand beside it."""

    def __init__(self, manifest_path: str) -> None:
        folder = Path(manifest_path).parent
        self.manifest = ManifestFile(manifest_path)
        self.notice = HotFile(folder / "notice.json", Notice)
        self.checks = HotFile(folder / "checks.json", Checks)

    def look(self) -> None:
        """Take what changed; what cannot be used is logged then."""
        for file in (self.manifest, self.notice, self.checks):
            file.current()
