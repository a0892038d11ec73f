"""A node: containerd and the kubelet, and the mounts that they share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gaia_lab import cgroup, tiny_images
from gaia_lab.host import Host
from gaia_lab.kubernetes import access, common, units

# The two have mounts of their own: the kubelet's, which containerd is to see, and the controllers of control groups
# in /sys/fs/cgroup, where PID 1 must find the unified hierarchy. A process keeps them. A file, by `unshare
# --mount=FILE`, would not do: Linux 6.18 refuses every other one, as it compares numbers of namespaces, which are not
# in order.
KEEPER = "/run/lab/keeper"
ENTER = ['exec nsenter --mount="/proc/$(cat ' + KEEPER + ')/ns/mnt" -- "$@"']
# The kubelet looks there for processes that had no memory; systemd-nspawn gives a host none.
KERNEL_LOG = "c /dev/kmsg 0600 root root - 1:11\n"
# What the kubelet sets of the kernel, which is this machine's: it gets files of its own.
SETTINGS = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
IMAGES = "/var/lib/lab-images"
CONTAINERD = f"""version = 3
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = '{tiny_images.PAUSE}'
[plugins.'io.containerd.cri.v1.images'.registry]
  config_path = '/etc/containerd/certs.d'
[plugins.'io.containerd.cri.v1.runtime']
  # We may not make a process less likely to be ended than we are.
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ['/usr/lib/cni']
  conf_dir = '/etc/cni/net.d'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = 'io.containerd.runc.v2'
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
    SystemdCgroup = false
"""
NETWORK = """{
  "cniVersion": "1.0.0",
  "name": "pods",
  "plugins": [
    {
      "type": "ptp",
      "ipam": {"type": "host-local", "ranges": [[{"subnet": "%s"}]], "routes": [{"dst": "0.0.0.0/0"}]}
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
"""


def mounts(hierarchies: Mapping[Path, str]) -> list[str]:
    """The shell commands that make, in a mount namespace of their own, what the kubelet and containerd share.

    :param hierarchies: the options by which hierarchies of control groups are mounted, by where they are.
    """
    folder = KEEPER.rpartition("/")[0]
    lines = [f"mkdir --parents {folder}", "mount --make-rshared /"]
    for number, path in enumerate(SETTINGS):
        lines += [f"cat /proc/sys/{path} >{folder}/{number}", f"mount --bind {folder}/{number} /proc/sys/{path}"]
    if hierarchies:
        lines.append("mount -t tmpfs none /sys/fs/cgroup")
    for where, options in hierarchies.items():
        lines += [f"mkdir {where}", f"mount -t cgroup -o {options} none {where}"]
    return [*lines, f"echo $$ >{KEEPER}", "systemd-notify --ready", "exec sleep infinity"]


def kubelet(name: str, dns: str) -> dict[str, object]:
    """The kubelet's configuration.

    :param name: the node's.
    :param dns: address of the pods' name server.
    """
    return {
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{units.FOLDER}/ca.pem"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{units.FOLDER}/{name}.pem",
        "tlsPrivateKeyFile": f"{units.FOLDER}/{name}.key",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "clusterDomain": "cluster.local",
        "clusterDNS": [dns],
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        # The disk is this machine's: how full it is says nothing about the lab.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        # The manager misses a node after 20 s.
        "nodeLeaseDurationSeconds": 20,
    }


def _write_containerd(host: Host, enter: str) -> None:
    host.write("/etc/containerd/config.toml", CONTAINERD)
    registry = f"registry.{host.fqdn.partition('.')[2]}"
    trust = f"server = 'https://{registry}'\nca = '{units.FOLDER}/ca.pem'\n"
    host.write(f"/etc/containerd/certs.d/{registry}/hosts.toml", trust)
    host.write("/etc/cni/net.d/10-pods.conflist", NETWORK % common.pods_of(host))
    unit = ["[Unit]", "After=node-mounts.service", "Requires=node-mounts.service", "[Service]", "ExecStart="]
    unit += [f"ExecStart={enter} /usr/bin/containerd", ""]
    host.write("/etc/systemd/system/containerd.service.d/lab.conf", "\n".join(unit))
    # What the node itself runs is there without a registry, whose login only pods have.
    imports: list[str] = []
    for reference in (tiny_images.PAUSE, tiny_images.HELPER):
        archive = tiny_images.ensure_archive(reference)
        host.lend(archive, f"{IMAGES}/{archive.name}")
        imports.append(f"ctr --namespace k8s.io images import --index-name {reference} {IMAGES}/{archive.name}")
    units.at_boot(host, "node-images", imports, after="containerd.service", before="kubelet.service")


def write(host: Host, manager: Host) -> None:
    """Make a host that is not up yet a node."""
    name = host.spec.name
    host.mask("etcd.service")
    host.write("/etc/tmpfiles.d/kmsg.conf", KERNEL_LOG)
    keeper = units.write_script(host, "keep-mounts", mounts(cgroup.hierarchies()))
    command = ["/usr/bin/unshare", "--mount", "--propagation", "private", keeper]
    host.enable("node-mounts.service", units.service(command, notify=True, extra=["NotifyAccess=all"]))
    enter = units.write_script(host, "with-mounts", ENTER)
    _write_containerd(host, enter)
    common.install(host, "kubelet")
    common.write_key(host, name)
    version = "kubelet.config.k8s.io/v1beta1"
    content = kubelet(name, manager.address)
    command = [
        enter,
        f"{units.PROGRAMS}/kubelet",
        units.write_configuration(host, "kubelet", "KubeletConfiguration", version, content),
        common.write_login(host, manager, f"kubelet-{name}"),
        f"--hostname-override={name}",
        f"--node-ip={host.address}",
    ]
    # Without an API server it would try again only after seconds.
    answers = f"until (echo >/dev/tcp/{manager.address}/{access.PORT}) 2>/dev/null; do sleep 0.1; done"
    waits = units.write_script(host, "await-api-server", [answers])
    extra = [f"ExecStartPre={waits}", "TimeoutStartSec=infinity", "KillMode=process", "Delegate=yes"]
    after = "node-mounts.service containerd.service"
    host.enable("kubelet.service", units.service(command, after, notify=True, extra=extra))
