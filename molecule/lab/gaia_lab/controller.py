"""What a centre's admin has on their own computer before they begin: keys, certificates, secrets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from gaia_lab.host import Host


def secrets_file(registry_password: str, folder: Path, more: Mapping[str, Any] | None = None) -> str:
    """The values that an inventory like inventories/example-docker leaves open; its files lie in ``folder``.

    :param more: what an example leaves open for a hub that is on no host, in place of its certificate.
    """
    certificate = {"hub_tls": {"certificate": f"{folder}/hub.pem", "key": f"{folder}/hub.key"}}
    return yaml.safe_dump(
        {
            "vault_registry_password": registry_password,
            "registry_ca_file": f"{folder}/ca.pem",
            **(certificate if more is None else more),
        }
    )


def write(host: Host, folder: Path, registry_password: str, known_hosts: str) -> None:
    """Put them into a host that is not up yet.

    :param folder: the lab's folder, which holds them.
    """
    host.write("/root/.ssh/id_ed25519", (folder / "id").read_text(), 0o600)
    host.write("/root/.ssh/known_hosts", known_hosts, 0o600)
    for name, mode in {"ca.pem": 0o644, "hub.pem": 0o644, "hub.key": 0o600}.items():
        host.write(f"/root/{name}", (folder / name).read_text(), mode)
    host.write("/root/secrets.yml", secrets_file(registry_password, Path("/root")), 0o600)
