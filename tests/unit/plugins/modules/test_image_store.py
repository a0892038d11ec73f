"""image_store as Ansible runs it: what it refuses, and what it does without a registry."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils._store import squashfs

Run = Callable[..., dict[str, Any]]
REFERENCE = f"localhost:1/vre/ocean@sha256:{'a' * 64}"


def test_check_mode_tells_what_would_be_brought_and_makes_nothing(run_module: Run, tmp_path: Path) -> None:
    options = {"store": str(tmp_path / "store"), "images": [{"reference": REFERENCE}]}
    result = run_module("image_store", options, check=True)
    assert (result["changed"], result["brought"]) == (True, [REFERENCE])
    assert not (tmp_path / "store").exists()


def test_what_is_there_is_left_alone(run_module: Run, tmp_path: Path) -> None:
    (tmp_path / ("a" * 64)).mkdir()
    result = run_module("image_store", {"store": str(tmp_path), "images": [{"reference": REFERENCE}]})
    assert (result["changed"], result["brought"]) == (False, [])


def test_a_folder_that_is_not_in_an_image_holds_no_other(run_module: Run, tmp_path: Path) -> None:
    (tmp_path / ("a" * 64) / "envs").mkdir(parents=True)
    (tmp_path / ("b" * 64)).mkdir()
    other = REFERENCE.replace("a" * 64, "b" * 64)
    images = [{"reference": REFERENCE, "subpath": "envs"}, {"reference": other, "subpath": "envs"}]
    result = run_module("image_store", {"store": str(tmp_path), "images": images})
    assert result["failed"]
    assert [problem["image"] for problem in result["problems"]] == [other]
    assert "Remedy: correct subpath in the catalogue" in result["problems"][0]["text"]


def test_a_squashfs_file_that_is_whole_is_left_alone(run_module: Run, tmp_path: Path) -> None:
    (tmp_path / "root/envs").mkdir(parents=True)
    (tmp_path / "root/link").symlink_to("envs")
    path = tmp_path / "store" / f"{'a' * 64}.squashfs"
    path.parent.mkdir()
    command = ["mksquashfs", str(tmp_path / "root"), str(path), "-quiet", "-no-progress"]
    subprocess.run(command, check=True, capture_output=True)
    options = {"store": str(path.parent), "format": "squashfs", "images": [{"reference": REFERENCE, "subpath": "envs"}]}
    assert run_module("image_store", options, check=True)["brought"] == [REFERENCE], "it has no record"
    squashfs.record_path(path).write_text(squashfs.dump(squashfs.measure(path)))
    for check in (True, False):
        result = run_module("image_store", options, check=check)
        assert (result["changed"], result["brought"]) == (False, [])
    for subpath in ("link", "nothing", "env*", "root"):
        options["images"] = [{"reference": REFERENCE, "subpath": subpath}]
        assert "the image has no such folder, or it is a link" in run_module("image_store", options)["msg"]


def test_without_mksquashfs_it_says_what_to_install(
    run_module: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "skopeo").symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(tmp_path))
    options = {"store": str(tmp_path / "store"), "format": "squashfs", "images": [{"reference": REFERENCE}]}
    told = run_module("image_store", options)["msg"]
    assert told == (
        "mksquashfs is not installed on this host. Remedy: install the package squashfs-tools, 4.5 or newer."
    )
    (tmp_path / "mksquashfs").write_text("#!/bin/sh\necho 'mksquashfs version 4.4 (2019/08/29)'\n")
    (tmp_path / "mksquashfs").chmod(0o755)
    assert (
        "mksquashfs of this host is too old (got 'mksquashfs version 4.4" in run_module("image_store", options)["msg"]
    )


def test_a_registry_that_does_not_answer_leaves_nothing_behind(run_module: Run, tmp_path: Path) -> None:
    result = run_module("image_store", {"store": str(tmp_path / "store"), "images": [{"reference": REFERENCE}]})
    assert "registry localhost:1 does not answer" in result["msg"]
    assert result["problems"][0]["image"] == REFERENCE
    assert result["problems"][0]["text"].startswith("localhost:1/vre/ocean could not be unpacked: ")
    assert sorted(path.name for path in (tmp_path / "store").iterdir()) == [".lock", "blobs"]
    assert not list((tmp_path / "store/blobs/sha256").iterdir())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"images": [{"reference": "localhost:1/x:1"}]}, "this is no digest"),
        ({"images": [{"reference": REFERENCE, "subpath": "../x"}]}, "plain names only"),
        ({"format": "sif"}, "value of format must be one of: directory, squashfs"),
        ({"store": "/"}, "this cannot be the store's folder"),
        ({"registries": {"localhost:1": {"pasword": "x"}}}, "unknown key pasword"),
    ],
)
def test_wrong_options(run_module: Run, tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    options = {"store": str(tmp_path / "store"), "images": [{"reference": REFERENCE}], **changes}
    assert words in run_module("image_store", options)["msg"]
    assert not (tmp_path / "store").exists()
