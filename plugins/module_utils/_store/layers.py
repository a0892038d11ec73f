# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers of an OCI image, applied one over the other to a folder.

Python's own tarfile reads them, because what is in a layer is somebody else's word: each entry is judged before it is
written. Everything belongs to who unpacks, and everybody may read it; nothing is setuid. A link may point anywhere, as
it is followed in a session only: here nothing is written through one that leads out of the folder.

Source: OCI image specification 1.1, "Image Layer Filesystem Changeset".
"""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
from pathlib import Path
from typing import IO

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
FOLDER, FILE, PROGRAM = 0o755, 0o644, 0o755
CHUNK = 1024 * 1024
LATEST = 2**33  # seconds: what any file system can keep
REMEDY = "build the image again, without it"


class Unpacker:
    """Applies layers in their order; then :meth:`finish`.

    :param root: an empty folder that nobody else can write to.
    :param image: the image's reference, for messages.
    """

    def __init__(self, root: Path, image: str) -> None:
        self.root, self.image = os.path.realpath(root), image
        self._resolved: dict[str, str] = {}
        # Folders with the time of their last change, which is set when all is there.
        self._folders: dict[str, float | None] = {self.root: None}

    def layer(self, stream: IO[bytes]) -> None:
        """Apply one uncompressed layer.

        :raises VreError: for an entry that is refused, or when it is no tar archive.
        """
        made = {self.root}
        try:
            with tarfile.open(fileobj=stream, mode="r|", encoding="utf-8", errors="surrogateescape") as archive:
                for member in archive:
                    self._member(archive, member, made)
        except (tarfile.TarError, ValueError, OverflowError, EOFError) as error:
            raise VreError(f"a layer is no tar archive: {error}", self.image, None, "push the image again") from error

    def finish(self) -> None:
        """Set modes and times of folders."""
        for path, changed in self._folders.items():
            os.chmod(path, FOLDER)
            if changed is not None:
                os.utime(path, (changed, changed))

    def _refused(self, message: str, name: str) -> VreError:
        return VreError(message, self.image, name, REMEDY)

    def _parts(self, name: str) -> list[str]:
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if ".." in parts or "\0" in name:
            raise self._refused("a layer has a path that leads out of the image", name)
        return parts

    def _member(self, archive: tarfile.TarFile, member: tarfile.TarInfo, made: set[str]) -> None:
        parts = self._parts(member.name)
        if not abs(member.mtime) < LATEST:  # nor is it one when it is no number
            raise self._refused("a layer has a time that no file can have", member.name)
        if not parts:
            self._folders[self.root] = member.mtime
            return
        parent, base = self._parent(parts[:-1], member.name), parts[-1]
        path = f"{parent}/{base}"
        if base == OPAQUE:
            self._hide_below(parent, made)
        elif base.startswith(WHITEOUT):
            self._hide(f"{parent}/{self._whited_out(base, member.name)}", made)
        else:
            self._write(archive, member, path)
            while path not in made:
                made.add(path)
                path = os.path.dirname(path)

    def _whited_out(self, base: str, name: str) -> str:
        hidden = base[len(WHITEOUT) :]
        if hidden in ("", ".", ".."):
            raise self._refused("a layer has a whiteout of nothing", name)
        return hidden

    def _parent(self, parts: list[str], name: str) -> str:
        """The real folder that an entry goes into; it is made where a layer did not name it."""
        key = "/".join(parts)
        if key not in self._resolved:
            path = os.path.realpath(os.path.join(self.root, key))
            if path != self.root and not path.startswith(self.root + os.sep):
                raise self._refused("a layer writes through a link that leads out of the image", name)
            self._make_folders(path, name)
            self._resolved[key] = path
        return self._resolved[key]

    def _make_folders(self, path: str, name: str) -> None:
        try:
            os.makedirs(path, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise self._refused("a layer puts an entry below a file", name) from error
        while path not in self._folders:
            self._folders[path] = None
            path = os.path.dirname(path)

    def _write(self, archive: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        if member.isdir():
            if not _is_folder(path):
                self._remove(path)
                os.mkdir(path)
            self._folders[path] = member.mtime
            return
        target = self._link_target(member) if member.islnk() else ""
        if target == path:
            return
        self._remove(path)
        if member.isreg():
            self._write_file(archive, member, path)
        elif member.islnk():
            try:
                os.link(target, path, follow_symlinks=False)
            except (FileNotFoundError, PermissionError) as error:
                raise self._refused(f"a hard link cannot be made: {error.strerror}", member.name) from error
        elif member.issym():
            os.symlink(member.linkname, path)
        else:
            raise self._refused("a layer has a device or a pipe", member.name)

    def _link_target(self, member: tarfile.TarInfo) -> str:
        parts = self._parts(member.linkname)
        if not parts:
            raise self._refused("a hard link leads to nothing", member.name)
        return f"{self._parent(parts[:-1], member.name)}/{parts[-1]}"

    def _write_file(self, archive: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        source = archive.extractfile(member)
        if source is None:
            raise self._refused("a layer has a file without content", member.name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as target:
            shutil.copyfileobj(source, target, CHUNK)
            os.fchmod(target.fileno(), PROGRAM if member.mode & 0o111 else FILE)
        os.utime(path, (member.mtime, member.mtime))

    def _hide(self, path: str, made: set[str]) -> None:
        """Take away what lower layers have at ``path``; what this layer has there stays."""
        if path not in made:
            self._remove(path)
        elif _is_folder(path):
            self._hide_below(path, made)

    def _hide_below(self, folder: str, made: set[str]) -> None:
        for name in os.listdir(folder):
            self._hide(f"{folder}/{name}", made)

    def _remove(self, path: str) -> None:
        if _is_folder(path):
            shutil.rmtree(path)
            below = path + os.sep
            self._folders = {
                name: time for name, time in self._folders.items() if name != path and not name.startswith(below)
            }
        elif os.path.lexists(path):
            os.unlink(path)
        else:
            return
        self._resolved.clear()


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False
