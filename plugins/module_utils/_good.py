# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and folders kept as they are, with their owners, and put back later."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path


def keep(archive: Path, paths: Sequence[str]) -> None:
    """Write an archive of the paths that exist, readable by its owner only; links stay links."""
    partial = archive.with_name(f"{archive.name}.partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    with tarfile.open(partial, "w") as tar:
        for path in paths:
            if os.path.lexists(path):
                tar.add(path)
    partial.replace(archive)


def put_back(archive: Path) -> None:
    """Put everything of the archive in its place; a folder has afterwards what it had then, nothing else."""
    with tarfile.open(archive) as tar:
        for top in _tops(tar.getnames()):
            target = Path("/") / top
            aside = Path(tempfile.mkdtemp(prefix=".gaia-vre-", dir=target.parent))
            try:
                members = [member for member in tar if member.name == top or member.name.startswith(f"{top}/")]
                tar.extractall(aside, members, filter="fully_trusted")  # noqa: S202 - written by keep, for root only
                if target.is_dir() and not target.is_symlink():
                    target.rename(aside / "former")
                (aside / top).replace(target)
            finally:
                shutil.rmtree(aside)


def _tops(names: Sequence[str]) -> list[str]:
    """The names that are below no other one."""
    found: list[str] = []
    for name in sorted(names):
        if not found or not name.startswith(f"{found[-1]}/"):
            found.append(name)
    return found
