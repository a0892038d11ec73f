"""The centre of a lab, as its admin works on it: what tests that deploy again and again share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from testinfra.host import Host

from gaia_lab.errors import LabError
from gaia_lab.playbook import Played, play


def state() -> Path:
    """The lab's folder; works in ``lab run`` only."""
    return Path(os.environ["GAIA_LAB_STATE"])


def centre() -> Path:
    """The centre's inventory."""
    return state() / "inventory"


def run(
    playbook: str = "deploy",
    variables: Mapping[str, Any] | None = None,
    *,
    hosts: str = "hosts.yml",
    check: bool = False,
    fails: bool = False,
) -> Played:
    """Run a playbook of the collection.

    :param fails: whether it is to fail.
    :raises LabError: when it does otherwise, with the end of what it said.
    """
    done = play(centre(), playbook, variables, hosts, check=check)
    if (done.code != 0) != fails:
        raise LabError(f"{playbook} {'went well' if fails else 'failed'}: {done.text[-4000:]}")
    return done


def processes(host: Host) -> dict[str, str]:
    """The present processes of proxy and hub."""
    names = ("gaia-vre-proxy", "gaia-vre-hub")
    return {name: str(host.service(name).systemd_properties["MainPID"]) for name in names}


def sessions(host: Host) -> set[str]:
    """The containers of sessions."""
    return set(str(host.check_output("docker ps --quiet --no-trunc --filter network=gaia-vre")).split())
