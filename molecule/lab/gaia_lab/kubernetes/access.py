"""Who is who in the cluster: certificates of its programs and people, and the files by which they log in."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

import yaml

from gaia_lab import tls
from gaia_lab.host import Host

PORT = 6443
# The first address of the services' network is the API server's own service.
SERVICES, API_SERVICE = "10.96.0.0/16", "10.96.0.1"
NAMESPACE = "jupyterhub"
ADMINS = "system:masters"
# User and group by program. RBAC knows those of Kubernetes itself, cluster.yml the others.
PROGRAMS = {
    "admin": ("admin", ADMINS),
    "apiserver-kubelet": ("apiserver-kubelet", ADMINS),
    "controller-manager": ("system:kube-controller-manager", ""),
    "scheduler": ("system:kube-scheduler", ""),
    "proxy": ("system:kube-proxy", ""),
    "coredns": ("lab:coredns", ""),
    "provisioner": ("lab:provisioner", ""),
    "deployer": ("gaia-vre-deployer", ""),
}


def server(manager: Host) -> str:
    """The URL of the API server: its address, so that it needs no names."""
    return f"https://{manager.address}:{PORT}"


def make(folder: Path, manager: Host, nodes: Sequence[Host]) -> None:
    """Write all keys below ``kubernetes/``, and ``kubeconfig`` and ``kubeconfig-deployer``, into a lab's folder."""
    keys = folder / "kubernetes"
    keys.mkdir(mode=0o700)
    service = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]
    tls.make_certificate(folder, "kubernetes/apiserver", [manager.fqdn, *service], [manager.address, API_SERVICE])
    # By it the API server signs the tokens of service accounts.
    tls.make_certificate(folder, "kubernetes/accounts", ["accounts"], [])
    for node in nodes:
        name = node.spec.name
        tls.make_certificate(folder, f"kubernetes/{name}", [name, node.fqdn], [node.address])
        tls.make_client(folder, f"kubernetes/kubelet-{name}", f"system:node:{name}", "system:nodes")
    for program, (user, group) in PROGRAMS.items():
        tls.make_client(folder, f"kubernetes/{program}", user, group)
    for name, program, namespace in (("kubeconfig", "admin", ""), ("kubeconfig-deployer", "deployer", NAMESPACE)):
        file = folder / name
        file.touch(mode=0o600)
        file.write_text(kubeconfig(folder, server(manager), program, namespace))


def kubeconfig(folder: Path, url: str, client: str, namespace: str = "") -> str:
    """The text of the file by which a program or a person logs in.

    :param folder: the lab's folder, which holds the client's keys.
    """

    def data(file: str) -> str:
        return base64.b64encode((folder / file).read_bytes()).decode()

    user = {
        "client-certificate-data": data(f"kubernetes/{client}.pem"),
        "client-key-data": data(f"kubernetes/{client}.key"),
    }
    context = {"cluster": "lab", "user": client, **({"namespace": namespace} if namespace else {})}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "lab", "cluster": {"server": url, "certificate-authority-data": data("ca.pem")}},
            ],
            "users": [{"name": client, "user": user}],
            "contexts": [{"name": "lab", "context": context}],
            "current-context": "lab",
        }
    )
