"""The Kubernetes of a lab's centre, there before anything of ours.

The manager's host carries etcd, the API server, the controllers, the scheduler, CoreDNS and the provisioner of
volumes, the nodes containerd and the kubelet; each is a systemd unit, and each host has kube-proxy.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gaia_lab.host import Host
from gaia_lab.kubernetes import access, common, control, node
from gaia_lab.kubernetes.binaries import ensure_binaries


def make(folder: Path, manager: Host, nodes: Sequence[Host]) -> None:
    """Write the keys of a new cluster into the lab's folder, and what an admin's computer has of it."""
    access.make(folder, manager, nodes)
    programs = folder / "bin"
    programs.mkdir()
    for name in ("helm", "kubectl"):
        (programs / name).symlink_to(ensure_binaries() / name)


def write(host: Host, manager: Host, nodes: Sequence[Host]) -> None:
    """Make a host that is not up yet the manager or a node of the cluster."""
    common.write(host, manager, nodes)
    if host == manager:
        control.write(host)
    else:
        node.write(host, manager)


def ready(nodes: int) -> str:
    """The shell's test, on the manager, whether so many nodes take pods, and pods have an account."""
    shown = "{range .items[*]}{.status.conditions[?(@.type=='Ready')].status}{.spec.taints}{'\\n'}{end}"
    taking = f'[ "$(kubectl get nodes --output=jsonpath="{shown}" | grep --count --line-regexp True)" = {nodes} ]'
    return f"{taking} && kubectl get serviceaccount default --output=name"
