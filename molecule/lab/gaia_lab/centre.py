"""A centre of the lab, as its admin and its users handle it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from testinfra.host import Host

from gaia_lab.client import HubClient
from gaia_lab.errors import LabError
from gaia_lab.playbook import Played, play
from gaia_lab.remote import on
from gaia_lab.session import lab_client

STATE = Path(os.environ.get("GAIA_LAB_STATE", "/nonexistent"))
CENTRE = STATE / "inventory"
OCEAN = "conda-env-ocean-ocean-py"
SHOW = "import json, os, numpy; print(json.dumps([numpy.__version__, os.environ['GAIA_VRE_SESSION']]))"


def older_lock() -> Path:
    """The lock of before the publish, as git would have it."""
    return CENTRE / "vre.lock.older.yml"


@dataclass(frozen=True)
class Centre:
    """A centre of the lab."""

    host: str
    mount_kind: str
    folder: Path
    variables: dict[str, Any] = field(default_factory=dict)

    def play(self, name: str, *arguments: str, older: bool = False, **variables: Any) -> Played:
        """A playbook, with the older lock where that is said.

        :raises LabError: with its last words, when it fails.
        """
        lock = {"vre_lock_file": str(older_lock())} if older else {}
        done = play(self.folder, name, {**self.variables, **lock, **variables}, arguments=arguments)
        if done.code:
            raise LabError(f"{name} ended with {done.code}: {done.text[-5000:]}")
        return done

    def on(self, command: str) -> str:
        """What a command on its host prints."""
        return on(self.host, command)

    def ocean(self) -> dict[str, Any]:
        """What its manifest says about ocean."""
        found: dict[str, Any] = json.loads(self.on("cat /etc/gaia-vre/manifest.json"))["images"]["ocean"]
        return found

    def sessions(self) -> list[str]:
        """Containers that run."""
        return sorted(self.on("docker ps --quiet").split())

    def staged(self) -> set[str]:
        """Digests of all that is staged, in the engine and in the store."""
        listed = self.on("docker image ls --digests --format '{{.Digest}}'; ls /var/lib/gaia-vre-store")
        return {line if line.startswith("sha256:") else f"sha256:{line}" for line in listed.split()}

    def client(self, user: str) -> HubClient:
        """A user who is logged in."""
        client = lab_client(user, url=f"https://{self.host}.example.org")
        client.login()
        return client


def shown(client: HubClient) -> tuple[str, str]:
    """The version of numpy and the digest of ocean in a user's session.

    :raises LabError: when its kernel fails.
    """
    done = client.run(OCEAN, SHOW)
    if done.error:
        raise LabError(done.error)
    numpy, record = json.loads(done.stdout)
    return numpy, json.loads(record)["images"]["ocean"]["digest"]


def copy_with(folder: Path, images: Mapping[str, str]) -> Path:
    """A copy of the lab's centre in ``folder``, lock included, that offers ``images`` (references by name), too."""
    shutil.copytree(CENTRE, folder, dirs_exist_ok=True)
    catalogue = yaml.safe_load((folder / "catalogue.yml").read_text())
    for name, reference in images.items():
        catalogue["images"][name] = {"kind": "business", "reference": reference, "title": {"en": name}}
    (folder / "catalogue.yml").write_text(yaml.safe_dump(catalogue, sort_keys=False))
    settings = folder / "group_vars/vre_hubs/vre.yml"
    variables: dict[str, Any] = yaml.safe_load(settings.read_text())
    variables["vre_offer"]["business"] += list(images)
    settings.write_text(yaml.safe_dump(variables, sort_keys=False))
    return folder


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
    done = play(CENTRE, playbook, variables, hosts, arguments=["--check", "--diff"] if check else [])
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
