"""A whole lab: up, down, what it is made of."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gaia_lab import controller, services, tls
from gaia_lab.base import ensure_base
from gaia_lab.cluster import Cluster
from gaia_lab.command import run, say, succeeds
from gaia_lab.errors import LabError
from gaia_lab.host import Host
from gaia_lab.kubernetes import centre
from gaia_lab.kubernetes.binaries import ensure_binaries
from gaia_lab.network import Network, allotment, free_index, taken_indexes
from gaia_lab.paths import cache, lab_dir, labs
from gaia_lab.spec import Spec, load_spec, spec_file


@dataclass(frozen=True)
class Lab:
    """One lab, running or half made; all it knows is in ``folder``. ``store`` holds its registry's content."""

    name: str
    spec: Spec
    index: int
    folder: Path
    store: Path = Path()

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
        lines += [f"{address} {name} {name.partition('.')[0]}" for name, address in self.names.items()]
        return "\n".join(lines) + "\n"

    @property
    def ssh(self) -> list[str]:
        """The ssh command up to the address."""
        return ["ssh", "-F", str(self.folder / "ssh_config")]


def find(name: str) -> Lab | None:
    """The lab of that name, or None. It is what its spec was when it was made."""
    folder = lab_dir(name)
    try:
        data = json.loads((folder / "lab.json").read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    copy = folder / "spec.yml"
    return Lab(
        name,
        load_spec(data["spec"], copy if copy.exists() else None),
        data["index"],
        folder,
        Path(data.get("store", "")),
    )


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
    """One command at a time on a lab."""
    path = labs() / f".{name}.lock"
    while True:
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"waiting for another command on lab {name}")
                fcntl.flock(file, fcntl.LOCK_EX)
            # `down` deletes the file: then it is no lock any more.
            if _is(path, os.fstat(file.fileno())):
                yield
                return


def _is(path: Path, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.stat(), status)
    except FileNotFoundError:
        return False


def _create(name: str, spec: Spec, taken: set[int], store: Path | None) -> Lab:
    """Write what never changes: keys, passwords, lab.json."""
    folder = lab_dir(name)
    folder.mkdir(mode=0o700)
    lab = Lab(name, spec, free_index(taken), folder, store or Path())
    data: dict[str, Any] = {
        "name": name,
        "spec": spec.name,
        "zone": spec.zone,
        "index": lab.index,
        "store": str(lab.store),
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
            user: {"password": secrets.token_urlsafe(9), "groups": groups} for user, groups in services.USERS.items()
        },
        "hub_url": f"https://hub.{spec.zone}",
        "channel_url": f"https://channel.{spec.zone}",
    }
    tls.make_ca(folder)
    for host in lab.hosts:
        tls.make_certificate(folder, host.spec.name, [host.fqdn], [host.address])
        if "channel" in host.spec.services:
            tls.make_certificate(folder, "channel", [f"channel.{spec.zone}"], [])
    if cluster := Cluster.of(lab.hosts):
        cluster.make(folder)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"lab-{name}", "-f", str(folder / "id"))
    shutil.copyfile(spec_file(spec.name), folder / "spec.yml")
    _write_files(lab, data)
    # Last, and at once: a folder without lab.json is a half-made lab, of which nothing runs yet.
    partial = folder / ".lab.json"
    partial.touch(mode=0o600)
    partial.write_text(json.dumps(data, indent=1))
    partial.rename(folder / "lab.json")
    return lab


def _write_files(lab: Lab, data: dict[str, Any]) -> None:
    (lab.folder / "ssh").mkdir(exist_ok=True)
    (lab.folder / "hosts_file").write_text(lab.hosts_file)
    (lab.folder / "ssh_config").write_text(
        f"User root\nIdentityFile {lab.folder}/id\nIdentitiesOnly yes\nUserKnownHostsFile {lab.folder}/known_hosts\n"
        "StrictHostKeyChecking accept-new\nLogLevel ERROR\nConnectTimeout 2\n"
        "ServerAliveInterval 5\nServerAliveCountMax 3\n"
    )
    variables = lab.folder / "vars.yml"
    variables.touch(mode=0o600)
    more = None
    if any("apiserver" in host.spec.services for host in lab.hosts):
        centre.write(lab.folder, data["users"])
        more = centre.variables(lab.folder, lab.spec.zone)
    variables.write_text(controller.secrets_file(data["registry"]["password"], lab.folder, more))


def up(name: str, spec_name: str, store: Path | None = None) -> Lab:
    """Boot a lab, or what of it does not run; gives it when every host answers by ssh.

    :param store: content of its registry; a lab that is up keeps its own.
    """
    spec = load_spec(spec_name)
    for base in sorted({host.base for host in spec.hosts}):
        ensure_base(base)
    if any("apiserver" in host.services for host in spec.hosts):
        ensure_binaries()
    with _lock(name):
        lab = find(name)
        if lab is not None and lab.spec != spec:
            raise LabError(
                f"lab {name} is up from another spec or another state of it ({lab.spec.name}): "
                f"`lab down {name}` first, or give --name"
            )
        with allotment():
            if lab is None:
                if lab_dir(name).exists():
                    shutil.rmtree(lab_dir(name))
                lab = _create(name, spec, taken_indexes() | _own_indexes(), store)
            lab.network.up()
        data = json.loads((lab.folder / "lab.json").read_text())
        running = [host for host in lab.hosts if host.runs()]
        starting = [host for host in lab.hosts if host not in running]
        for host in starting:
            say(f"booting {host.fqdn} at {host.address}")
            _boot(lab, host, data)
        for host in starting:
            host.wait(lab.ssh)
        for host in running:
            host.probe(lab.ssh)
        cluster = Cluster.of(lab.hosts)
        if cluster and any(host in cluster for host in starting):
            cluster.wait(lab.ssh)
        if running:
            say(f"lab {name}: {', '.join(host.fqdn for host in running)} {'were' if running[1:] else 'was'} up already")
    return lab


def _own_indexes() -> set[int]:
    return {lab.index for name in all_names() if (lab := find(name))}


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
        controller.write(host, lab.folder, data["registry"]["password"], _known_hosts(lab))
    cluster = Cluster.of(lab.hosts)
    if cluster and host in cluster:
        cluster.write(host)
    host.boot(binds, before)


def _known_hosts(lab: Lab) -> str:
    """What an admin's ssh remembers of the hosts: their keys, which come with their bases."""
    lines = []
    for host in lab.hosts:
        key = ensure_base(host.spec.base) / "etc/ssh/ssh_host_ed25519_key.pub"
        lines.append(f"{host.fqdn},{host.address} {' '.join(key.read_text().split()[:2])}\n")
    return "".join(lines)


def down(name: str) -> None:
    """Remove a lab, whatever is left of it."""
    folder = lab_dir(name)
    with _lock(name):
        lab = find(name)
        if lab is not None:
            _close_connections(lab)
            for host in lab.hosts:
                host.remove()
            with allotment():
                lab.network.down()
        if folder.exists():
            # lab.json last: while it is there, an interrupted removal can be taken up again.
            for child in sorted(folder.iterdir(), key=lambda path: path.name == "lab.json"):
                shutil.rmtree(child) if child.is_dir() and not child.is_symlink() else child.unlink()
            folder.rmdir()
            say(f"lab {name} is removed")
        else:
            say(f"no lab {name}")
        (labs() / f".{name}.lock").unlink()


def _close_connections(lab: Lab) -> None:
    """End the ssh connections that ansible keeps open."""
    for socket in (lab.folder / "ssh").glob("*"):
        succeeds(["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "lab"], timeout=5)
