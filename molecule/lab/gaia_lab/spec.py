"""Labs as data: which hosts, from which base, with what on them (``specs/*.yml``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from gaia_lab.errors import LabError

SPECS = Path(__file__).resolve().parent.parent / "specs"
SERVICES = ("registry", "channel")


@dataclass(frozen=True)
class HostSpec:
    """One host of a lab.

    :param name: short name; with the zone it is the host's name on the network.
    :param address: last byte of its IPv4 address, 2 to 250.
    :param base: name of a base in ``specs/bases.yml``.
    :param disks: absolute paths that must not lie on the host's overlay root.
    :param services: of ``registry`` and ``channel``.
    :param users: whether the test users exist on it.
    :param fill: whether its registry writes into the cache instead of a layer of its own.
    :param controller: whether it holds the lab's ssh key and CA, as an admin's computer would.
    """

    name: str
    address: int
    base: str
    disks: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    users: bool = False
    controller: bool = False
    fill: bool = False


@dataclass(frozen=True)
class Spec:
    """A lab: its zone and hosts."""

    name: str
    zone: str
    hosts: tuple[HostSpec, ...] = field(default_factory=tuple)

    def fqdn(self, host: HostSpec) -> str:
        """The host's name on the network."""
        return f"{host.name}.{self.zone}"


def parse_spec(name: str, data: dict[str, Any]) -> Spec:
    """Check and type the content of a spec file.

    :raises LabError: naming the key that is wrong.
    """
    try:
        hosts = tuple(
            HostSpec(
                name=host,
                **{
                    **keys,
                    "disks": tuple(keys.get("disks", ())),
                    "services": tuple(keys.get("services", ())),
                },
            )
            for host, keys in data["hosts"].items()
        )
        spec = Spec(name=name, zone=data["zone"], hosts=hosts)
    except (KeyError, TypeError, AttributeError) as error:
        raise LabError(f"spec {name}: {error}") from error
    addresses = [host.address for host in hosts]
    if len(set(addresses)) != len(addresses) or not all(2 <= address <= 250 for address in addresses):
        raise LabError(f"spec {name}: addresses must differ and lie between 2 and 250, not {addresses}")
    for host in hosts:
        if unknown := set(host.services) - set(SERVICES):
            raise LabError(f"spec {name}: {host.name} has unknown services {sorted(unknown)}; known: {SERVICES}")
    return spec


def load_spec(name: str) -> Spec:
    """The spec ``specs/<name>.yml``."""
    path = SPECS / f"{name}.yml"
    known = sorted(p.stem for p in SPECS.glob("*.yml") if p.stem != "bases")
    if name not in known:
        raise LabError(f"no spec {name}; known: {', '.join(known)}")
    return parse_spec(name, yaml.safe_load(path.read_text()))
