"""The Slurm of a lab's centre, there before anything of ours: a controller and some nodes, by Debian's own units."""

from __future__ import annotations

from collections.abc import Sequence

from gaia_lab import munge
from gaia_lab.host import Host

# What a node says that it has, whatever this machine has: few, so that a test can fill them.
CPUS, MEMORY = 2, 4000  # MiB


def ready(nodes: int) -> str:
    """The shell's test whether the controller has heard of all those nodes."""
    known = "sinfo --noheader --Node --partition=short --format=%T | grep --invert-match --count 'unk\\|\\*'"
    return f'[ "$({known})" = {nodes} ]'


def configuration(manager: Host, nodes: Sequence[Host]) -> str:
    """The cluster's slurm.conf: partition ``short`` on all nodes, ``long`` on the last one, which has a GPU."""
    last = nodes[-1].spec.name
    lines = [
        "ClusterName=lab",
        f"SlurmctldHost={manager.spec.name}({manager.address})",
        "SlurmUser=slurm",
        "StateSaveLocation=/var/lib/slurm/slurmctld",
        "SlurmdSpoolDir=/var/lib/slurm/slurmd",
        "AuthType=auth/munge",
        "SelectType=select/cons_tres",
        "SelectTypeParameters=CR_CPU_Memory",
        "DefMemPerCPU=500",
        "EnforcePartLimits=ALL",
        "GresTypes=gpu",
        # The hosts have no controllers of control groups.
        "ProctrackType=proctrack/linuxproc",
        "TaskPlugin=task/none",
        "JobAcctGatherType=jobacct_gather/none",
        "SlurmdParameters=config_overrides",
        "PropagateResourceLimits=NONE",
        # Tests shall not wait: for the scheduler's next turn, for jobs that ignore a signal, for a node that is gone.
        "SchedulerParameters=batch_sched_delay=0,bf_interval=2,sched_interval=2",
        "KillWait=5",
        "SlurmdTimeout=30",
        "ReturnToService=1",
    ]
    for node in nodes:
        gpu = " Gres=gpu:1" if node is nodes[-1] else ""
        lines.append(
            f"NodeName={node.spec.name} NodeAddr={node.address} CPUs={CPUS} RealMemory={MEMORY}{gpu} State=UNKNOWN"
        )
    lines += [
        "PartitionName=short Nodes=ALL Default=YES DefaultTime=5 MaxTime=10",
        f"PartitionName=long Nodes={last} DefaultTime=60 MaxTime=1440",
    ]
    return "\n".join(lines) + "\n"


def write(host: Host, manager: Host, nodes: Sequence[Host]) -> None:
    """Make a host that is not up yet the controller or a node of the cluster."""
    munge.write(host)
    host.write("/etc/slurm/slurm.conf", configuration(manager, nodes))
    host.write("/etc/slurm/cgroup.conf", "CgroupPlugin=disabled\n")
    # No device: it is counted, and jobs see CUDA_VISIBLE_DEVICES.
    host.write("/etc/slurm/gres.conf", f"NodeName={nodes[-1].spec.name} Name=gpu File=/dev/null\n")
    for unit in ("slurmctld", "slurmd"):
        if unit not in host.spec.services:
            host.mask(f"{unit}.service")
