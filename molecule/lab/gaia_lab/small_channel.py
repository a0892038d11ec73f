"""A conda channel of a few kilobytes for unit tests: a Python that is the test's own, a kernel, a library."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from pathlib import Path

from rattler.index import index_fs

from gaia_lab.conda import PLACEHOLDER, Package, write_package

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
SITE = f"lib/python{PYTHON}/site-packages"
# The sandbox hides /tmp and /opt, so this must lie elsewhere; a virtual environment's Python would look for its own.
BASE_PYTHON = Path(sys.base_prefix) / "bin" / f"python{PYTHON}"
KERNEL = {"argv": ["python", "-m", "kernel"], "display_name": "Python 3 (ipykernel)", "language": "python"}


def add(channel: Path, package: Package, files: dict[str, str], executable: tuple[str, ...] = ()) -> None:
    """Add a package; call ``index`` afterwards."""
    root = channel.parent / f".{package.name}-{package.version}"
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755 if name in executable else 0o644)
    write_package(package, root, channel)
    shutil.rmtree(root)


def index(channel: Path) -> str:
    """Index the channel; gives its URL."""
    asyncio.run(index_fs(channel))
    return channel.as_uri()


def make(channel: Path) -> str:
    """The channel; gives its URL."""
    python = f'#!/bin/sh\nexec {BASE_PYTHON} "$@"\n'
    files = {"bin/python": python, f"lib/python{PYTHON}/standard.py": "A = 1\n", "share/prefix.txt": PLACEHOLDER}
    add(channel, Package("python", f"{PYTHON}.1", []), files, ("bin/python",))
    kernel = {"share/jupyter/kernels/python3/kernel.json": json.dumps(KERNEL), f"{SITE}/kernel.py": "import standard\n"}
    add(channel, Package("kernel", "1.0", ["python"]), kernel)
    # A file that is no Python of this version must not stop a build.
    add(
        channel,
        Package("library", "1.0", ["python"]),
        {f"{SITE}/library.py": "B = {1, 2}\n", f"{SITE}/old.py": "print 1\n"},
    )
    add(channel, Package("plain", "1.0", [], subdir="noarch"), {"share/plain.txt": "plain\n"})
    return index(channel)
