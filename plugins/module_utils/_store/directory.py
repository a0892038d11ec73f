# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image as a folder. Everything belongs to who unpacks it, and everybody may read it; nothing is setuid."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.gaia_data.vre.plugins.module_utils._store.layers import File, Listing
from ansible_collections.gaia_data.vre.plugins.module_utils._store.tar import Content

FOLDER, FILE, PROGRAM = 0o755, 0o644, 0o755


@contextmanager
def writing(root: Path) -> Iterator[Writer]:
    """Write an image into a folder, which is made anew.

    :param root: in a folder that nobody else can write to.
    """
    if root.exists():
        shutil.rmtree(root)
    root.mkdir()
    yield Writer(str(root))


class Writer:
    """Writes an image down; see :class:`layers.Writer`."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._made = {""}

    def file(self, path: str, file: File, content: Content) -> None:
        """Write a file."""
        self._make(path.rpartition("/")[0])
        target = self._at(path)
        with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as out:
            content.copy(file.start, file.size, out.write)
            os.fchmod(out.fileno(), PROGRAM if file.program else FILE)
        os.utime(target, (file.changed, file.changed))

    def finish(self, listing: Listing) -> None:
        """Write links, further names and empty folders; set modes and times of folders."""
        for folder in listing.folders:
            self._make(folder.path)
        for path, link in listing.links:
            os.symlink(link.target.encode("utf-8", "surrogateescape"), self._at(path))
        for path, first in listing.again:
            os.link(self._at(first), self._at(path))
        for folder in reversed(listing.folders):
            os.chmod(self._at(folder.path), FOLDER)
            os.utime(self._at(folder.path), (folder.changed, folder.changed))

    def _at(self, path: str) -> bytes:
        return (self.root + path).encode("utf-8", "surrogateescape")

    def _make(self, path: str) -> None:
        missing = []
        while path not in self._made:
            self._made.add(path)
            missing.append(path)
            path = path.rpartition("/")[0]
        for folder in reversed(missing):
            os.mkdir(self._at(folder), 0o700)
