"""A small real hub of tests/system on this machine: the proxy's program, free ports, something on offer."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from gaia_lab.client import HubClient
from gaia_lab.errors import LabError
from gaia_lab.paths import cache

ROOT = Path(__file__).resolve().parents[3]
CENTRE = ROOT / "tests/system/centre"
HTML = '<b>"Wind" & {{ 7 * 7 }}</b>'


def npm_packages(source: Path) -> Path:
    """The node_modules that ``package-lock.json`` in ``source`` names, installed once in the cache."""
    lock = (source / "package-lock.json").read_bytes()
    folder = cache() / f"node-{source.name}-{hashlib.sha256(lock).hexdigest()[:16]}"
    done = folder / "node_modules/.package-lock.json"  # npm writes it last
    folder.mkdir(exist_ok=True)
    with (folder / ".lock").open("w") as mine:
        fcntl.flock(mine, fcntl.LOCK_EX)
        if not done.exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(source / name, folder)
            subprocess.run(["npm", "ci", "--omit=dev", "--no-audit", "--no-fund"], cwd=folder, check=True)
    return folder / "node_modules"


def proxy_program() -> Path:
    """configurable-http-proxy as the role installs it."""
    return npm_packages(ROOT / "roles/hub/files/proxy") / ".bin/configurable-http-proxy"


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody uses now."""
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in taken]
    for s in taken:
        s.close()
    return ports


@dataclass
class Hub:
    """A running hub."""

    url: str
    folder: Path
    password: str

    def user(self, name: str, language: str = "en") -> HubClient:
        """Somebody who is logged in."""
        client = HubClient(self.url, name, self.password, language=language)
        client.login()
        return client

    def offer(self, data: dict[str, Any] | str) -> None:
        """Put a manifest in place as the module does: written aside, then renamed."""
        self.write("manifest.json", data)

    def write(self, name: str, data: dict[str, Any] | str) -> None:
        """The same for a file beside the manifest."""
        aside = self.folder / f"{name}.new"
        aside.write_text(data if isinstance(data, str) else json.dumps(data))
        aside.rename(self.folder / name)

    @property
    def log(self) -> str:
        """What the hub has said so far."""
        return (self.folder / "hub.log").read_text(errors="replace")


