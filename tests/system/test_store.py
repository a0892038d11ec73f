"""The store with a real registry, mksquashfs and Apptainer, without a lab: what may happen to it, for any user."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gaia_lab import small_registry
from gaia_lab.apptainer import USER, apptainer
from gaia_lab.base import ensure_base

FORMS = ("squashfs", "directory")
MODULE = "ansible_collections.gaia_data.vre.plugins.modules.image_store"
PROGRAMS = ("dash", "ls", "cat", "id")
MEGABYTES = 60


@pytest.fixture(scope="module")
def work() -> Iterator[Path]:
    """A folder that other users may enter, unlike pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="gaia-vre-store-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def registry(work: Path) -> Iterator[str]:
    (work / "registry").mkdir()
    with small_registry.running(work / "registry") as host:
        yield host


@pytest.fixture(scope="module")
def ocean(registry: str, work: Path) -> str:
    """An image that takes a second or two; in its second layer a file takes the place of one of the first."""
    source = work / "ocean"
    (source / "d").mkdir(parents=True)
    for number in range(MEGABYTES):
        (source / f"d/{number:03}").write_bytes(os.urandom(500_000) + b"gaia " * 100_000)
    (source / "new").write_text("of the second layer")
    first = {f"d/{path.name}": path for path in (source / "d").iterdir()}
    second = {"d/000": source / "new", "envs/python": source / "new"}
    return small_registry.push(f"{registry}/vre/ocean", [first, second], work / "ocean.layout")


@pytest.fixture(scope="module")
def system(registry: str, work: Path) -> str:
    """A system image of a few programs, with the folders that Apptainer mounts to."""
    base, root = ensure_base("batch"), work / "system"
    library = root / "usr/lib/x86_64-linux-gnu"
    for folder in (
        library,
        root / "usr/bin",
        *(root / name for name in ("dev", "proc", "sys", "tmp", "var/tmp", "etc")),
    ):
        folder.mkdir(parents=True)
    for program in PROGRAMS:
        shutil.copy(base / "usr/bin" / program, root / "usr/bin")
    (root / "usr/bin/dash").chmod(0o4755)
    for name in ("libc.so.6", "libselinux.so.1", "libpcre2-8.so.0", "libcap.so.2"):
        shutil.copy(base / "usr/lib/x86_64-linux-gnu" / name, library)
    (root / "lib64").mkdir()
    shutil.copy(base / "lib64/ld-linux-x86-64.so.2", root / "lib64")
    for name in ("bin", "lib"):
        (root / name).symlink_to(f"usr/{name}")
    paths = {path.relative_to(root).as_posix(): path for path in root.rglob("*")}
    return small_registry.push(f"{registry}/vre/system", [paths], work / "system.layout")


def command(store: Path, form: str, *references: str, before: tuple[str, ...] = ()) -> list[str]:
    """The module as Ansible starts it on a host, as a service's account."""
    host = references[0].partition("/")[0]
    options = {
        "store": str(store),
        "format": form,
        "images": [{"reference": reference} for reference in references],
        "registries": {host: {"plain_http": True}},
        "timeout": 60,
    }
    # It may read everything, as this checkout may be in root's home; what it may write is any user's.
    user = ("setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups", "--inh-caps", "+dac_read_search",
            "--ambient-caps", "+dac_read_search") if os.getuid() == 0 else ()  # fmt: skip
    arguments = store.with_suffix(".arguments")
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {**options, "_ansible_remote_tmp": str(store.parent)}}))
    return ["sh", "-c", 'umask 077; exec "$@"', "sh", *before, *user, sys.executable, "-m", MODULE, str(arguments)]


def result(process: subprocess.Popen[str]) -> dict[str, Any]:
    told, said = process.communicate()
    assert told.strip().startswith("{"), said
    found: dict[str, Any] = json.loads(told)
    return found


def start(argv: list[str]) -> subprocess.Popen[str]:
    environment = {**os.environ, "HOME": "/nonexistent", "TMPDIR": "/tmp"}
    return subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )


