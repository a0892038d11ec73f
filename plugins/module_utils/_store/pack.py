# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image as a squashfs file: one tar stream of what is in it, packed by mksquashfs while it is read.

The same bytes for the same image, whoever packs it and whenever, with the same versions of mksquashfs and libzstd:
everything is root's, nothing of the host or the time gets in, and mksquashfs' result does not depend on its threads.
Nothing is setuid.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, last_line
from ansible_collections.gaia_data.vre.plugins.module_utils._store import squashfs, tar
from ansible_collections.gaia_data.vre.plugins.module_utils._store.directory import FILE, FOLDER, PROGRAM
from ansible_collections.gaia_data.vre.plugins.module_utils._store.layers import File, Listing
from ansible_collections.gaia_data.vre.plugins.module_utils._store.tar import CHUNK

OLDEST = (4, 5)  # the first that reads tar. Source: squashfs-tools, CHANGES.
LAST = 2**32 - 1  # seconds: the latest time that squashfs can keep
# Inodes are not compressed, so that the root's time can be set: half a percent larger, and faster to look at.
OPTIONS = (
    "-tar", "-noappend", "-quiet", "-no-progress", "-comp", "zstd", "-Xcompression-level", "3", "-b", "131072", "-noI",
    "-no-xattrs", "-mkfs-time", "0", "-root-mode", "0755", "-root-uid", "0", "-root-gid", "0", "-mem", "256M",
)  # fmt: skip
METADATA = 8192  # bytes of a full block of inodes, behind a header of two
PLAIN = 0x8000  # in that header: the block is not compressed
FOLDERS, TIME = (1, 8), 8  # types of a folder's inode, and where its time is
REMEDY = "install the package squashfs-tools, 4.5 or newer"
FULL = {"No space left on device": errno.ENOSPC, "Disk quota exceeded": errno.EDQUOT}


def require() -> None:
    """Look whether this host can pack images.

    :raises VreError: when mksquashfs is absent or too old.
    """
    if shutil.which("mksquashfs") is None:
        raise VreError("mksquashfs is not installed on this host", remedy=REMEDY)
    done = subprocess.run(  # pylint: disable=ansible-bad-function
        ["mksquashfs", "-version"], capture_output=True, text=True, errors="replace", check=False
    )
    found = re.match(r"mksquashfs version (\d+)\.(\d+)", done.stdout)
    if not found or (int(found[1]), int(found[2])) < OLDEST:
        said = last_line(done.stdout.partition("\n")[0])
        raise VreError("mksquashfs of this host is too old", "squashfs-tools", said, REMEDY)


@contextmanager
def packing(target: Path, reference: str) -> Iterator[Packer]:
    """Write an image into a squashfs file; another one that is there goes.

    :param reference: for messages.
    """
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}  # SOURCE_DATE_EPOCH would be refused
    command = ["mksquashfs", "-", str(target), *OPTIONS]
    with (
        tempfile.TemporaryFile("w+", errors="replace") as said,
        subprocess.Popen(  # pylint: disable=ansible-bad-function
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said, env=environment, bufsize=CHUNK
        ) as process,
    ):
        try:
            yield Packer(process, said, target, reference)
        finally:
            process.kill()  # where it has not ended
            if process.stdin:
                with suppress(BrokenPipeError):
                    process.stdin.close()


class Packer:
    """Writes an image down; see :class:`layers.Writer`.

    :meth:`file` and :meth:`finish` raise OSError when the disk or a quota is full, and VreError when mksquashfs cannot
    do it, or what it wrote is not all there.
    """

    def __init__(self, process: subprocess.Popen[bytes], said: IO[str], target: Path, reference: str) -> None:
        self.process, self.said, self.target, self.reference = process, said, target, reference

    def file(self, path: str, file: File, content: tar.Content) -> None:
        """Write a file."""
        mode = PROGRAM if file.program else FILE
        self._put(tar.header(path[1:], tar.FILE, mode, _seconds(file.changed), file.size))
        content.copy(file.start, file.size, self._put)
        self._put(bytes(-file.size % tar.BLOCK))

    def finish(self, listing: Listing) -> None:
        """Write the rest, wait for mksquashfs, and look at what it wrote."""
        for folder in listing.folders[1:]:
            self._put(tar.header(folder.path[1:], tar.FOLDER, FOLDER, _seconds(folder.changed)))
        for path, link in listing.links:
            self._put(tar.header(path[1:], tar.LINK, 0o777, _seconds(link.changed), target=link.target))
        for path, first in listing.again:
            self._put(tar.header(path[1:], tar.HARD_LINK, FILE, 0, target=first[1:]))
        self._put(2 * tar.END)
        if self.process.stdin:
            with suppress(BrokenPipeError):
                self.process.stdin.close()
        if self.process.wait():
            raise self._failure()
        self.target.chmod(FILE)
        with self.target.open("r+b", buffering=0) as file:
            block = squashfs.superblock(file)
            if block is None or block.inodes != listing.inodes or block.size > os.fstat(file.fileno()).st_size:
                # A tar stream that is misread ends without an error.
                found = block and f"{block.inodes} of {listing.inodes} inodes"
                raise VreError("mksquashfs did not write all of the image", self.reference, found, REMEDY)
            _date_root(file, block, _seconds(listing.folders[0].changed))
            os.fsync(file.fileno())

    def _put(self, data: bytes) -> None:
        if self.process.stdin is None:  # never: it was asked for
            return
        try:
            self.process.stdin.write(data)
        except BrokenPipeError as error:
            raise self._failure() from error

    def _failure(self) -> Exception:
        """Why mksquashfs ended."""
        self.process.wait()
        self.said.seek(0)
        words = self.said.read()
        full = next((number for text, number in FULL.items() if text in words), None)
        if full is not None:
            return OSError(full, os.strerror(full), str(self.target))
        return VreError(f"mksquashfs failed: {last_line(words)}", self.reference, None, REMEDY)


def has_folder(path: Path, subpath: str) -> bool:
    """Whether a squashfs file has a folder there, by no link."""
    depth = str(subpath.count("/") + 1)
    command = ["unsquashfs", "-lln", "-no-wildcards", "-max-depth", depth, "-dest", "", str(path), subpath]
    done = subprocess.run(  # pylint: disable=ansible-bad-function
        command, capture_output=True, text=True, errors="replace", check=False
    )
    return any(line.startswith("d") and line.endswith(f" /{subpath}") for line in done.stdout.splitlines())


def _seconds(changed: float) -> int:
    return min(max(int(changed), 0), LAST)


def _date_root(file: IO[bytes], block: squashfs.Superblock, seconds: int) -> None:
    """Set the time of the root, as mksquashfs 4.5 always takes the present time for it.

    :raises VreError: when the root's inode is not where it must be.
    """
    start, inode = block.inode_table + (block.root >> 16), block.root & 0xFFFF

    def at(offset: int) -> int:
        return start + offset + (2 if offset < METADATA else 4)

    file.seek(start)
    header = int.from_bytes(file.read(2), "little")
    file.seek(at(inode))
    kind = file.read(1)[0]
    if not header & PLAIN or kind not in FOLDERS:
        raise VreError("mksquashfs wrote another root than expected", "squashfs-tools", kind, REMEDY)
    for offset, byte in enumerate(seconds.to_bytes(4, "little"), inode + TIME):
        file.seek(at(offset))
        file.write(bytes([byte]))
