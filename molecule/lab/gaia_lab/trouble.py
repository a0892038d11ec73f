"""Something is wrong on a host for a while, and how long tests wait until it is so, or well again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from testinfra.host import Host

from gaia_lab.client import HubClient
from gaia_lab.errors import LabError


@contextmanager
def changed(host: Host, command: str, back: str) -> Iterator[None]:
    """A host on which something is wrong meanwhile."""
    host.check_output(command)
    try:
        yield
    finally:
        host.check_output(back)


def until(there: Callable[[], bool], patience: float) -> None:
    """Wait until something is so.

    :param patience: seconds.
    :raises LabError: when it is not by then.
    """
    deadline = time.monotonic() + patience
    while not there():
        if time.monotonic() > deadline:
            raise LabError(f"it is not so after {patience} s")
        time.sleep(0.5)


def restart(host: Host, *clients: HubClient, login: bool = True, patience: float) -> None:
    """Start the hub again; the clients log in again, which shows them the hub's home page, and what is told there."""
    host.check_output("systemctl restart gaia-vre-hub")
    for client in clients:
        until(partial(healthy, client), patience)
        if login:
            client.login()


def ready(client: HubClient) -> bool:
    """Whether the user's session runs."""
    return bool((client.server() or {}).get("ready", False))


def healthy(client: HubClient) -> bool:
    """Whether the hub answers."""
    return bool(client.http.get(f"{client.url}/hub/health", timeout=5).ok)
