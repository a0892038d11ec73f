"""What each host of the cluster has: the authority, the ways to the pods of each node, kube-proxy for services."""

from __future__ import annotations

from collections.abc import Sequence

from gaia_lab.host import Host
from gaia_lab.kubernetes import access, units
from gaia_lab.kubernetes.binaries import ensure_binaries

PODS = "10.244.0.0/16"


def pods_of(node: Host) -> str:
    """The network of a node's pods."""
    return f"10.244.{node.spec.address}.0/24"


def install(host: Host, *programs: str) -> None:
    """Give programs of the cluster to a host."""
    for name in programs:
        host.lend(ensure_binaries() / name, f"{units.PROGRAMS}/{name}")


def write_login(host: Host, manager: Host, client: str, path: str = "") -> str:
    """Give a host the file by which one of its programs logs in; gives the option that names it.

    :param path: where to, if it is not ``/etc/kubernetes/<client>.conf``.
    """
    path = path or f"{units.FOLDER}/{client}.conf"
    host.write(path, access.kubeconfig(host.network.folder, access.server(manager), client), 0o600)
    return f"--kubeconfig={path}"


def write_key(host: Host, name: str) -> str:
    """Give a host a key pair of the cluster; gives its path without suffix."""
    for suffix, mode in {"pem": 0o644, "key": 0o600}.items():
        text = (host.network.folder / f"kubernetes/{name}.{suffix}").read_text()
        host.write(f"{units.FOLDER}/{name}.{suffix}", text, mode)
    return f"{units.FOLDER}/{name}"


def routes(host: Host, nodes: Sequence[Host]) -> list[str]:
    """The shell commands that let a host forward to the pods of each node."""
    lines = ["sysctl --quiet --write net.ipv4.ip_forward=1"]
    lines += [f"ip route replace {pods_of(node)} via {node.address}" for node in nodes if node != host]
    if host in nodes:
        # The lab's router does not know pods.
        outwards = f"POSTROUTING --source {pods_of(host)} ! --destination {PODS} --jump MASQUERADE"
        lines.append(f"iptables --table nat --append {outwards}")
    return lines


def write(host: Host, manager: Host, nodes: Sequence[Host]) -> None:
    """Write it into a host that is not up yet."""
    host.write(f"{units.FOLDER}/ca.pem", (host.network.folder / "ca.pem").read_text())
    units.at_boot(host, "pod-routes", routes(host, nodes), before="kube-proxy.service")
    install(host, "kube-proxy")
    write_login(host, manager, "proxy")
    content = {
        "clientConnection": {"kubeconfig": f"{units.FOLDER}/proxy.conf"},
        "mode": "iptables",
        "clusterCIDR": PODS,
        # The manager's host is no node: it goes by the name of one, or kube-proxy would look for its own for 30 s.
        "hostnameOverride": host.spec.name if host in nodes else nodes[-1].spec.name,
        # These are settings of this whole machine.
        "conntrack": {"maxPerCore": 0, "min": 0},
    }
    version = "kubeproxy.config.k8s.io/v1alpha1"
    option = units.write_configuration(host, "proxy", "KubeProxyConfiguration", version, content)
    host.enable("kube-proxy.service", units.service([f"{units.PROGRAMS}/kube-proxy", option]))
