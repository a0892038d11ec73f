"""What the lab's centre has of its own: a chart, and values of its hub with logins and https."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parents[3] / "kubernetes/chart"
TLS = "hub-tls"
LOGINS = """\
from jupyterhub.auth import Authenticator

USERS = {users}


class Lab(Authenticator):
    async def authenticate(self, handler, data):
        user = USERS.get(data["username"])
        if user and user["password"] == data["password"]:
            return {{"name": data["username"], "groups": user["groups"]}}


c.JupyterHub.authenticator_class = Lab
c.Authenticator.manage_groups = True
c.Authenticator.allow_all = True
"""


def variables(folder: Path, zone: str) -> dict[str, Any]:
    """What an inventory like inventories/example-kubernetes leaves open.

    :param folder: the lab's, with the files that are named.
    """
    return {
        "kubernetes_kubeconfig": f"{folder}/kubeconfig-deployer",
        "kubernetes_chart": str(CHART),
        "kubernetes_chart_repository": "",
        "kubernetes_chart_version": "",
        "kubernetes_values_files": [f"{folder}/values.yml"],
        "kubernetes_store_image": f"registry.{zone}/vre/store:2026.11",
        "check_ca_file": f"{folder}/ca.pem",
    }


def values(users: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the hub: who may log in, and at which ports it answers."""
    return {
        "hub": {"extraConfig": {"10-logins": LOGINS.format(users=json.dumps(users))}},
        "proxy": {
            "https": {"enabled": True, "type": "secret", "secret": {"name": TLS}},
            "service": {"type": "NodePort", "nodePorts": {"http": 80, "https": 443}},
        },
    }


def write(folder: Path, users: Mapping[str, Any]) -> None:
    """Write the values into the lab's folder."""
    file = folder / "values.yml"
    file.touch(mode=0o600)
    file.write_text(yaml.safe_dump(values(users)))


def secret(folder: Path, namespace: str) -> str:
    """The hub's certificate as the cluster has it, in JSON."""
    files = {"tls.crt": "hub.pem", "tls.key": "hub.key"}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": TLS, "namespace": namespace},
            "type": "kubernetes.io/tls",
            "data": {key: base64.b64encode((folder / name).read_bytes()).decode() for key, name in files.items()},
        }
    )
