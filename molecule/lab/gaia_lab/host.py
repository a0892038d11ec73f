"""A real systemd host: systemd-nspawn over an overlay of a base, in the lab's network."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from gaia_lab import process
from gaia_lab.base import ensure_base
from gaia_lab.command import run, say, succeeds
from gaia_lab.errors import LabError
from gaia_lab.network import DNS, Network
from gaia_lab.spec import HostSpec

OUTER_CA = Path("/etc/ssl/certs/ca-certificates.crt")
SYSCALLS = "add_key keyctl bpf perf_event_open @keyring @privileged"


def unified_cgroups() -> Path:
    """Where this machine has the unified hierarchy of control groups."""
    unified = Path("/sys/fs/cgroup/unified")
    return unified if unified.is_dir() else Path("/sys/fs/cgroup")


def remove_cgroup(group: Path, patience: float = 5) -> None:
    """Remove a control group and those below it, when their last processes are gone."""
    until = time.monotonic() + patience
    while group.is_dir() and time.monotonic() < until:
        for folder, _folders, _files in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
        if group.is_dir():
            time.sleep(0.05)


@dataclass(frozen=True)
class Host:
    """One host of a running lab; its files lie in ``folder``."""

    spec: HostSpec
    fqdn: str
    network: Network
    folder: Path

    @property
    def address(self) -> str:
        """The host's IPv4 address."""
        return self.network.address(self.spec.address)

    @property
    def pid_file(self) -> Path:
        """Record of the systemd-nspawn process."""
        return self.folder / "nspawn.pid"

    @property
    def upper(self) -> Path:
        """What differs from the base; files put here before the boot are the host's own."""
        return self.folder / "upper"

    @property
    def cgroup(self) -> Path:
        """The host's control group."""
        return unified_cgroups() / self.network.namespace(self.spec.name)

    def runs(self) -> bool:
        """Whether the host is up."""
        return process.recorded(self.pid_file) is not None

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Put a file into the host before it boots."""
        file = self.upper / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.touch(mode=mode)
        file.chmod(mode)
        file.write_text(text)

    def prepare(self, hosts_file: str, public_key: str) -> None:
        """Lay out the host's folders and the files that make it this host."""
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for disk in self.spec.disks:
            (self.folder / "disks" / disk.strip("/")).mkdir(parents=True, exist_ok=True)
        self.write("/etc/hostname", f"{self.fqdn}\n")
        self.write("/etc/hosts", hosts_file)
        self.write("/etc/resolv.conf", f"nameserver {DNS}\n")
        self.write("/etc/machine-id", "")
        self.write("/root/.ssh/authorized_keys", public_key, 0o600)
        (self.upper / "root/.ssh").chmod(0o700)
        (self.upper / "root").chmod(0o700)
        # The outer machine's authorities: packages may come through its proxy.
        self.write("/etc/ssl/certs/ca-certificates.crt", OUTER_CA.read_text())
        self.write("/etc/pip.conf", f"[global]\ncert = {OUTER_CA}\n")
        self.write("/etc/npmrc", f"cafile={OUTER_CA}\n")
        self.write("/etc/environment", f"NODE_EXTRA_CA_CERTS={OUTER_CA}\nPIP_CERT={OUTER_CA}\n")
        proxy = Path("/etc/apt/apt.conf.d/01proxy")
        if proxy.exists():
            self.write(str(proxy), proxy.read_text())

    def chroot(self, *argv: str, stdin: str | None = None) -> None:
        """Run a program in the host's root before it boots."""
        base = ensure_base(self.spec.base)
        script = f"{self._mount(base)} && exec chroot {shlex.quote(str(self.folder / 'root'))} {shlex.join(argv)}"
        run("unshare", "--mount", "--propagation", "private", "sh", "-c", script, stdin=stdin)

    def _mount(self, base: Path) -> str:
        f = self.folder
        options = f"lowerdir={base},upperdir={f}/upper,workdir={f}/work"
        return f"mount -t overlay overlay -o {shlex.quote(options)} {shlex.quote(str(f / 'root'))}"

    def boot(self, binds: list[tuple[Path, str]] | None = None, before: str = "true") -> None:
        """Start PID 1.

        :param binds: further folders of the build host, and where they go.
        :param before: shell commands run in the host's private mount namespace first.
        """
        base = ensure_base(self.spec.base)
        self.network.connect(
            self.spec.name,
            [self.spec.address] + ([self.spec.address + 1] if "channel" in self.spec.services else []),
        )
        argv = [
            "systemd-nspawn",
            "--quiet",
            "--boot",
            "--register=no",
            "--keep-unit",
            "--link-journal=no",
            "--resolv-conf=off",
            "--timezone=off",
            "--console=pipe",
            f"--directory={self.folder}/root",
            f"--machine={self.network.namespace(self.spec.name)}",
            f"--network-namespace-path=/run/netns/{self.network.namespace(self.spec.name)}",
            "--capability=all",
            f"--system-call-filter={SYSCALLS}",
            *(f"--bind={self.folder}/disks/{disk.strip('/')}:{disk}" for disk in self.spec.disks),
            *(f"--bind={source}:{target}" for source, target in binds or []),
        ]
        script = " && ".join(
            [
                self._mount(base),
                before,
                # PID 1 needs the unified hierarchy; the build host may have the old ones on top. Each host has a
                # group of its own: two systemds in one would kill each other's services.
                f"mkdir -p {self.cgroup} && echo $$ > {self.cgroup}/cgroup.procs",
                f"mount --bind {unified_cgroups()} /sys/fs/cgroup",
                # network: a role's sysctl must not change the whole machine.
                "export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1",
                f"exec {shlex.join(argv)}",
            ]
        )
        process.spawn(
            self.pid_file,
            self.folder / "console.log",
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
        )

    def wait(self, ssh: list[str], patience: float = 60) -> None:
        """Wait until PID 1 has started everything and ssh answers.

        :param ssh: the ssh command up to the address.
        :raises LabError: with the last lines of the console.
        """
        until = time.monotonic() + patience
        ready = [*ssh, f"root@{self.address}", "systemctl is-system-running --wait"]
        while not succeeds(ready, timeout=20):
            if not self.runs() or time.monotonic() > until:
                words = (self.folder / "console.log").read_text(errors="replace").strip().splitlines()[-5:]
                state = "ended" if not self.runs() else f"gave no answer by ssh within {patience:.0f} s, or is degraded"
                raise LabError(f"host {self.fqdn} {state}: {' / '.join(words)} (see {self.folder}/console.log)")
            time.sleep(0.1)

    def stop(self) -> None:
        """End the host at once; nothing in it is kept."""
        pid = process.recorded(self.pid_file)
        if pid is not None:
            for child in process.children(pid):
                succeeds(["kill", "-KILL", str(child)])
        process.end(self.pid_file, f"host {self.fqdn}")
        remove_cgroup(self.cgroup)
        succeeds(["ip", "netns", "del", self.network.namespace(self.spec.name)])

    def remove(self) -> None:
        """End the host and delete its files."""
        if self.folder.exists():
            say(f"removing {self.fqdn}")
            self.stop()
            shutil.rmtree(self.folder)
