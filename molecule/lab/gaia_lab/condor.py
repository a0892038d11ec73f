"""The HTCondor of a lab's centre: a central manager that takes jobs, and some nodes, by Debian's own unit."""

from __future__ import annotations

from collections.abc import Sequence

from gaia_lab import munge
from gaia_lab.host import Host

CPUS, MEMORY = 2, 4000  # MiB, of a node


def ready(nodes: int) -> str:
    """The shell's test whether the manager has heard of that many nodes."""
    return f'[ "$(condor_status -autoformat Machine | sort --unique | wc --lines)" = {nodes} ]'


def configuration(host: Host, manager: Host) -> str:
    """What a host's HTCondor is told beyond Debian's own configuration."""
    daemons = "COLLECTOR NEGOTIATOR SCHEDD" if "schedd" in host.spec.services else "STARTD"
    zone = host.fqdn.partition(".")[2]
    lines = [
        f"CONDOR_HOST = {manager.fqdn}",
        f"DAEMON_LIST = MASTER {daemons}",
        f"UID_DOMAIN = {zone}",
        f"FILESYSTEM_DOMAIN = {zone}",
        # Daemons know each other by the cluster's munge key, users by their file system.
        "SEC_DEFAULT_AUTHENTICATION_METHODS = FS, MUNGE",
        f"ALLOW_DAEMON = root@{zone}, condor@{zone}",
        f"NUM_CPUS = {CPUS}",
        f"MEMORY = {MEMORY}",
        # It would set the kernel of this machine, too.
        "ENABLE_KERNEL_TUNING = False",
        # Tests shall not wait for the next turn.
        "RunBenchmarks = False",
        "NEGOTIATOR_INTERVAL = 2",
        "NEGOTIATOR_MIN_INTERVAL = 1",
        "NEGOTIATOR_CYCLE_DELAY = 1",
        "UPDATE_INTERVAL = 5",
    ]
    return "\n".join(lines) + "\n"


def write(host: Host, manager: Host, _nodes: Sequence[Host]) -> None:
    """Make a host that is not up yet the central manager or a node of the pool."""
    munge.write(host)
    host.write("/etc/condor/config.d/10-lab", configuration(host, manager))
