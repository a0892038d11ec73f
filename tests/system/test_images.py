"""The example images for real, without a container engine: the system image's files as root file system, the business
images at their places, everything read-only, a foreign user, no network. Namespaces by bubblewrap.

The images come from the lab's cache, or are built here by the factory, over the channel as a folder.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from ansible_collections.gaia_data.vre.plugins.module_utils import _contract
from ansible_collections.gaia_data.vre.plugins.module_utils._build import definition, oci, produce
from ansible_collections.gaia_data.vre.plugins.module_utils._build.debian import Debian
from gaia_lab import images
from gaia_lab.channel import ensure_channel
from gaia_lab.paths import cache

PROBE = Path(__file__).with_name("image_probe.py")
FOREIGN = 12345
CODE = """
import argparse, importlib.metadata, json, os, sys
versions = {}
for name in ("numpy", "xarray"):
    try:
        __import__(name)
        versions[name] = importlib.metadata.version(name)
    except ImportError:
        pass
import bz2, ctypes, curses, lzma, readline, sqlite3, ssl, uuid, zlib, hashlib
print(json.dumps({
    "prefix": sys.prefix, "versions": versions, "geo": os.environ.get("GAIA_GEO_DATA"),
    "grid": os.path.isfile(os.environ.get("GAIA_GEO_DATA", "") + "/grid.txt"),
    "conda": os.environ["CONDA_PREFIX"], "path": os.environ["PATH"].split(":")[0],
    "cached": [m.__cached__ for m in (json, argparse) if not os.path.isfile(m.__cached__)],
}))
"""


def build(reference: str, layout: Path, work: Path) -> Path:
    """One of the lab's images as an OCI layout; nothing is built when ``layout`` is what would be built.

    :param work: holds downloaded packages.
    """
    folder = images.definitions()[reference]
    kind = definition.load(folder).kind
    params = {
        "folder": str(folder),
        "reference": None,
        "layout": str(layout),
        "channels": [ensure_channel().as_uri()],
        "platform": "linux/amd64",
        "cache_dir": str(work),
        "authfile": None,
    }
    base = Debian("forky", "", ('Acquire::Check-Valid-Until "false"',)) if kind == "system" else None
    produce.produce(kind, params, {}, False, base)
    return layout


def unpack(layout: Path, target: Path) -> Path:
    """What a runtime makes of an image's layers."""
    digest = oci.labels_of(layout)[0]
    manifest = json.loads((layout / "blobs" / digest.replace(":", "/")).read_text())
    for layer in manifest["layers"]:
        with (layout / "blobs" / layer["digest"].replace(":", "/")).open("rb") as file:
            stream = zstandard.ZstdDecompressor().stream_reader(file)
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                archive.extractall(target, filter="fully_trusted")  # noqa: S202 - our own image
    return target


