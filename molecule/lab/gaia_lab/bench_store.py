"""How long an image of 31,000 real files takes from a registry to the store, and others with the same files."""

from __future__ import annotations

import hashlib
import os
import shutil
import statistics
import subprocess
import sysconfig
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.gaia_data.vre.plugins.module_utils import _reference
from ansible_collections.gaia_data.vre.plugins.module_utils._registry import Registries
from ansible_collections.gaia_data.vre.plugins.module_utils._store.store import Store, Wanted
from gaia_lab import small_registry
from gaia_lab.apptainer import USER, apptainer
from gaia_lab.errors import LabError

FILES = 31_000
LAYERS = 4
RUNS = 3
PACK = ("-noappend", "-quiet", "-no-progress", "-comp", "zstd", "-Xcompression-level", "3", "-all-root", "-no-xattrs")


@dataclass(frozen=True)
class Times:
    """Seconds: ours, bare mksquashfs of the unpacked files, and Apptainer's own way; and what it was about."""

    store: float
    mksquashfs: float
    apptainer: float
    megabytes: float


def measure(folder: Path) -> Times:
    """Measure all three, one after the other.

    :param folder: not there yet; on a real disk.
    :raises LabError: when one of them does not get to its end.
    """
    folder.mkdir(parents=True)
    try:
        tree = folder / "tree"
        size = _copy_files(tree)
        (folder / "registry").mkdir()
        with small_registry.running(folder / "registry") as host:
            reference = small_registry.push(f"{host}/vre/big", _layers(tree), folder / "layout")
            bare, ours = [], []
            for _run in range(RUNS):
                bare.append(_seconds(lambda: _mksquashfs(tree, folder / "bare.squashfs")))
                ours.append(_seconds(lambda: _bring(folder / "store", reference)))
            theirs = _seconds(lambda: _apptainer(folder / "apptainer", reference))
        return Times(statistics.median(ours), statistics.median(bare), theirs, size / 1e6)
    finally:
        shutil.rmtree(folder)


def _seconds(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def _copy_files(tree: Path) -> int:
    """Libraries of the development environment, a sample by their names; gives their bytes."""
    source = Path(sysconfig.get_path("purelib"))
    files = [path for path in source.rglob("*") if path.is_file() and not path.is_symlink()]
    files.sort(key=lambda path: hashlib.sha256(str(path.relative_to(source)).encode()).digest())
    if len(files) < FILES:
        raise LabError(f"{source} has {len(files)} files only")
    for path in files[:FILES]:
        target = tree / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return sum(path.stat().st_size for path in files[:FILES])


def _layers(tree: Path) -> list[dict[str, Path]]:
    found: list[dict[str, Path]] = [{} for _layer in range(LAYERS)]
    for number, package in enumerate(sorted(tree.iterdir())):
        paths = [package, *package.rglob("*")] if package.is_dir() else [package]
        found[number % LAYERS].update({path.relative_to(tree).as_posix(): path for path in paths})
    return found


def _mksquashfs(tree: Path, target: Path) -> None:
    subprocess.run(["mksquashfs", str(tree), str(target), *PACK], check=True)


def _bring(folder: Path, reference: str) -> None:
    """What the module does, into an empty store."""
    if folder.exists():
        shutil.rmtree(folder)
    store, images = Store(folder, "squashfs"), [Wanted(_reference.parse(reference, "bench"))]
    settings = {reference.partition("/")[0]: {"plain_http": True}}
    with Registries.open(settings) as registries, store.locked(0):
        found = store.add(registries, images, "linux/amd64", 1)
    if not found.images:
        raise LabError(f"the store did not bring it: {found.problems}")


def _apptainer(share: Path, reference: str) -> None:
    """Its own way from a registry to an image, by an unprivileged user."""
    for folder in (share, share / "cache", share / "tmp"):
        folder.mkdir()
        os.chown(folder, USER, USER)
    done = apptainer(share, "build", "--no-https", str(share / "image.sif"), f"docker://{reference}")
    if done.returncode or not (share / "image.sif").is_file():
        raise LabError(f"apptainer build failed: {done.stderr[-2000:]}")
