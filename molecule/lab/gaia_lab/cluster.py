"""The cluster of a centre: what runs jobs or pods, and on which hosts."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gaia_lab import condor, kubernetes, munge, slurm
from gaia_lab.command import answer, succeeds
from gaia_lab.errors import LabError
from gaia_lab.host import Host


@dataclass(frozen=True)
class Scheduler:
    """What runs jobs or pods.

    :param manager: the service of the host that takes them.
    :param node: the service of the hosts that run them.
    :param make: writes into the lab's folder (first) what never changes of a new cluster: keys.
    :param write: makes a host (first) what it is to the manager (second) and the nodes (third), before it boots.
    :param ready: the shell's test, on the manager, whether so many nodes are there.
    :param show: what shows the nodes there.
    """

    manager: str
    node: str
    make: Callable[[Path, Host, Sequence[Host]], None]
    write: Callable[[Host, Host, Sequence[Host]], None]
    ready: Callable[[int], str]
    show: str


SCHEDULERS = (
    Scheduler("slurmctld", "slurmd", munge.make, slurm.write, slurm.ready, "sinfo --Node"),
    Scheduler("schedd", "startd", munge.make, condor.write, condor.ready, "condor_status"),
    Scheduler("apiserver", "kubelet", kubernetes.make, kubernetes.write, kubernetes.ready, "kubectl get nodes"),
)


@dataclass(frozen=True)
class Cluster:
    """The hosts of a lab that are one cluster."""

    scheduler: Scheduler
    manager: Host
    nodes: tuple[Host, ...]

    @classmethod
    def of(cls, hosts: Sequence[Host]) -> Cluster | None:
        """The cluster in a lab, if it has one."""
        for scheduler in SCHEDULERS:
            managers = [host for host in hosts if scheduler.manager in host.spec.services]
            nodes = tuple(host for host in hosts if scheduler.node in host.spec.services)
            if managers and nodes:
                return cls(scheduler, managers[0], nodes)
        return None

    def __contains__(self, host: object) -> bool:
        return host in (self.manager, *self.nodes)

    def make(self, folder: Path) -> None:
        """Write the keys of a new cluster into its lab's folder."""
        self.scheduler.make(folder, self.manager, self.nodes)

    def write(self, host: Host) -> None:
        """Make a host that is not up yet what it is in the cluster."""
        self.scheduler.write(host, self.manager, self.nodes)

    def wait(self, ssh: list[str], patience: int = 240) -> None:
        """Wait until the manager has heard of all nodes.

        :param ssh: the ssh command up to the address.
        :param patience: seconds.
        :raises LabError: when it has not by then.
        """
        on_manager = [*ssh, f"root@{self.manager.address}"]
        until = shlex.quote(f"until {self.scheduler.ready(len(self.nodes))}; do sleep 0.1; done")
        if not succeeds([*on_manager, f"timeout {patience} sh -c {until}"], timeout=patience + 10):
            shown = answer([*on_manager, f"{self.scheduler.show} 2>&1"])
            raise LabError(f"{self.manager.fqdn} has not heard of all its nodes within {patience} s: {shown}")
