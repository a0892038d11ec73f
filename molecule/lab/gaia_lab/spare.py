"""The host ``spare.example.org``: a second hub under its own name, in an inventory ``spare.yml`` of its own."""

from __future__ import annotations

import json
import time
from typing import Any

import requests
import testinfra
from testinfra.host import Host

from gaia_lab.centre import CENTRE, STATE
from gaia_lab.client import HubClient
from gaia_lab.session import lab_client

NAME = "spare.example.org"
URL = f"https://{NAME}"
HOSTS = "spare.yml"
VARIABLES: dict[str, Any] = {
    "hub_url": URL,
    "hub_tls": {"certificate": f"{STATE}/spare.pem", "key": f"{STATE}/spare.key"},
}
SOON = 60  # seconds


def spare_host() -> Host:
    """The host; its inventory is there afterwards."""
    hosts: dict[str, Any] = {"vre_hubs": {"hosts": {NAME: {}}}}
    (CENTRE / HOSTS).write_text(json.dumps(hosts))
    return testinfra.get_host(f"ssh://root@{NAME}", ssh_config=str(STATE / "ssh_config"))


def spare_client(user: str) -> HubClient:
    """A user who is logged in there; a hub that starts is waited for."""
    client = lab_client(user, url=URL)
    end = time.monotonic() + SOON
    while not client.http.get(f"{URL}/hub/health", timeout=5).ok and time.monotonic() < end:
        time.sleep(0.5)
    client.login()
    return client


def owner(token: str) -> str:
    """Whose token it is, as the hub there says.

    :raises requests.HTTPError: when it is nobody's.
    """
    header = {"Authorization": f"token {token}"}
    answer = requests.get(f"{URL}/hub/api/user", headers=header, verify=f"{STATE}/ca.pem", timeout=30)
    answer.raise_for_status()
    return str(answer.json()["name"])
