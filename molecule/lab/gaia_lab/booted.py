"""Labs that a test boots: how people work in a batch centre, and what is left of one."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gaia_lab import cgroup, process
from gaia_lab.command import run
from gaia_lab.lab import Lab, get

LAB = str(Path(__file__).resolve().parent.parent / "lab")
# A file system of a few programs of the host itself, and a business image of one file, both squashfs.
IMAGES = r"""set -eu
cd "$(mktemp --directory)"
mkdir --parents system/{dev,etc,home,proc,sys,tmp,var/tmp} ocean
for program in /bin/sh /bin/cat /bin/id /bin/touch; do
    cp --parents --dereference $program $(ldd $program | grep --only-matching '/[^ ]*') system
done
echo "of the sea" >ocean/name
for image in system ocean; do
    mksquashfs $image /shared/$image.squashfs -quiet -no-progress -comp zstd -Xcompression-level 3
done
"""


@dataclass(frozen=True)
class Booted:
    """A lab that is up."""

    name: str

    @property
    def lab(self) -> Lab:
        """What it is made of."""
        return get(self.name)

    def command(self, host: str, command: str) -> list[str]:
        """The ssh to a host, as root."""
        return [*self.lab.ssh, self.lab.host(host).address, command]

    def on(self, host: str, command: str) -> str:
        """What a command of root on a host prints."""
        return run(*self.command(host, command))

    def alice(self, command: str) -> str:
        """What a command of alice on the hub's host prints, its errors too."""
        return self.on("hub", f"runuser --login alice --command {shlex.quote(command)} 2>&1").strip()


def up(spec: str, name: str) -> None:
    """Boot a lab, or what of it does not run, by the command ``lab``.

    :raises LabError: when it fails.
    """
    run(LAB, "up", spec, "--name", name)


def down(name: str) -> None:
    """Remove a lab, if there is one of that name, by the command ``lab``.

    :raises LabError: when it fails.
    """
    run(LAB, "down", name)


def mounted(inside: str) -> str:
    """The command of a shell in the system image, with the business image mounted."""
    bind = "/shared/ocean.squashfs:/opt/gaia/ocean:ro,image-src=/"
    options = ["--containall", "--bind", bind]
    return shlex.join(["apptainer", "--silent", "exec", *options, "/shared/system.squashfs", "sh", "-c", inside])


def traces(folder: Path, index: int | None) -> list[str]:
    """What this machine holds of a lab: files, processes, mounts in any namespace, networks, control groups."""
    found = [str(folder)] if folder.exists() else []
    marks = [f"{folder}/"] + ([f"gv{index}-"] if index else [])
    for proc in Path("/proc").iterdir():
        # One that ended, but that its parent has not looked at yet, is no process any more.
        if not proc.name.isdigit() or process.start_time(int(proc.name)) is None:
            continue
        for name in ("cmdline", "mountinfo", "cgroup"):
            try:
                text = (proc / name).read_bytes().decode(errors="replace")
            except OSError:
                continue
            found += [f"{proc / name}: {mark}" for mark in marks if mark in text]
    if index:
        links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
        found += [line for line in links.splitlines() if f" gv{index}@" in line]
        parents = (Path("/run/netns"), Path("/run/systemd/nspawn/propagate"), cgroup.unified(), *cgroup.hierarchies())
        for parent in parents:
            found += [str(path) for path in parent.glob(f"gv{index}-*")]
    return found


@contextmanager
def booted(spec: str, name: str) -> Iterator[Booted]:
    """A lab while it is looked at."""
    try:
        up(spec, name)
        yield Booted(name)
    finally:
        down(name)
