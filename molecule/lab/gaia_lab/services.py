"""What lab hosts run: the registry, the conda channel, the test users. Files only, put in place before the boot."""

from __future__ import annotations

from pathlib import Path

from gaia_lab.host import Host

# A user's number is the same on all hosts, and so is a group's.
USERS = {"alice": ["oceanographers"], "bob": ["coast"], "admin": ["vre-admins"]}
UID, GID = 1000, 1100
# Of a cluster: the people who may submit jobs, and the account that the check's jobs run as.
CLUSTER_GROUP, CLUSTER_ACCOUNT = "vre-users", "vrecheck"
REGISTRY_USER = "vre"
REGISTRY_ROOT = "/var/lib/docker-registry"
CHANNEL_ROOT = "/srv/channel"


def write_registry(host: Host, certificate: Path, key: Path, password: str) -> None:
    """An OCI registry at the host's own address, port 443, with TLS and a login; its journal tells who took what."""
    host.write("/etc/lab/registry.pem", certificate.read_text())
    host.write("/etc/lab/registry.key", key.read_text(), 0o600)
    host.write(
        "/etc/docker/registry/config.yml",
        f"""version: 0.1
log: {{level: warn}}
storage:
  filesystem: {{rootdirectory: {REGISTRY_ROOT}}}
  delete: {{enabled: true}}
http:
  addr: {host.address}:443
  tls: {{certificate: /etc/lab/registry.pem, key: /etc/lab/registry.key}}
auth:
  htpasswd: {{realm: lab, path: /etc/lab/htpasswd}}
""",
    )
    host.write(
        "/etc/systemd/system/docker-registry.service.d/lab.conf",
        "[Service]\nUser=root\nGroup=root\nRestart=on-failure\n",
    )
    host.chroot("sh", "-c", f"htpasswd -iBn {REGISTRY_USER} > /etc/lab/htpasswd", stdin=password)


def write_channel(host: Host, certificate: Path, key: Path) -> None:
    """The conda channel as static files at the host's second address, port 443."""
    address = host.network.address(host.spec.address + 1)
    host.write("/etc/lab/channel.pem", certificate.read_text())
    host.write("/etc/lab/channel.key", key.read_text(), 0o600)
    host.write(
        "/etc/nginx/sites-enabled/default",
        f"""server {{
  listen {address}:443 ssl;
  ssl_certificate /etc/lab/channel.pem;
  ssl_certificate_key /etc/lab/channel.key;
  root {CHANNEL_ROOT};
  autoindex on;
}}
""",
    )


def write_users(host: Host, passwords: dict[str, str]) -> None:
    """The test users with their unix groups and passwords; homes that hosts share are made by the first."""
    lines = ["set -e"]
    for number, group in enumerate(sorted({group for groups in USERS.values() for group in groups}), GID):
        lines.append(f"getent group {group} >/dev/null || groupadd --gid {number} {group}")
    for number, (user, groups) in enumerate(USERS.items(), UID):
        useradd = f"useradd --create-home --shell /bin/bash --uid {number} --groups {','.join(groups)} {user}"
        lines.append(f"id {user} >/dev/null 2>&1 || {useradd}")
    if host.spec.shared:
        lines += [
            f"getent group {CLUSTER_GROUP} >/dev/null || groupadd --gid {GID - 1} {CLUSTER_GROUP}",
            (
                f"id {CLUSTER_ACCOUNT} >/dev/null 2>&1 || "
                f"useradd --create-home --uid {UID - 1} --gid {CLUSTER_GROUP} {CLUSTER_ACCOUNT}"
            ),
            *(f"usermod --append --groups {CLUSTER_GROUP} {user}" for user in (*USERS, CLUSTER_ACCOUNT)),
        ]
    host.chroot("sh", "-c", "\n".join(lines))
    host.chroot("chpasswd", stdin="".join(f"{user}:{passwords[user]}\n" for user in USERS))
