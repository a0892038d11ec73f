"""What a hub of a test on this machine needs: the proxy's program, free ports, something on offer."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

from gaia_lab.paths import cache

ROOT = Path(__file__).resolve().parents[3]
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