def bring(store: Path, form: str, *references: str, before: tuple[str, ...] = ()) -> dict[str, Any]:
    return result(start(command(store, form, *references, before=before)))


@pytest.fixture
def store(work: Path) -> Iterator[Path]:
    """A store to be, in a folder of the service's account."""
    home = Path(tempfile.mkdtemp(dir=work))
    home.chmod(0o755)
    os.chown(home, USER if os.getuid() == 0 else -1, -1)
    yield home / "store"
    shutil.rmtree(home, ignore_errors=True)  # a program of a play that was killed may still be at its end


def entry(store: Path, reference: str, form: str = "squashfs") -> Path:
    return store / (reference.partition("@sha256:")[2] + {"squashfs": ".squashfs", "directory": ""}[form])


def names(store: Path) -> list[str]:
    return sorted(path.name for path in store.iterdir())


def unpacked(path: Path, target: Path) -> Path:
    """The files of an entry."""
    if path.is_dir():
        return path
    subprocess.run(["unsquashfs", "-quiet", "-no-progress", "-dest", target, path], check=True)
    return target


@pytest.mark.parametrize("form", FORMS)
def test_an_image_comes_for_everybody_to_read(store: Path, ocean: str, work: Path, tmp_path: Path, form: str) -> None:
    told = bring(store, form, ocean)
    assert (told["changed"], told["brought"]) == (True, [ocean])
    path = entry(store, ocean, form)
    root = unpacked(path, tmp_path / "root")
    expected = {f"d/{file.name}": file.read_bytes() for file in (work / "ocean/d").iterdir()}
    expected |= dict.fromkeys(("d/000", "envs/python"), b"of the second layer")
    assert {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()} == expected
    owned = [store, path, *path.rglob("*")]
    assert {one.stat().st_uid for one in owned} == {USER if os.getuid() == 0 else os.getuid()}
    assert {one.stat().st_mode & 0o7777 for one in owned if one.is_dir()} == {0o755}
    assert {one.stat().st_mode & 0o7777 for one in owned if one.is_file()} == {0o644}
    assert bring(store, form, ocean)["changed"] is False


def test_the_same_bytes_wherever_it_is_brought(store: Path, ocean: str) -> None:
    bring(store, "squashfs", ocean)
    other = store.with_name("other")
    time.sleep(1.1)
    bring(other, "squashfs", ocean, before=("taskset", "--cpu-list", "0"))
    assert entry(store, ocean).read_bytes() == entry(other, ocean).read_bytes()
    record = json.loads(entry(store, ocean).with_suffix(".json").read_text())
    sum_of = subprocess.run(["sha256sum", entry(store, ocean)], capture_output=True, text=True, check=True).stdout
    assert (record["size"], record["sha256"]) == (entry(store, ocean).stat().st_size, sum_of.split()[0])


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 4096)


def replace(path: Path) -> None:
    size = path.stat().st_size
    path.unlink()
    path.write_bytes(bytes(size))


def flip(path: Path) -> None:
    """One bit, with the time of change that it had."""
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(1_000_000)
        byte = file.read(1)[0]
        file.seek(1_000_000)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def forget(path: Path) -> None:
    path.with_suffix(".json").unlink()


@pytest.mark.parametrize("harm", [cut, replace, flip, forget, Path.unlink])
def test_a_file_that_is_not_what_was_written_is_made_again(store: Path, ocean: str, harm: Any) -> None:
    bring(store, "squashfs", ocean)
    before, blobs = entry(store, ocean).read_bytes(), blob_inodes(store)
    harm(entry(store, ocean))
    told = bring(store, "squashfs", ocean)
    assert told["brought"] == [ocean], told
    assert entry(store, ocean).read_bytes() == before
    assert blob_inodes(store) == blobs, "nothing was fetched again"
    assert bring(store, "squashfs", ocean)["changed"] is False


