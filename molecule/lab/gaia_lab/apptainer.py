"""Apptainer on this machine, in the files of the lab's base and for an unprivileged user, without a lab's hosts.

Rootless Apptainer does not run in a chroot: it gets a root file system of its own, and processes.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from gaia_lab.base import ensure_base

USER = 12345
# Arguments: the base, a folder that stays where it is, who runs it, the command. What is written elsewhere is lost.
ENTER = f"""
base=$1 share=$2 user=$3; shift 3
new=$(mktemp -d)
mount -t tmpfs -o mode=755 none "$new"
mkdir "$new/upper" "$new/work" "$new/root"
mount -t overlay -o "lowerdir=$base,upperdir=$new/upper,workdir=$new/work" none "$new/root"
cd "$new/root"
mount -t proc proc proc
mount --rbind /sys sys
mount -t tmpfs -o mode=755 none dev
for device in null zero full random urandom tty; do touch "dev/$device"; mount --bind "/dev/$device" "dev/$device"; done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin; ln -s fd/1 dev/stdout; ln -s fd/2 dev/stderr
mknod -m 666 dev/fuse c 10 229
mount -t tmpfs -o mode=1777 none tmp
mkdir -p ".$share"
chmod a+x root
mount --bind "$share" ".$share"
echo "lab:x:{USER}:{USER}::/home/lab:/bin/sh" >>etc/passwd
mkdir home/lab; chown {USER}:{USER} home/lab
cp /etc/resolv.conf etc/resolv.conf
pivot_root . mnt
cd "$share"
umount -l /mnt
export HOME=/home/lab NO_COLOR=1 APPTAINER_CACHEDIR="$share/cache" APPTAINER_TMPDIR="$share/tmp"
exec setpriv --reuid "$user" --regid "$user" --clear-groups apptainer --quiet "$@"
"""


def apptainer(share: Path, *words: str, root: bool = False) -> subprocess.CompletedProcess[str]:
    """Run ``apptainer``.

    :param share: the one folder of this machine that it sees, at its place.
    :param root: run it as root instead of an unprivileged user.
    """
    own = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private")
    user = "0" if root else str(USER)
    argv = [*own, "sh", "-euc", ENTER, "sh", str(ensure_base("batch")), str(share), user, *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False)
