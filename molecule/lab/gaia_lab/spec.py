"""Labs as data: which hosts, from which base, with what on them (``specs/*.yml``)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from gaia_lab.errors import LabError

SPECS = Path(__file__).resolve().parent.parent / "specs"
SERVICES = ("registry", "channel", "slurmctld", "slurmd", "schedd", "startd", "apiserver", "kubelet")
HOST_NAME = re.compile(r"[a-z][a-z0-9]{0,20}")
ZONE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")


@dataclass(frozen=True)
class HostSpec:
    """One host of a lab.

    :param name: short name; with the zone it is the host's name on the network.
    :param address: last byte of its IPv4 address, 2 to 250.
    :param base: name of a base in ``specs/bases.yml``.
    :param disks: absolute paths that must not lie on the host's overlay root.
    :param shared: absolute paths at which all hosts that name them see the same files.
    :param services: what it runs, of :data:`SERVICES`.
    :param users: whether the test users exist on it.
    :param fill: whether its registry writes into the cache instead of a layer of its own.
    :param controller: whether it holds what an admin's computer would: ssh key, authority, secrets.
    """

    name: str
    address: int
    base: str
    disks: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    users: bool = False
    controller: bool = False
    fill: bool = False

    @property
    def addresses(self) -> list[int]:
        """Last bytes of all its addresses: the channel is a machine of its own to others."""
        return [self.address, self.address + 1] if "channel" in self.services else [self.address]

    @property
    def limits(self) -> bool:
        """Whether what it runs is limited in memory and processors, for which it needs controllers."""
        return "kubelet" in self.services


@dataclass(frozen=True)
class Spec:
    """A lab: its zone and hosts."""

    name: str
    zone: str
    hosts: tuple[HostSpec, ...] = field(default_factory=tuple)

    def fqdn(self, host: HostSpec) -> str:
        """The host's name on the network."""
        return f"{host.name}.{self.zone}"


def parse_spec(name: str, data: Any) -> Spec:
    """Check and type the content of a spec file.

    :raises LabError: naming every key that is wrong.
    """
    if not isinstance(data, dict) or set(data) != {"zone", "hosts"}:
        raise LabError(f"spec {name}: it has the keys zone and hosts, no others")
    wrong = [] if ZONE.fullmatch(str(data["zone"])) else [f"zone {data['zone']!r} is no domain name"]
    if not isinstance(data["hosts"], dict) or not data["hosts"]:
        wrong.append("hosts must name at least one host")
    hosts: list[HostSpec] = []
    for host, keys in data["hosts"].items() if isinstance(data["hosts"], dict) else ():
        problems = _host_problems(str(host), keys)
        wrong += [f"host {host}: {problem}" for problem in problems]
        if not problems:
            lists = {key: tuple(keys.get(key, ())) for key in ("disks", "shared", "services")}
            hosts.append(HostSpec(name=host, **{**keys, **lists}))
    used = sorted(address for host in hosts for address in host.addresses)
    twice = sorted({address for address in used if used.count(address) > 1})
    if twice:
        wrong.append(f"addresses {twice} are given twice (a channel takes the one after its host's too)")
    if wrong:
        raise LabError(f"spec {name}: {'; '.join(wrong)}")
    return Spec(name=name, zone=data["zone"], hosts=tuple(hosts))


def _host_problems(name: str, keys: Any) -> list[str]:
    if not isinstance(keys, dict):
        return ["must be a dictionary"]
    known = {key.name for key in fields(HostSpec)} - {"name"}
    found = [f"unknown key {key}" for key in sorted(set(map(str, keys)) - known)]
    if not HOST_NAME.fullmatch(name):
        found.append("a name is lower-case letters and digits, at most 21")
    address = keys.get("address")
    if type(address) is not int or not 2 <= address <= 250:
        found.append(f"address must lie between 2 and 250, not {address!r}")
    if not isinstance(keys.get("base"), str):
        found.append("base must name one of specs/bases.yml")
    switches = ("users", "controller", "fill")
    found += [f"{key} must be true or false" for key in switches if type(keys.get(key, False)) is not bool]
    for key in ("disks", "shared"):
        paths = keys.get(key, [])
        if not isinstance(paths, list) or not all(re.fullmatch(r"(/[a-z0-9._-]+)+", str(path)) for path in paths):
            found.append(f"{key} must be absolute paths, not {paths!r}")
    services = keys.get("services", [])
    if not isinstance(services, list) or not set(map(str, services)) <= set(SERVICES):
        found.append(f"services must be of {', '.join(SERVICES)}, not {services!r}")
    return found


def spec_file(name: str) -> Path:
    """The file ``specs/<name>.yml``.

    :raises LabError: when there is none.
    """
    known = sorted(path.stem for path in SPECS.glob("*.yml") if path.stem != "bases")
    if name not in known:
        raise LabError(f"no spec {name}; known: {', '.join(known)}")
    return SPECS / f"{name}.yml"


def load_spec(name: str, file: Path | None = None) -> Spec:
    """The spec of that name, from its own file or from a copy of it in ``file``."""
    path = file or spec_file(name)
    try:
        return parse_spec(name, yaml.safe_load(path.read_text()))
    except yaml.YAMLError as error:
        raise LabError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
