"""The control plane: etcd, the API server, the controllers, the scheduler; names and volumes for pods."""

from __future__ import annotations

import json
from pathlib import Path

from gaia_lab import tiny_images
from gaia_lab.host import Host
from gaia_lab.kubernetes import access, centre, common, units
from gaia_lab.network import DNS

API = "kube-apiserver.service"
RIGHTS = Path(__file__).resolve().parents[4] / "docs/kubernetes-rbac.yml"
MANIFESTS = Path(__file__).resolve().parents[2] / "kubernetes/manifests"
# A hub answers at the ports that browsers expect.
NODE_PORTS = "80-32767"
VOLUMES = "/shared/volumes"
PROGRAMS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "coredns",
    "local-path-provisioner",
    "kubectl",
)


def _program(name: str, *options: str) -> list[str]:
    return [f"{units.PROGRAMS}/{name}", *options]


def corefile(address: str, zone: str) -> str:
    """CoreDNS's configuration: names of services, of the lab's hosts, and all others.

    :param address: where it answers.
    """
    return f""".:53 {{
  bind {address}
  errors
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig {units.FOLDER}/coredns.conf
    fallthrough in-addr.arpa
  }}
  hosts /etc/hosts {zone}
  forward . {DNS}
  cache 5
}}
"""


def _write_api_server(host: Host) -> None:
    key, accounts = common.write_key(host, "apiserver"), common.write_key(host, "accounts")
    kubelet = common.write_key(host, "apiserver-kubelet")
    command = _program(
        "kube-apiserver",
        "--etcd-servers=http://127.0.0.1:2379",
        f"--advertise-address={host.address}",
        f"--secure-port={access.PORT}",
        f"--tls-cert-file={key}.pem",
        f"--tls-private-key-file={key}.key",
        f"--client-ca-file={units.FOLDER}/ca.pem",
        f"--service-cluster-ip-range={access.SERVICES}",
        f"--service-node-port-range={NODE_PORTS}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={accounts}.pem",
        f"--service-account-signing-key-file={accounts}.key",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--kubelet-client-certificate={kubelet}.pem",
        f"--kubelet-client-key={kubelet}.key",
        f"--kubelet-certificate-authority={units.FOLDER}/ca.pem",
        "--kubelet-preferred-address-types=InternalIP",
    )
    host.enable(API, units.service(command, "etcd.service", notify=True))


def _write_controllers(host: Host) -> None:
    manager = _program(
        "kube-controller-manager",
        common.write_login(host, host, "controller-manager"),
        "--leader-elect=false",
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={units.FOLDER}/accounts.key",
        f"--root-ca-file={units.FOLDER}/ca.pem",
        # Of a node that is gone; tests shall not wait.
        "--node-monitor-grace-period=20s",
    )
    host.enable("kube-controller-manager.service", units.service(manager, API))
    scheduler = _program("kube-scheduler", common.write_login(host, host, "scheduler"), "--leader-elect=false")
    host.enable("kube-scheduler.service", units.service(scheduler, API))


def _write_names(host: Host) -> None:
    common.write_login(host, host, "coredns")
    host.write(f"{units.FOLDER}/Corefile", corefile(host.address, host.fqdn.partition(".")[2]))
    host.enable("coredns.service", units.service(_program("coredns", "-conf", f"{units.FOLDER}/Corefile"), API))


def _write_volumes(host: Host) -> None:
    login = common.write_login(host, host, "provisioner")
    host.write(f"{units.FOLDER}/volumes.json", json.dumps({"sharedFileSystemPath": VOLUMES}))
    # It tries a claim as often as it takes: a node may be away.
    command = _program(
        "local-path-provisioner",
        "start",
        login,
        f"--config={units.FOLDER}/volumes.json",
        "--namespace=volumes",
        "--service-account-name=default",
        "--configmap-name=scripts",
        "--provisioning-retry-count=0",
        "--deletion-retry-count=0",
    )
    host.enable("local-path-provisioner.service", units.service(command, "cluster-objects.service"))


def write(host: Host) -> None:
    """Make a host that is not up yet the manager of the cluster."""
    host.mask("containerd.service")
    host.write("/etc/default/etcd", "DAEMON_ARGS=--unsafe-no-fsync\n")
    common.install(host, *PROGRAMS)
    common.write_login(host, host, "admin", "/root/.kube/config")
    _write_api_server(host)
    _write_controllers(host)
    for path in MANIFESTS.glob("*.yml"):
        host.write(f"{units.FOLDER}/manifests/{path.name}", path.read_text().replace("HELPER", tiny_images.HELPER))
    # The first by its name: what the cluster's administrators give to who deploys a centre.
    host.write(f"{units.FOLDER}/manifests/0-centre.yml", RIGHTS.read_text())
    host.write(f"{units.FOLDER}/manifests/hub.json", centre.secret(host.network.folder, access.NAMESPACE), 0o600)
    kubectl = "kubectl --kubeconfig=/root/.kube/config"
    applied = [
        f"until {kubectl} get --raw=/readyz >/dev/null 2>&1; do sleep 0.1; done",
        f"{kubectl} apply --server-side --filename={units.FOLDER}/manifests",
    ]
    units.at_boot(host, "cluster-objects", applied, after=API)
    _write_names(host)
    _write_volumes(host)
