"""Many users of the hub's host who start a session at the same time."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gaia_lab.client import HubClient
from gaia_lab.errors import LabError
from gaia_lab.remote import on
from gaia_lab.services import CLUSTER_GROUP

CLUSTER_UID = 3000  # the first; numbers are the same on all hosts


def crowd(count: int, *, cluster: bool = False) -> list[HubClient]:
    """Users with accounts, which are made where they are missing, all of them logged in.

    :param cluster: whether they are users of a batch centre: known on its nodes, with homes, and may submit jobs.
    """
    lab = json.loads((Path(os.environ["GAIA_LAB_STATE"]) / "lab.json").read_text())
    password = secrets.token_hex(16)
    names = [f"crowd{number:02}" for number in range(count)]
    lines: list[str] = []
    for number, name in enumerate(names, CLUSTER_UID):
        options = f"--create-home --uid {number} --groups {CLUSTER_GROUP}" if cluster else "--no-create-home"
        lines.append(f"id -u {name} >/dev/null 2>&1 || useradd {options} {name}")
        lines.append(f"echo {name}:{password} | chpasswd")
    for host in ("hub", "node1", "node2") if cluster else ("hub",):
        on(host, "sh -e", stdin="\n".join(lines))
    clients = [HubClient(lab["hub_url"], name, password, lab["ca"]) for name in names]
    for client in clients:
        client.login()
    return clients


def at_once(clients: Sequence[HubClient], business: Sequence[str]) -> float:
    """Seconds until each of ``clients`` has a session, all of them asking at the same time; ends the sessions.

    :raises LabError: when one of them gets none.
    """

    def start(client: HubClient) -> None:
        answer = client.rest({"system": "lab", "business": list(business)})
        if answer.status_code not in (201, 202):
            raise LabError(f"{client.user} got {answer.status_code}: {answer.text[:500]}")
        client.wait_ready()

    started = time.monotonic()
    try:
        with ThreadPoolExecutor(len(clients)) as pool:
            list(pool.map(start, clients))
        return time.monotonic() - started
    finally:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda client: client.stop(), clients))