@contextmanager
def running(folder: Path, spawner: str) -> Iterator[Hub]:
    """A hub of tests/system/centre with its proxy, both ended with the block.

    :param spawner: ``session`` for local processes with DockerSpawner's settings, ``docker`` for no engine at all.
    """
    public, internal, api = free_ports(3)
    hub = Hub(f"http://127.0.0.1:{public}", folder, secrets.token_urlsafe(16))
    hub.offer(manifest())
    environment = {
        **os.environ,
        "TEST_HUB": str(folder),
        "TEST_HUB_URL": f"{hub.url}/",
        "TEST_HUB_INTERNAL": f"http://127.0.0.1:{internal}",
        "TEST_PROXY_API": f"http://127.0.0.1:{api}",
        "TEST_CHP": str(proxy_program()),
        "TEST_PASSWORD": hub.password,
        "TEST_SPAWNER": spawner,
        "DOCKER_HOST": f"unix://{folder}/no-engine.sock",
    }
    with (folder / "hub.log").open("wb") as log:
        process = subprocess.Popen(
            ["jupyterhub", "-f", CENTRE / "jupyterhub_config.py"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + 60
        while True:
            if process.poll() is not None or time.monotonic() > end:
                raise LabError(f"the hub did not start: {hub.log[-4000:]}")
            try:
                if requests.get(f"{hub.url}/hub/health", timeout=5).ok:
                    break
            except requests.ConnectionError:
                pass
            time.sleep(0.2)
        yield hub
        if process.poll() is not None:
            raise LabError(f"the hub ended in the middle: {hub.log[-4000:]}")
    finally:
        proxy = folder / "proxy.pid"
        group = int(proxy.read_text()) if proxy.exists() else 0
        process.terminate()  # takes sessions along, and what it started as the proxy
        process.wait(30)
        if group:  # node may be a script that starts node, which stays
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGTERM)


def pin(name: str, number: int, *, system: bool = False) -> dict[str, Any]:
    """One version of an image, as a manifest has it."""
    digest = f"sha256:{number:064x}"
    reference = f"registry.example.org/vre/{name}@{digest}"
    common = {
        "reference": reference,
        "tag": f"registry.example.org/vre/{name}:{number}",
        "digest": digest,
        "version": f"2026.{number}",
        "size": 41_000_000,
    }
    if system:
        return {**common, "launch": {"image": reference}}
    kernels = {"python3": {"language": "python", "display_name": "Python 3 (ipykernel)"}}
    return {
        **common,
        "environments": {name: {"kernels": kernels, "packages": {"python": "3.13.5", "numpy": "2.1.0"}}},
        "envs_dir": f"/opt/gaia/{name}/envs",
        "mount": {"Type": "image", "Source": reference, "Target": f"/opt/gaia/{name}", "ReadOnly": True},
    }


def manifest() -> dict[str, Any]:
    """Ocean is the oceanographers', geo is not offered yet, atmosphere's title is hostile."""

    def image(title: str, french: str, offered: Any, **more: Any) -> dict[str, Any]:
        kind = "system" if offered and "launch" in offered else "business"
        return {"kind": kind, "title": {"en": title, "fr": french}, "offered": offered, "candidate": None, **more}

    return {
        "version": 1,
        "centre": {"name": "example", "title": {"en": "Example"}},
        "substrate": "docker",
        "mount_kind": "image",
        "check": {"user": "gaia-vre-check"},
        "free_choice": True,
        "images": {
            "lab": image("JupyterLab", "JupyterLab", pin("lab", 1, system=True)),
            "ocean": image(
                "Ocean modelling",
                "Modélisation océanique",
                pin("ocean", 1),
                groups=["oceanographers"],
                candidate=pin("ocean", 2),
                description={"en": "CROCO and its tools", "fr": "CROCO et ses outils"},
                documentation="https://docs.example.org/ocean",
            ),
            "atmosphere": image(HTML, "Vents", pin("atmosphere", 1), documentation="javascript:alert(1)"),
            "geo": image("Geography", "Géographie", None, candidate=pin("geo", 1)),
        },
        "compositions": {
            "coastal": {
                "title": {"en": "Coastal studies", "fr": "Études côtières"},
                "description": {"en": "Sea and air together", "fr": "La mer et l'air ensemble"},
                "system": "lab",
                "business": ["atmosphere", "ocean"],
                "resources": "large",
            },
            "shore": {"title": {"en": "Shoreline"}, "system": "lab", "business": ["atmosphere"], "groups": ["coast"]},
        },
        "resources": {
            "small": {"title": {"en": "Small", "fr": "Petit"}, "cpu": 1.0, "memory": 2 << 30},
            "large": {"title": {"en": "Large", "fr": "Grand"}, "cpu": 4.0, "memory": 8 << 30},
        },
    }


def seen(client: HubClient) -> dict[str, Any]:
    """The environment of the user's session, through the proxy; then the session is stopped."""
    client.wait_ready()
    found: dict[str, Any] = client.http.get(f"{client.url}{client.session_path}env", timeout=30).json()
    client.stop()
    return found


def error(page: str) -> str:
    """The refusal on a page, as HTML."""
    found = re.search(r'class="spawn-error-msg[^>]*>(.*?)</p>', page, re.DOTALL)
    assert found, page[:3000]
    return found[1].strip()


def nothing_started(client: HubClient) -> None:
    """No record of a server, ready or pending; and the page is there for another try."""
    assert client.server() is None
    assert 'name="choice"' in client.launch_page()