def blob_inodes(store: Path) -> dict[str, int]:
    """Layers of the store; manifests are small and are written again."""
    blobs = (store / "blobs/sha256").glob("*")
    return {path.name: path.stat().st_ino for path in blobs if path.stat().st_size > 1000}


def test_a_file_that_was_only_touched_is_read_once(store: Path, ocean: str) -> None:
    bring(store, "squashfs", ocean)
    path = entry(store, ocean)
    os.utime(path)
    told = bring(store, "squashfs", ocean)
    assert (told["changed"], told["brought"]) == (False, [])
    assert json.loads(path.with_suffix(".json").read_text())["changed"] == path.stat().st_ctime_ns


@pytest.mark.parametrize("form", FORMS)
def test_a_play_that_is_killed_goes_on_where_it_was(store: Path, ocean: str, form: str) -> None:
    process = start(command(store, form, ocean))
    end = time.monotonic() + 30
    while not (list(store.glob(".partial-*/image*")) and blob_inodes(store)) and time.monotonic() < end:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not entry(store, ocean, form).exists()
    assert list(store.glob(".partial-*"))
    blobs = blob_inodes(store)
    assert bring(store, form, ocean)["brought"] == [ocean]
    assert not list(store.glob(".partial-*"))
    assert blobs.items() <= blob_inodes(store).items(), "what was there was not fetched again"


def test_two_plays_at_once_do_the_work_once(store: Path, ocean: str) -> None:
    both = [start(command(store, "squashfs", ocean)) for _play in range(2)]
    told = [result(process) for process in both]
    assert sorted(one["brought"] for one in told) == [[], [ocean]], told
    path = entry(store, ocean)
    assert names(store) == sorted([".lock", path.with_suffix(".json").name, path.name, "blobs"])


@pytest.fixture
def small(store: Path) -> Iterator[Path]:
    """A disk of 45 MB, which holds the layers of ocean and not its file."""
    disk = store.parent / "disk"
    disk.mkdir()
    own = f"size=45M,mode=755,uid={USER}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", own, "small", disk], check=True)
    yield disk / "store"
    subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("form", FORMS)
def test_a_full_disk_leaves_nothing_half_written(small: Path, ocean: str, form: str) -> None:
    told = bring(small, form, ocean)
    assert told["msg"].startswith("images_store_dir: the disk of the store is full (got "), told
    assert names(small) == [".lock", "blobs"]


def test_a_disk_that_is_read_only(small: Path, ocean: str) -> None:
    argv = command(small, "squashfs", ocean)
    subprocess.run(["mount", "-o", "remount,ro", small.parent], check=True)
    told = result(start(argv))
    assert "images_store_dir: the store cannot be written: Read-only file system" in told["msg"]


def test_a_folder_of_somebody_else(store: Path, ocean: str) -> None:
    argv = command(store, "squashfs", ocean)
    store.mkdir()
    store.chmod(0o755)
    told = result(start(argv))
    assert "the store cannot be written: Permission denied" in told["msg"]
    assert "Remedy: use a folder that this user can write to" in told["msg"]


@pytest.mark.parametrize("form", FORMS)
def test_apptainer_runs_and_binds_what_is_brought(store: Path, system: str, ocean: str, form: str) -> None:
    told = bring(store, form, system, ocean)
    assert told["changed"], told
    image, bound = entry(store, system, form), entry(store, ocean, form)
    source = ":ro,image-src=/" if form == "squashfs" else ":ro"
    words = ["exec", "--containall", "--no-home", "--bind", f"{bound}:/opt/gaia/ocean{source}", str(image)]
    done = apptainer(store, *words, "dash", "-c", "id -u; cat /opt/gaia/ocean/envs/python; ls -l /usr/bin/dash; ls /")
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    assert lines[0] == str(USER)
    assert lines[1].startswith("of the second layer")
    assert lines[1].endswith("dash")
    assert "rwxr-xr-x" in lines[1], "nothing is setuid"
    assert {"dev", "proc", "sys", "tmp"} <= set(lines[2:])
