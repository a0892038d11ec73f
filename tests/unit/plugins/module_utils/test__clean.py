"""What is needed and what is used. What an engine removes is tested in the lab, with a real one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _clean
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._store.store import Store

PLACE = "registry.example.org/vre/ocean"


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def pin(number: int) -> dict[str, str]:
    return {"reference": f"{PLACE}@{digest(number)}", "digest": digest(number)}


def test_what_manifest_and_lock_name_is_needed(tmp_path: Path) -> None:
    ocean = {"kind": "business", "offered": pin(1), "candidate": pin(2), "retained": [pin(3), pin(4)]}
    lab = {"kind": "system", "offered": pin(6), "candidate": None}
    lock = [{"kind": "business", "reference": f"{PLACE}:2026.3", "digest": digest(5)}]
    oceans, labs = ({f"{PLACE}@{digest(number)}" for number in numbers} for numbers in ((1, 2, 3, 4, 5), (6,)))
    for kind, engine, store in (("image", oceans | labs, set()), ("directory", labs, oceans)):
        content = {"version": 1, "mount_kind": kind, "images": {"ocean": ocean, "lab": lab}}
        (tmp_path / "manifest.json").write_text(json.dumps(content))
        assert _clean.needed(tmp_path / "manifest.json", lock) == _clean.Needed(engine, store)


def test_where_sessions_are_jobs_all_is_in_the_store(tmp_path: Path) -> None:
    images = {
        "ocean": {"kind": "business", "offered": pin(1), "candidate": None},
        "lab": {"kind": "system", "offered": pin(2), "candidate": None},
    }
    for kind in ("squashfs", "directory"):
        content = {"version": 1, "substrate": "batch", "mount_kind": kind, "images": images}
        (tmp_path / "manifest.json").write_text(json.dumps(content))
        expected = {f"{PLACE}@{digest(number)}" for number in (1, 2)}
        assert _clean.needed(tmp_path / "manifest.json", []) == _clean.Needed(set(), expected, kind)


def test_files_that_neither_manifest_nor_job_needs_go(tmp_path: Path) -> None:
    store = Store(tmp_path / "store", "squashfs")
    needed, running, gone = (digest(number).partition(":")[2] for number in (1, 2, 3))
    with store.locked(0):
        for name in (needed, running, gone):
            (store.folder / f"{name}.squashfs").write_bytes(os.urandom(100_000))
            (store.folder / f"{name}.json").write_text("{}")
        for name in (needed, running):  # of former times, when they were unpacked
            (store.folder / name / "d").mkdir(parents=True)
        (store.blobs / "sha256" / needed).write_bytes(b"{}")
        (store.blobs / "sha256" / running).write_bytes(b"{}")
        (store.blobs / "sha256" / gone).write_bytes(os.urandom(50_000))
        keep = _clean.Needed(set(), {f"{PLACE}@{digest(1)}"}, "squashfs")
        told = _clean.clean(store, keep, check=True, jobs=[digest(2)])
        assert (store.folder / f"{gone}.squashfs").exists()
        assert _clean.clean(store, keep, check=False, jobs=[digest(2)]) == told
    assert sorted(told.folders) == sorted(str(store.folder / name) for name in (needed, f"{gone}.squashfs"))
    assert told.folders[str(store.folder / f"{gone}.squashfs")] >= 100_000
    assert told.blobs >= 50_000
    assert sorted(told.in_use) == [str(store.folder / running), str(store.folder / f"{running}.squashfs")]
    left = sorted(path.name for path in store.folder.iterdir())
    assert left == sorted(
        [".lock", "blobs", running, *(f"{name}.{end}" for name in (needed, running) for end in ("json", "squashfs"))]
    )
    assert sorted(path.name for path in (store.blobs / "sha256").iterdir()) == [needed, running]
    with store.locked(0):
        assert _clean.clean(store, keep, check=False, jobs=[]).folders.keys() >= {str(store.folder / running)}


def test_what_another_hub_keeps_stays_and_is_told(tmp_path: Path) -> None:
    store = Store(tmp_path / "store", "squashfs")
    ours, theirs, used, gone = (digest(number).partition(":")[2] for number in (1, 2, 3, 4))
    with store.locked(0):
        for name in (ours, theirs, used, gone):
            (store.folder / f"{name}.squashfs").write_bytes(b"x")
            (store.blobs / "sha256" / name).write_bytes(b"{}")
        keep = _clean.Needed(set(), {f"{PLACE}@{digest(1)}"}, "squashfs")
        others = {"https://b": {ours, theirs, used}, "https://c": {theirs}}
        told = _clean.clean(store, keep, check=False, jobs=[digest(3)], others=others)
    paths = {name: str(store.folder / f"{name}.squashfs") for name in (theirs, used, gone)}
    assert told.kept == {"https://b": [paths[theirs], paths[used]], "https://c": [paths[theirs]]}
    assert (list(told.folders), told.in_use) == ([paths[gone]], [])
    assert {path.name for path in (store.blobs / "sha256").iterdir()} == {ours, theirs, used}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, r"the manifest cannot be read: No such file or directory .* Remedy: run gaia_data\.vre\.deploy first"),
        ("junk", r"it is no JSON: .*, so nothing is removed\. Remedy: run publish first"),
        ('{"version": 1, "images": {"ocean": {}}}', "so nothing is removed"),
    ],
)
def test_without_a_manifest_nothing_is_known(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "manifest.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(VreError, match=words):
        _clean.needed(path, [])


def test_what_containers_stand_on() -> None:
    """As ``docker inspect`` of 26.1 and 28.5 tells it, running or stopped alike."""
    containers: list[dict[str, Any]] = [
        {
            "Image": digest(1),
            "Config": {"Image": "lab"},
            "HostConfig": {
                "Binds": ["gaia-vre-home-alice:/home/vre:rw", "/data:/data:ro"],
                "Mounts": [
                    {"Type": "image", "Source": "ocean", "Target": "/opt/gaia/ocean"},
                    {"Type": "image", "Source": "/var/lib/docker/rootfs/x", "Target": "/opt/gaia/y"},
                    {"Type": "bind", "Source": "/srv/store/abc", "Target": "/opt/gaia/geo"},
                ],
            },
            "Mounts": [{"Type": "volume", "Name": "home", "Source": "/var/lib/docker/volumes/home/_data"}],
        },
        {"Image": digest(2), "Config": {"Image": "other"}, "HostConfig": {"Binds": None}},
    ]
    images, paths = _clean.used(containers)
    assert images == {digest(1), digest(2), "lab", "ocean", "other"}
    assert {"/data", "/srv/store/abc"} <= paths


@pytest.mark.parametrize(
    ("path", "uses"),
    [("/srv/store/abc", True), ("/srv/store/abc/opt/envs", True), ("/srv/store/abcd", False), ("/srv/store", False)],
)
def test_a_folder_in_use(path: str, uses: bool) -> None:
    assert _clean.in_use_below(Path("/srv/store/abc"), [path]) is uses


def test_what_stays_on_nodes() -> None:
    keep = _clean.Needed({f"{PLACE}@{digest(1)}"})
    held = [f"{PLACE}@{digest(number)}" for number in (1, 2, 3)]
    assert _clean.on_nodes(held, keep, {digest(2)}) == (held[:2], held[1:2])


def test_a_manifest_of_a_cluster_that_is_none() -> None:
    with pytest.raises(VreError, match="so nothing is removed"):
        _clean.needed_by("", "ConfigMap gaia-vre", [])
