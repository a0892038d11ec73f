"""A whole lab: up, down, what it is made of."""

from __future__ import annotations

import fcntl
import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gaia_lab import services, tls
from gaia_lab.command import run, say, succeeds
from gaia_lab.errors import LabError
from gaia_lab.host import Host
from gaia_lab.network import Network, free_index, taken_indexes
from gaia_lab.paths import cache, lab_dir, labs
from gaia_lab.spec import Spec, load_spec


@dataclass(frozen=True)
class Lab:
    """One lab, running or half made; all it knows is in ``folder``. ``store`` holds its registry's content."""

    name: str
    spec: Spec
    index: int
    folder: Path
    store: Path

    @property
    def network(self) -> Network:
        """The lab's network."""
        return Network(self.index, self.folder)

    @property
    def hosts(self) -> list[Host]:
        """The lab's hosts, in the order in which they boot."""
        return [
            Host(spec, self.spec.fqdn(spec), self.network, self.folder / "hosts" / spec.name)
            for spec in self.spec.hosts
        ]

    def host(self, name: str) -> Host:
        """A host by its short or full name."""
        for host in self.hosts:
            if name in (host.spec.name, host.fqdn):
                return host
        raise LabError(f"lab {self.name} has no host {name}; it has {', '.join(h.fqdn for h in self.hosts)}")

    @property
    def names(self) -> dict[str, str]:
        """Address by host name, services included."""
        found = {host.fqdn: host.address for host in self.hosts}
        for host in self.hosts:
            if "channel" in host.spec.services:
                found[f"channel.{self.spec.zone}"] = self.network.address(host.spec.address + 1)
        return found

    @property
    def hosts_file(self) -> str:
        """The text of ``/etc/hosts`` for the lab's hosts and its controller."""
        lines = ["127.0.0.1 localhost", "::1 localhost"]
        return "\n".join([*lines, *(f"{address} {name}" for name, address in self.names.items())]) + "\n"

    @property
    def ssh(self) -> list[str]:
        """The ssh command up to the address."""
        return ["ssh", "-F", str(self.folder / "ssh_config")]


def find(name: str) -> Lab | None:
    """The lab of that name, or None."""
    try:
        data = json.loads((lab_dir(name) / "lab.json").read_text())
    except FileNotFoundError:
        return None
    return Lab(name, load_spec(data["spec"]), data["index"], lab_dir(name), Path(data.get("store", "")))


def get(name: str) -> Lab:
    """The lab of that name.

    :raises LabError: when there is none.
    """
    lab = find(name)
    if lab is None:
        raise LabError(f"no lab {name}; `lab list` shows those that are up")
    return lab


def all_names() -> list[str]:
    """Names of all labs of this cache, half-made ones included."""
    return sorted(path.name for path in labs().iterdir() if path.is_dir())


@contextmanager
def _lock(name: str) -> Iterator[None]:
    with (labs() / f".{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _create(name: str, spec: Spec, store: Path) -> Lab:
    """Allot a subnet and write what never changes: keys, passwords, lab.json."""
    folder = lab_dir(name)
    with _lock("subnets"):
        taken = taken_indexes() | {other.index for n in all_names() if (other := find(n))}
        index = free_index(taken)
        folder.mkdir(mode=0o700, exist_ok=True)
        lab = Lab(name, spec, index, folder, store)
        data: dict[str, Any] = {
            "name": name,
            "spec": spec.name,
            "zone": spec.zone,
            "index": index,
            "store": str(store),
            "subnet": f"{lab.network.address(0)}/24",
            "hosts": {host.fqdn: {"address": host.address} for host in lab.hosts},
            "ca": str(folder / "ca.pem"),
            "ssh_key": str(folder / "id"),
            "registry": {
                "host": f"registry.{spec.zone}",
                "username": services.REGISTRY_USER,
                "password": secrets.token_urlsafe(12),
            },
            "users": {
                user: {"password": secrets.token_urlsafe(9), "groups": groups}
                for user, groups in services.USERS.items()
            },
            "hub_url": f"https://hub.{spec.zone}",
            "channel_url": f"https://channel.{spec.zone}",
        }
        tls.make_ca(folder)
        for host in lab.hosts:
            tls.make_certificate(folder, host.spec.name, [host.fqdn], [host.address])
            if "channel" in host.spec.services:
                tls.make_certificate(folder, "channel", [f"channel.{spec.zone}"], [])
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"lab-{name}", "-f", str(folder / "id"))
        _write_files(lab, data)
        # Last: a folder without lab.json is a half-made lab that `down` removes.
        (folder / "lab.json").touch(mode=0o600)
        (folder / "lab.json").write_text(json.dumps(data, indent=1))
    return lab


