"""The lab's conda channel: CPython from Debian's source and wheels from PyPI, made once and cached."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from rattler.index import index_fs

from gaia_lab import conda, cpython, wheels
from gaia_lab.command import run, say
from gaia_lab.paths import cache

DATA = Path(__file__).resolve().parent.parent / "channel"
PINS = ("system.txt", "science.txt", "science-former.txt")
PLATFORMS = ("2_28", "2_27", "2_26", "2_24", "2_17", "2_12", "2_5")


def ensure_channel() -> Path:
    """The channel's folder, made when the cache lacks it or its inputs changed."""
    channel = cache() / "channel"
    channel.mkdir(exist_ok=True)
    inputs = [*(DATA / name for name in PINS), *(Path(m.__file__ or "") for m in (conda, cpython, wheels))]
    stamp = hashlib.sha256(b"".join(path.read_bytes() for path in [*inputs, Path(__file__)])).hexdigest()
    with (cache() / ".channel.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = channel / ".stamp"
        if not done.exists() or done.read_text() != stamp:
            _make(channel)
            done.write_text(stamp)
    return channel


def _make(channel: Path) -> None:
    work = cache() / ".channel-work"
    source = hashlib.sha256((cpython.SCRIPT + cpython.SUITE + Path(conda.__file__).read_text()).encode())
    python = cache() / f"cpython-{source.hexdigest()[:16]}"
    if not python.exists():
        partial = python.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        cpython.build(work / "cpython", partial)
        partial.rename(python)
    say("making conda packages of wheels")
    files = _download(cache() / "wheels")
    for child in channel.iterdir():
        shutil.rmtree(child) if child.is_dir() else child.unlink()
    for folder in ("linux-64", "noarch"):
        (channel / folder).mkdir()
    for package in (python / "linux-64").glob("*.conda"):
        shutil.copy2(package, channel / "linux-64")
    requirements = {}
    for file in files:
        name, _version, requires, _license = wheels.metadata(file)
        requirements[name] = requires
    with ProcessPoolExecutor() as pool:
        jobs = [pool.submit(wheels.convert, file, requirements, work / file.stem, channel) for file in files]
        for job in jobs:
            job.result()
    _write_geo(work / "geo", channel)
    asyncio.run(index_fs(channel))
    shutil.rmtree(work, ignore_errors=True)


def _download(folder: Path) -> list[Path]:
    """The pinned wheels; pip checks their hashes. Files that the pins no longer name are dropped."""
    folder.mkdir(exist_ok=True)
    pip = [str(Path(os.environ["GAIA_VRE_ROOT"]) / "build/uv/bin/python"), "-m", "pip", "--quiet", "download"]
    for pins in PINS:
        run(
            *pip,
            "--no-deps",
            "--require-hashes",
            "--only-binary=:all:",
            "--disable-pip-version-check",
            f"--python-version={wheels.PYTHON}",
            "--implementation=cp",
            f"--abi=cp{wheels.PYTHON.replace('.', '')}",
            "--abi=abi3",
            "--abi=none",
            *(f"--platform=manylinux_{glibc}_x86_64" for glibc in PLATFORMS),
            *(f"--platform=manylinux{year}_x86_64" for year in ("2014", "2010", "1")),
            f"--dest={folder}",
            f"--requirement={DATA / pins}",
        )
    pinned = {
        line.split(" ")[0].replace("==", "-")
        for pins in PINS
        for line in (DATA / pins).read_text().splitlines()
        if "==" in line
    }
    return sorted(f for f in folder.glob("*.whl") if "-".join(wheels.metadata(f)[:2]) in pinned)


def _write_geo(root: Path, channel: Path) -> None:
    """A package with an activation script, as PROJ and GDAL have: its variable must reach the kernel."""
    for name, text in {
        "etc/conda/activate.d/geo-data.sh": 'export GAIA_GEO_DATA="${CONDA_PREFIX}/share/geo-data"\n',
        "etc/conda/deactivate.d/geo-data.sh": "unset GAIA_GEO_DATA\n",
        "share/geo-data/grid.txt": "a grid\n",
    }.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    conda.write_package(conda.Package("geo-data", "1.0", [], subdir="noarch"), root, channel)


if __name__ == "__main__":
    print(ensure_channel())
    sys.exit(0)
