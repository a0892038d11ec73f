"""A real systemd host: systemd-nspawn over an overlay of a base, in the lab's network."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gaia_lab import cgroup, outer, process
from gaia_lab.base import ensure_base
from gaia_lab.command import answer, run, say
from gaia_lab.errors import LabError
from gaia_lab.network import DNS, Network
from gaia_lab.spec import HostSpec

PROPAGATE = Path("/run/systemd/nspawn/propagate")
SYSCALLS = "add_key keyctl bpf perf_event_open @keyring @privileged"


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
    def cgroups(self) -> list[Path]:
        """The host's control groups, there or not."""
        return cgroup.groups(self.network.namespace(self.spec.name))

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
        for path in self.spec.shared:
            self._shared(path).mkdir(parents=True, exist_ok=True)
            (self.upper / path.strip("/")).mkdir(parents=True, exist_ok=True)
        self.write("/etc/hostname", f"{self.fqdn}\n")
        self.write("/etc/hosts", hosts_file)
        self.write("/etc/resolv.conf", f"nameserver {DNS}\n")
        self.write("/etc/machine-id", "")
        self.write("/root/.ssh/authorized_keys", public_key, 0o600)
        (self.upper / "root/.ssh").chmod(0o700)
        (self.upper / "root").chmod(0o700)
        for path, text in outer.settings().items():
            self.write(path, text)
        # Its kernel is this machine's: there are no modules to load.
        self.mask("systemd-modules-load.service")
        outer.lend_packages(self.upper)

    def mask(self, unit: str) -> None:
        """Keep a unit of the base from starting."""
        mask = self.upper / "etc/systemd/system" / unit
        mask.parent.mkdir(parents=True, exist_ok=True)
        mask.unlink(missing_ok=True)
        mask.symlink_to("/dev/null")

    def enable(self, unit: str, text: str) -> None:
        """Give the host a unit that starts with it."""
        self.write(f"/etc/systemd/system/{unit}", text)
        link = self.upper / "etc/systemd/system/multi-user.target.wants" / unit
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(f"/etc/systemd/system/{unit}")

    def lend(self, program: Path, path: str) -> None:
        """Give the host, which is not up, a big file of the cache, as a hard link."""
        target = self.upper / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        os.link(program, target)

    def chroot(self, *argv: str, stdin: str = "") -> None:
        """Run a program in the host's root before it boots."""
        base = ensure_base(self.spec.base)
        script = f"{self.mounts(base)} && exec chroot {shlex.quote(str(self.folder / 'root'))} {shlex.join(argv)}"
        run("unshare", "--mount", "--propagation", "private", "sh", "-c", script, stdin=stdin)

    def mounts(self, base: Path) -> str:
        """The shell commands that put together the host's root."""
        f = self.folder
        options = f"lowerdir={base},upperdir={f}/upper,workdir={f}/work"
        mounts = [["-t", "overlay", "overlay", "-o", options, f"{f}/root"]]
        mounts += [["--bind", str(self._shared(path)), f"{f}/root{path}"] for path in self.spec.shared]
        return " && ".join(shlex.join(["mount", *arguments]) for arguments in mounts)

    def _shared(self, path: str) -> Path:
        """Where this machine has what the lab's hosts share as ``path``."""
        return self.network.folder / "shared" / path.strip("/")

    def command(self, binds: Sequence[tuple[Path, str]]) -> list[str]:
        """The systemd-nspawn that becomes PID 1's parent.

        :param binds: further folders of the build host, and where they go.
        """
        space = self.network.namespace(self.spec.name)
        return [
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
            f"--machine={space}",
            f"--network-namespace-path=/run/netns/{space}",
            "--capability=all",
            f"--system-call-filter={SYSCALLS}",
            *(f"--bind={self.folder}/disks/{disk.strip('/')}:{disk}" for disk in self.spec.disks),
            *(f"--bind={source}:{target}" for source, target in binds),
        ]

    def boot(self, binds: list[tuple[Path, str]] | None = None, before: str = "true") -> None:
        """Start PID 1, in place of what is left of an earlier one.

        :param binds: further folders of the build host, and where they go.
        :param before: shell commands run in the host's private mount namespace first.
        """
        base = ensure_base(self.spec.base)
        group = self.cgroups[0]
        self._remove_cgroups()
        self.network.connect(self.spec.name, self.spec.addresses)
        script = " && ".join(
            [
                self.mounts(base),
                before,
                # PID 1 needs the unified hierarchy; the build host may have the old ones on top. Each host has a
                # group of its own: two systemds in one would kill each other's services.
                f"mkdir -p {group} && echo $$ > {group}/cgroup.procs",
                *(cgroup.enter(group.name) if self.spec.limits else ()),
                f"mount --bind {cgroup.unified()} /sys/fs/cgroup",
                # network: a role's sysctl must not change the whole machine.
                "export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1",
                f"exec {shlex.join(self.command([*(binds or []), *outer.shared_caches()]))}",
            ]
        )
        process.spawn(
            self.pid_file,
            self.folder / "console.log",
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
        )

    def wait(self, ssh: list[str], patience: float = 240) -> None:
        """Wait until PID 1 has started everything and ssh answers.

        :param ssh: the ssh command up to the address.
        :raises LabError: when the host ends, gives no answer in time, or has failed units.
        """
        until = time.monotonic() + patience
        while True:
            state = answer([*ssh, f"root@{self.address}", "systemctl is-system-running --wait"], timeout=20)
            if state == "running":
                return
            if state == "degraded":
                failed = answer([*ssh, f"root@{self.address}", "systemctl list-units --failed --plain --no-legend"])
                raise LabError(f"host {self.fqdn} is up, but these units failed: {failed}")
            if not self.runs():
                raise LabError(f"host {self.fqdn} ended while it booted: {self._last_words()}")
            if time.monotonic() > until:
                raise LabError(f"host {self.fqdn} gave no answer by ssh within {patience:.0f} s: {self._last_words()}")
            time.sleep(0.1)

    def probe(self, ssh: list[str], patience: float = 60) -> None:
        """Check that a host that was up already answers; another command may have just begun to boot it.

        :raises LabError: when it does not, with the remedy.
        """
        until = time.monotonic() + patience
        while answer([*ssh, f"root@{self.address}", "echo here"], timeout=10) != "here":
            if time.monotonic() > until:
                raise LabError(
                    f"host {self.fqdn} runs, but gives no answer by ssh at {self.address}: {self._last_words()}; "
                    "`lab down` the lab and boot it anew"
                )
            time.sleep(0.1)

    def _last_words(self) -> str:
        console = self.folder / "console.log"
        words = console.read_text(errors="replace").strip().splitlines()[-5:] if console.exists() else []
        return " / ".join([*words, f"see {console}"])

    def stop(self) -> None:
        """End the host at once; nothing in it is kept."""
        pid = process.recorded(self.pid_file)
        if pid is not None:
            # PID 1 first: systemd-nspawn then tidies up after it.
            for child in process.children(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
        process.end(self.pid_file, f"host {self.fqdn}")
        self._remove_cgroups()
        # A systemd-nspawn that was killed leaves this.
        with contextlib.suppress(OSError):
            (PROPAGATE / self.network.namespace(self.spec.name)).rmdir()
        self.network.disconnect(self.spec.name)

    def _remove_cgroups(self) -> None:
        for group in self.cgroups:
            cgroup.remove(group)

    def remove(self) -> None:
        """End the host and delete its files; the packages that it downloaded are kept."""
        say(f"removing {self.fqdn}")
        self.stop()
        if self.folder.exists():
            outer.keep_packages(self.upper)
            shutil.rmtree(self.folder)
