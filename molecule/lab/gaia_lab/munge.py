"""What hosts of a batch cluster have in common: the key by which they know each other, FUSE for containers."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

from gaia_lab.host import Host

# systemd-nspawn gives a host no /dev/fuse; jobs mount images by it.
FUSE = "c /dev/fuse 0666 root root - 10:229\n"
KEY = "cat >/etc/munge/munge.key && chown munge:munge /etc/munge/munge.key && chmod 0400 /etc/munge/munge.key"


def make(folder: Path, _manager: Host, _nodes: Sequence[Host]) -> None:
    """Write a new cluster's key into the lab's folder."""
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_text(secrets.token_hex(64))


def write(host: Host) -> None:
    """Give both to a host that is not up yet."""
    host.write("/etc/tmpfiles.d/fuse.conf", FUSE)
    host.chroot("sh", "-c", KEY, stdin=(host.network.folder / "munge.key").read_text())
