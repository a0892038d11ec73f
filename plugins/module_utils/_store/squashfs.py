# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A squashfs file of a store: what its superblock says, and whether the file is what was written.

No imports beyond the standard library: the hub looks at the file before it submits a job, and preflight where jobs run.

Source: Linux kernel, Documentation/filesystems/squashfs.rst; fs/squashfs/squashfs_fs.h.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import struct
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

MAGIC = b"hsqs"
VERSION = (4, 0)
SUPERBLOCK = struct.Struct("<4sIIIIHHHHHHQQQQQQQQ")
CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Superblock:
    """What a squashfs says of itself: how many inodes it has, how long it is, and where root and inodes are."""

    inodes: int
    size: int
    root: int
    inode_table: int


@dataclass(frozen=True)
class Record:
    """What was written: its bytes, their checksum, and the inode's time of change when they were last verified."""

    size: int
    sha256: str
    changed: int


def superblock(file: BinaryIO) -> Superblock | None:
    """The superblock at the beginning of a file; None when it has none."""
    head = file.read(SUPERBLOCK.size)
    if len(head) < SUPERBLOCK.size or not head.startswith(MAGIC):
        return None
    fields = SUPERBLOCK.unpack(head)
    if tuple(fields[9:11]) != VERSION:
        return None
    return Superblock(inodes=fields[1], size=fields[12], root=fields[11], inode_table=fields[15])


def wrong(path: Path, size: int) -> str:
    """What is wrong with a squashfs file, in one sentence without its full stop; empty when nothing is.

    Cheap: it reads the first bytes only. What it cannot tell is whether the others are still what was written.

    :param size: the bytes that it must have.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return f"{path} is no file"
        if status.st_size < size:
            return f"{path} is cut off: it has {status.st_size} of {size} bytes"
        if status.st_size > size:
            return f"{path} is another file: it has {status.st_size} bytes instead of {size}"
        with path.open("rb", buffering=0) as file:
            block = superblock(file)
    except FileNotFoundError:
        return f"{path} is not there"
    except OSError as error:
        return f"{path} cannot be read: {error.strerror or error}"
    if block is None:
        return f"{path} is no squashfs image"
    return "" if block.size <= size else f"{path} is cut off: it has {size} of {block.size} bytes"


def record_path(path: Path) -> Path:
    """Where the record of a squashfs file is: beside it."""
    return path.with_suffix(".json")


def record(path: Path) -> Record | None:
    """The record of a squashfs file; None when there is none that can be read."""
    try:
        data = json.loads(record_path(path).read_text(encoding="utf-8"))
        return Record(int(data["size"]), str(data["sha256"]), int(data["changed"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def dump(what: Record) -> str:
    """A record as it is written."""
    return json.dumps(asdict(what)) + "\n"


def measure(path: Path) -> Record:
    """Read a file to its end.

    :raises OSError: when it cannot be read.
    """
    found, size, since = hashlib.sha256(), 0, changed(path)
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            found.update(chunk)
            size += len(chunk)
    return Record(size, found.hexdigest(), since)


def changed(path: Path) -> int:
    """When the inode of a file changed last, in nanoseconds; nobody can set it back."""
    with path.open("rb", buffering=0) as file:  # a file server is asked when a file is opened
        return os.fstat(file.fileno()).st_ctime_ns


def touched(path: Path, what: Record) -> bool:
    """Whether a file may be another one than when it was verified."""
    try:
        return changed(path) != what.changed
    except OSError:
        return True
