"""store_keep as Ansible runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]
PLACE = "registry.example.org/vre/ocean"


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    image = {
        "kind": "business",
        "reference": f"{PLACE}:2",
        "digest": digest(2),
        "platforms": {"linux/amd64": {"digest": digest(2), "size": 1}},
        "mount_path": "/opt/gaia/ocean",
        "environments": {},
    }
    return {
        "store": str(tmp_path / "store"),
        "hub": "gaia-vre-a1b2c3",
        "address": "https://a",
        "manifest": str(tmp_path / "manifest.json"),
        "lock": {"version": 1, "images": {"ocean": image}},
    }


def kept(options: dict[str, Any]) -> Any:
    return json.loads((Path(options["store"]) / "bin" / options["hub"] / "kept.json").read_text())


def test_what_lock_and_manifest_name_is_kept(run_module: Run, options: dict[str, Any]) -> None:
    """First of all there is no manifest; one that is no manifest any more changes nothing of what was kept."""
    assert run_module("store_keep", options, check=True)["changed"]
    assert not Path(options["store"]).exists()
    first = run_module("store_keep", options)
    assert (first["changed"], first["kept"]) == (True, [digest(2)]), first
    assert kept(options) == {"version": 1, "address": "https://a", "images": [digest(2)]}
    assert first["diff"] == {"before": "", "after": f"{digest(2)}\n"}
    pin = {"reference": f"{PLACE}@{digest(1)}", "digest": digest(1)}
    ocean: dict[str, Any] = {"kind": "business", "offered": pin, "candidate": None, "retained": []}
    content = {"version": 1, "substrate": "batch", "mount_kind": "squashfs", "images": {"ocean": ocean}}
    Path(options["manifest"]).write_text(json.dumps(content))
    assert run_module("store_keep", options)["kept"] == [digest(1), digest(2)]
    assert run_module("store_keep", options)["changed"] is False
    Path(options["manifest"]).write_text("junk")
    assert run_module("store_keep", options)["changed"] is False
    assert kept(options)["images"] == [digest(1), digest(2)]


def test_a_file_that_is_junk_is_written_anew(run_module: Run, options: dict[str, Any]) -> None:
    run_module("store_keep", options)
    path = Path(options["store"]) / "bin" / options["hub"] / "kept.json"
    path.write_text("{}")
    assert run_module("store_keep", options)["changed"]
    assert kept(options)["images"] == [digest(2)]
    assert [one.name for one in path.parent.iterdir()] == ["kept.json"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"store": "/"}, "images_store_dir: this cannot be the store's folder"),
        ({"hub": "../../etc"}, "this is no name of a hub"),
        ({"lock": {}}, "no lock of a known version"),
    ],
)
def test_wrong_options(run_module: Run, options: dict[str, Any], changes: dict[str, Any], words: str) -> None:
    assert words in run_module("store_keep", {**options, **changes})["msg"]
    assert not Path(options["store"]).exists()