def _write_files(lab: Lab, data: dict[str, Any]) -> None:
    (lab.folder / "ssh").mkdir(exist_ok=True)
    (lab.folder / "hosts_file").write_text(lab.hosts_file)
    (lab.folder / "ssh_config").write_text(
        f"User root\nIdentityFile {lab.folder}/id\nIdentitiesOnly yes\nUserKnownHostsFile {lab.folder}/known_hosts\n"
        "StrictHostKeyChecking accept-new\nLogLevel ERROR\nConnectTimeout 2\n"
        "ServerAliveInterval 5\nServerAliveCountMax 3\n"
    )
    (lab.folder / "vars.yml").touch(mode=0o600)
    (lab.folder / "vars.yml").write_text(
        yaml.safe_dump(
            {
                "vault_registry_password": data["registry"]["password"],
                "registry_ca_file": data["ca"],
                "hub_tls": {"certificate": str(lab.folder / "hub.pem"), "key": str(lab.folder / "hub.key")},
            }
        )
    )


def up(name: str, spec_name: str, store: Path) -> Lab:
    """Boot a lab, or what of it does not run; gives it when every host answers by ssh.

    :param store: content of its registry; a lab that is up keeps its own.
    """
    spec = load_spec(spec_name)
    with _lock(name):
        lab = find(name)
        if lab is None and lab_dir(name).exists():
            shutil.rmtree(lab_dir(name))
        if lab is not None and lab.spec.name != spec_name:
            raise LabError(f"lab {name} is up from spec {lab.spec.name}; `lab down {name}` first, or give --name")
        lab = lab or _create(name, spec, store)
        data = json.loads((lab.folder / "lab.json").read_text())
        lab.network.up()
        started = [host for host in lab.hosts if not host.runs()]
        for host in started:
            say(f"booting {host.fqdn} at {host.address}")
            _boot(lab, host, data)
        for host in started:
            host.wait(lab.ssh)
        if not started:
            say(f"lab {name} is up already")
    return lab


def _boot(lab: Lab, host: Host, data: dict[str, Any]) -> None:
    key = (lab.folder / "id.pub").read_text()
    host.prepare(lab.hosts_file, key)
    binds: list[tuple[Path, str]] = []
    before = "true"
    if "registry" in host.spec.services:
        services.write_registry(
            host,
            lab.folder / f"{host.spec.name}.pem",
            lab.folder / f"{host.spec.name}.key",
            data["registry"]["password"],
        )
        store, cached = host.folder / "registry", lab.store
        for folder in (store / "upper", store / "work", store / "merged", cached):
            folder.mkdir(parents=True, exist_ok=True)
        if not host.spec.fill:
            layers = f"lowerdir={cached},upperdir={store}/upper,workdir={store}/work"
            before = f"mount -t overlay overlay -o {layers} {store}/merged"
        binds.append((cached if host.spec.fill else store / "merged", services.REGISTRY_ROOT))
    if "channel" in host.spec.services:
        services.write_channel(host, lab.folder / "channel.pem", lab.folder / "channel.key")
        (cache() / "channel").mkdir(exist_ok=True)
        binds.append((cache() / "channel", services.CHANNEL_ROOT))
    if host.spec.users:
        services.write_users(host, {user: u["password"] for user, u in data["users"].items()})
    if host.spec.controller:
        host.write("/root/.ssh/id_ed25519", (lab.folder / "id").read_text(), 0o600)
        host.write("/root/lab-ca.pem", (lab.folder / "ca.pem").read_text())
    host.boot(binds, before)


def down(name: str) -> None:
    """Remove a lab, whatever is left of it."""
    folder = lab_dir(name)
    with _lock(name):
        lab = find(name)
        if lab is not None:
            for socket in (folder / "ssh").iterdir():
                succeeds(["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "lab"])
            for host in lab.hosts:
                host.remove()
            lab.network.down()
        if folder.exists():
            shutil.rmtree(folder)
            say(f"lab {name} is removed")
        else:
            say(f"no lab {name}")
    (labs() / f".{name}.lock").unlink(missing_ok=True)