@pytest.fixture(scope="module")
def work() -> Iterator[Path]:
    """A folder that foreign users may enter, unlike pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="gaia-vre-images-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def layouts() -> dict[str, Path]:
    names = ["lab:2026.11", "ocean:2026.1", "atmosphere:2026.1", "biodiversity:2026.1", "geo:2026.1"]
    names += ["hub:2026.11", "proxy:2026.11", "store:2026.11"]
    references = {name.split(":")[0]: f"{images.REGISTRY}/vre/{name}" for name in names}
    return {name: build(found, images.layout_of(found), cache() / "build") for name, found in references.items()}


@pytest.fixture(scope="module")
def roots(layouts: dict[str, Path], work: Path) -> dict[str, Path]:
    return {name: unpack(layout, work / name) for name, layout in layouts.items()}


def session(roots: dict[str, Path], work: Path, chosen: list[str], code: str | None, home: bool) -> dict[str, Any]:
    """What the probe says in a session with ``chosen`` images, as a foreign user."""
    user = FOREIGN if os.getuid() == 0 else None
    probe = work / "probe.py"
    shutil.copy(PROBE, probe)
    probe.chmod(0o644)
    mounts = [word for name in chosen for word in ("--ro-bind", str(roots[name]), _contract.mount_path(name))]
    variables = {
        "PATH": "/opt/conda/bin:/usr/bin:/bin",
        "HOME": "/home/vre",
        "LANG": "C.UTF-8",
        "CONDA_ENVS_PATH": ":".join(f"{_contract.mount_path(name)}/envs" for name in chosen),
        "CONDA_REGISTER_ENVS": "false",
        **({} if home else {"JUPYTER_RUNTIME_DIR": "/tmp/runtime"}),
    }
    argv = [
        "bwrap", "--ro-bind", str(roots["lab"]), "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
        "--tmpfs", _contract.MOUNT_ROOT, *mounts, "--remount-ro", _contract.MOUNT_ROOT,
        *(("--tmpfs", "/home/vre") if home else ()), "--ro-bind", str(probe), "/tmp/probe.py",
        "--unshare-all", "--die-with-parent", "--clearenv",
        *(word for pair in variables.items() for word in ("--setenv", *pair)),
        "--chdir", "/tmp", "/opt/conda/bin/python", "/tmp/probe.py", "90", *([code] if code else []),
    ]  # fmt: skip
    extra: dict[str, Any] = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300, **extra)
    lines = [line for line in done.stdout.splitlines() if line.startswith("PROBE ")]
    assert lines, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    found: dict[str, Any] = json.loads(lines[0].removeprefix("PROBE "))
    return {**found, "log": done.stderr}


def test_kernels_of_all_images_run_in_one_session(roots: dict[str, Path], work: Path) -> None:
    found = session(roots, work, ["ocean", "atmosphere", "biodiversity", "geo"], CODE, home=True)
    assert found["kernels"] == {
        "conda-env-atmosphere-atmosphere-py": "Python 3 [atmosphere]",
        "conda-env-biodiversity-species-py": "Python 3 [biodiversity: species]",
        "conda-env-biodiversity-traits-py": "Python 3 [biodiversity: traits]",
        "conda-env-geo-geo-py": "Python 3 [geo]",
        "conda-env-ocean-ocean-py": "Python 3 [ocean]",
    }
    assert found["writable"] == []
    assert found["logo"]
    said = {}
    for name, ran in found["ran"].items():
        assert ran["error"] is None, f"{name}: {ran['error']}"
        said[name] = ran["said"]
        prefix = ran["said"]["prefix"]
        assert (ran["said"]["conda"], ran["said"]["path"]) == (prefix, f"{prefix}/bin")
        assert ran["said"]["cached"] == [], "modules have no bytecode where Python looks for it"
    ocean, atmosphere = (said[f"conda-env-{name}-{name}-py"] for name in ("ocean", "atmosphere"))
    assert ocean["prefix"] == "/opt/gaia/ocean/envs/ocean"
    assert ocean["versions"]["numpy"].startswith("2.3.")
    assert atmosphere["versions"]["numpy"].startswith("2.5.")
    assert "xarray" in said["conda-env-biodiversity-species-py"]["versions"]
    assert "xarray" not in said["conda-env-biodiversity-traits-py"]["versions"]
    assert (said["conda-env-geo-geo-py"]["geo"], said["conda-env-geo-geo-py"]["grid"]) == (
        "/opt/gaia/geo/envs/geo/share/geo-data",
        True,
    )
    assert ocean["geo"] is None
    times = {"start": found["start_seconds"], "list": found["list_seconds"]}
    times |= {name: ran["seconds"] for name, ran in found["ran"].items()}
    print("seconds:", {name: round(value, 2) for name, value in times.items()})
    assert found["list_seconds"] < 1, "the machine is slow, or kernels are looked for at the first listing"


def test_a_read_only_home_hides_no_kernel(roots: dict[str, Path], work: Path) -> None:
    found = session(roots, work, ["ocean"], None, home=False)
    assert list(found["kernels"]) == ["conda-env-ocean-ocean-py"]
    assert found["uid"] == (FOREIGN if os.getuid() == 0 else os.getuid())


def test_without_images_only_the_system_images_own_kernel_is_there(roots: dict[str, Path], work: Path) -> None:
    assert session(roots, work, [], None, home=True)["kernels"] == {}


def test_labels_say_what_is_in_the_images(layouts: dict[str, Path], roots: dict[str, Path]) -> None:
    for name in ("ocean", "atmosphere", "biodiversity", "geo"):
        contract = _contract.parse(oci.labels_of(layouts[name])[1])
        assert contract.mount_path == _contract.mount_path(name)
        for environment, entry in contract.environments.items():
            prefix = roots[name] / "envs" / environment
            assert (prefix / "conda-meta/history").stat().st_size
            assert (prefix / "conda-meta/frozen").is_file()
            kernels = sorted(p.parent.name for p in prefix.glob("share/jupyter/kernels/*/kernel.json"))
            assert list(entry["kernels"]) == kernels
        assert not (roots[name] / "opt").exists(), "the root of a business image is what is mounted"
    assert _contract.parse(oci.labels_of(layouts["lab"])[1]).kind == "system"


def test_environments_of_one_image_share_their_files(roots: dict[str, Path]) -> None:
    envs = roots["biodiversity"] / "envs"
    species, traits = (envs / name / "lib/python3.13/json/__init__.py" for name in ("species", "traits"))
    assert species.samefile(traits)


@pytest.mark.parametrize("name", ["lab", "ocean", "biodiversity", "hub", "proxy", "store"])
def test_nothing_in_an_image_gains_rights_or_names_the_builder(roots: dict[str, Path], name: str) -> None:
    builder = [str(cache()).encode(), b"/.build-"]
    for folder, folders, files in os.walk(roots[name]):
        for entry in (*folders, *files):
            path = Path(folder) / entry
            mode = path.lstat().st_mode
            assert not mode & (stat.S_ISUID | stat.S_ISGID), path
            assert stat.S_ISLNK(mode) or mode & stat.S_ISVTX or not mode & stat.S_IWOTH, path
            if stat.S_ISREG(mode) and (path.suffix in (".json", ".pyc", ".sh", ".py") or path.parent.name == "bin"):
                data = path.read_bytes()
                assert not any(text in data for text in builder), path


def test_the_system_image_is_small_and_starts_what_it_promises(
    layouts: dict[str, Path], roots: dict[str, Path]
) -> None:
    digest, _labels = oci.labels_of(layouts["lab"])
    manifest = json.loads((layouts["lab"] / "blobs" / digest.replace(":", "/")).read_text())
    megabytes = sum(layer["size"] for layer in manifest["layers"]) / 1e6
    config = json.loads((layouts["lab"] / "blobs" / manifest["config"]["digest"].replace(":", "/")).read_text())[
        "config"
    ]
    print(f"system image: {megabytes:.0f} MB compressed, {len(manifest['layers'])} layers")
    assert megabytes < 140
    assert (config["Entrypoint"], config["Cmd"], config["User"]) == (
        ["tini", "-g", "--"],
        ["jupyterhub-singleuser"],
        "1000",
    )
    for program in ("jupyterhub-singleuser", "batchspawner-singleuser", "jupyter-lab"):
        assert os.access(roots["lab"] / "opt/conda/bin" / program, os.X_OK)
    assert not list((roots["lab"] / "opt/gaia").iterdir())


STORE = "import ansible_collections.gaia_data.vre.plugins.module_utils._store.store as s; print(s.Store.__name__)"


@pytest.mark.parametrize(
    ("name", "argv", "said"),
    [
        ("hub", ["jupyterhub", "--version"], "6."),
        ("hub", ["python", "-c", "import jupyterhub_idle_culler, kubespawner; print(kubespawner.__version__)"], "7."),
        ("proxy", ["configurable-http-proxy", "--version"], "4."),
        ("store", ["python3", "-c", STORE], "Store"),
        ("store", ["skopeo", "--version"], "skopeo version 1."),
        ("store", ["zstd", "--version"], "*** Zstandard CLI"),
    ],
)
def test_what_runs_on_a_cluster_runs_as_any_user(
    layouts: dict[str, Path], roots: dict[str, Path], name: str, argv: list[str], said: str
) -> None:
    digest = oci.labels_of(layouts[name])[0]
    manifest = json.loads((layouts[name] / "blobs" / digest.replace(":", "/")).read_text())
    config = json.loads((layouts[name] / "blobs" / manifest["config"]["digest"].replace(":", "/")).read_text())
    variables = [word for pair in config["config"]["Env"] for word in ("--setenv", *pair.split("=", 1))]
    command = [
        "bwrap", "--ro-bind", str(roots[name]), "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
        "--unshare-all", "--die-with-parent", "--clearenv", *variables, "--", *argv,
    ]  # fmt: skip
    extra: dict[str, Any] = {"user": FOREIGN, "group": 0, "extra_groups": []} if os.getuid() == 0 else {}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **extra)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith(said)


def test_two_builders_give_one_digest(tmp_path: Path) -> None:
    reference = f"{images.REGISTRY}/vre/geo:2026.1"
    warm = build(reference, tmp_path / "warm", cache() / "build")
    cold = build(reference, tmp_path / "cold", tmp_path / "cache")
    assert oci.labels_of(warm)[0] == oci.labels_of(cold)[0]
