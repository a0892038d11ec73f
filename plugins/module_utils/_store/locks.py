# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a store. It holds across hosts that share a file system, and ends with its process, or its host.

``flock`` it is: Linux takes it to the server on NFS, and Lustre, GPFS and CephFS do so, too. Where a mount keeps
locks to itself, or has none, that is told: two hosts would change the store at once.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import time
from pathlib import Path

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

NONE = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
# Options of NFS and of Lustre. Source: nfs(5), mount.lustre(8).
LOCAL = ("local_lock=all", "local_lock=flock", "localflock")
MOUNTS = Path("/proc/self/mountinfo")
REMEDY = "mount it with locks that hold for all hosts: NFS without nolock and local_lock, Lustre with flock"


def take(handle: int, patience: float, folder: Path) -> None:
    """Take the lock.

    :param handle: of the lock's file, opened for writing.
    :param patience: seconds to wait for who has it.
    :raises VreError: when that one does not end, or locks do not hold there.
    """
    local = kept_local(MOUNTS.read_text(encoding="utf-8", errors="surrogateescape"), str(folder.resolve()))
    if local:
        raise VreError(f"locks hold on one host only, by the mount option {local}", str(folder), None, REMEDY)
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                message = f"another play has been changing the store for {patience:.0f} s"
                raise VreError(message, str(folder), None, "wait for its end and run this one again") from None
            time.sleep(0.2)
        except OSError as error:
            if error.errno not in NONE:
                raise
            message = f"the file system cannot lock: {os.strerror(error.errno)}"
            raise VreError(message, str(folder), None, REMEDY) from error
        else:
            return


def kept_local(mounts: str, folder: str) -> str:
    """The option by which the mount that a folder is on keeps locks to its host; empty when there is none.

    :param mounts: content of ``/proc/self/mountinfo``.
    """
    found = ""
    longest = -1
    for line in mounts.splitlines():
        fields = line.split(" ")
        point = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), fields[4])
        if len(point) >= longest and (folder == point or folder.startswith(point.rstrip("/") + "/")):
            longest = len(point)
            options = {*fields[5].split(","), *fields[-1].split(",")}
            found = next((option for option in LOCAL if option in options), "")
    return found
