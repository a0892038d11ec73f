"""Commands on the lab's hosts, and what its registry gave away."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.gaia_data.vre.plugins.module_utils._registry import Registries

BLOB = re.compile(r'"GET /v2/\S+/blobs/(sha256:[0-9a-f]{64}) HTTP/[0-9.]+" 20[06] (\d+) ')


def on(host: str, *command: str, stdin: str | None = None) -> str:
    """What a command on a host of the lab prints, which may be given much to read.

    :raises CalledProcessError: when it fails.
    """
    state = Path(os.environ["GAIA_LAB_STATE"])
    argv = ["ssh", "-F", str(state / "ssh_config"), f"{host}.example.org", *command]
    return subprocess.run(argv, check=True, input=stdin, stdout=subprocess.PIPE, text=True).stdout


@dataclass
class Pulled:
    """What is pulled from the lab's registry from now on."""

    cursor: str

    @classmethod
    def from_now(cls) -> Pulled:
        """Look from here on."""
        shown = on("registry", "journalctl -u docker-registry -n 1 --show-cursor -o cat")
        return cls(shown.rpartition("-- cursor: ")[2].strip())

    def blobs(self) -> list[tuple[str, int]]:
        """Digest and bytes of each blob that went over the wire."""
        log = on("registry", f"journalctl -u docker-registry -o cat --after-cursor='{self.cursor}'")
        return [(digest, int(size)) for digest, size in BLOB.findall(log)]


def changed_bytes(before: str, after: str) -> int:
    """Compressed bytes of what one image has and another one has not: layers, and the config."""
    state = json.loads((Path(os.environ["GAIA_LAB_STATE"]) / "lab.json").read_text())
    login = state["registry"]
    settings = {key: login[key] for key in ("username", "password")} | {"ca_file": state["ca"]}

    def parts(registries: Registries, reference: str) -> dict[str, int]:
        manifest = json.loads(registries.manifest(reference))
        return {part["digest"]: int(part["size"]) for part in [manifest["config"], *manifest["layers"]]}

    with Registries.open({login["host"]: settings}) as registries:
        former = parts(registries, before)
        return sum(size for digest, size in parts(registries, after).items() if digest not in former)
