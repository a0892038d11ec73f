"""The lock, and mounts where it would not hold. That it holds is tested with the store."""

from __future__ import annotations

import errno
import fcntl
from pathlib import Path

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._store import locks

# As the kernel's nfs, lustre and ext4 write them.
MOUNTS = r"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
90 22 0:50 / /shared rw,relatime shared:40 - nfs4 files:/shared rw,vers=4.2,hard,proto=tcp,local_lock=none,addr=10.0.0.1
91 22 0:51 / /nolock rw,relatime - nfs files:/x rw,vers=3,hard,nolock,proto=tcp,local_lock=all,addr=10.0.0.1
92 91 0:52 / /nolock/inner rw,relatime - nfs files:/y rw,vers=3,local_lock=none,addr=10.0.0.1
93 22 0:53 / /with\040space rw - nfs files:/z rw,vers=3,local_lock=flock,addr=10.0.0.1
94 22 0:54 / /lustre rw,noatime - lustre 10.0.0.2@tcp:/work rw,localflock,lazystatfs
95 22 0:55 / /over rw - nfs files:/a rw,local_lock=all
96 95 0:56 / /over rw - nfs files:/a rw,local_lock=none
"""


@pytest.mark.parametrize(
    ("folder", "option"),
    [
        ("/var/lib/store", ""),
        ("/shared/store", ""),
        ("/nolock", "local_lock=all"),
        ("/nolock/store", "local_lock=all"),
        ("/nolocks/store", ""),
        ("/nolock/inner/store", ""),
        ("/with space/store", "local_lock=flock"),
        ("/lustre/store", "localflock"),
        ("/over/store", ""),
    ],
)
def test_mounts_that_keep_locks_to_their_host(folder: str, option: str) -> None:
    assert locks.kept_local(MOUNTS, folder) == option


def test_such_a_mount_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"90 22 0:50 / {tmp_path} rw,relatime - nfs files:/x rw,vers=3,nolock,local_lock=all\n")
    monkeypatch.setattr(locks, "MOUNTS", mounts)
    with (tmp_path / ".lock").open("w") as file, pytest.raises(VreError) as caught:
        locks.take(file.fileno(), 0, tmp_path)
    assert "locks hold on one host only, by the mount option local_lock=all" in str(caught.value)
    assert "Remedy: mount it with locks that hold for all hosts" in str(caught.value)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The kernel's answer on NFS without a lock server, and on Lustre without the option flock."""

    def flock(_handle: int, _how: int) -> None:
        raise OSError(number, "x")

    monkeypatch.setattr(fcntl, "flock", flock)
    with (
        (tmp_path / ".lock").open("w") as file,
        pytest.raises(VreError, match=r"cannot lock: .* Remedy: mount it with"),
    ):
        locks.take(file.fileno(), 0, tmp_path)
