# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and folders kept as they are, with their owners, and put back later."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from ansible_collections.gaia_data.vre.plugins.module_utils import _units
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError


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


def holds(archive: Path, paths: Sequence[str]) -> bool:
    """Whether an archive is complete and holds what the files and links are at present."""
    links = {path: str(Path(path).readlink()) for path in paths if Path(path).is_symlink()}
    try:
        with tarfile.open(archive) as tar:
            return {**_units.sums([path for path in paths if path not in links]), **links} == dict(_kept(tar))
    except (OSError, tarfile.TarError):
        return False


def _kept(tar: tarfile.TarFile) -> Iterator[tuple[str, str]]:
    """By path the target of a link, or the SHA-256 of a file."""
    tops = _tops(tar.getnames())
    for member in tar:
        content = None if member.isdir() or member.issym() else tar.extractfile(member)
        if content is not None:
            yield f"/{member.name}", hashlib.sha256(content.read()).hexdigest()
        elif member.issym() and member.name in tops:
            yield f"/{member.name}", member.linkname


def put_back(archive: Path) -> None:
    """Put everything of the archive in its place; a folder has afterwards what it had then, nothing else.

    :raises VreError: when it cannot be read.
    """
    try:
        with tarfile.open(archive) as tar:
            # Written by keep, for root only. An attribute, as extractall of Debian 12's Python has no such argument.
            tar.extraction_filter = lambda member, _path: member
            for top in _tops(tar.getnames()):
                _put_back(tar, top)
    except tarfile.TarError as error:
        raise VreError(f"it cannot be read: {error}", str(archive)) from error


def _put_back(tar: tarfile.TarFile, top: str) -> None:
    target = Path("/") / top
    aside = Path(tempfile.mkdtemp(prefix=".gaia-vre-", dir=target.parent))
    try:
        members = [member for member in tar if member.name == top or member.name.startswith(f"{top}/")]
        tar.extractall(aside, members)  # noqa: S202 - see above
        if target.is_dir() and not target.is_symlink():
            target.rename(aside / "former")
        (aside / top).replace(target)
    finally:
        shutil.rmtree(aside)


def _tops(names: Sequence[str]) -> list[str]:
    """The names that are below no other one."""
    found: list[str] = []
    for name in sorted(names, key=lambda name: name.split("/")):
        if not found or not name.startswith(f"{found[-1]}/"):
            found.append(name)
    return found
