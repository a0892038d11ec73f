"""business_image as Ansible runs it, over a channel and OCI layout folders."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gaia_lab.conda import Package
from gaia_lab.small_channel import PYTHON, SITE, add, index, make

Run = Callable[..., dict[str, Any]]
IMAGE = """\
version: 1
kind: business
name: ocean
tag: "2026.1"
title: {en: Ocean, fr: Océan}
environments: {ocean: environment.yml}
"""
needs_tools = pytest.mark.skipif(
    shutil.which("bwrap") is None or shutil.which("skopeo") is None, reason="bubblewrap and skopeo are not installed"
)


def definition(folder: Path, *specs: str, image: str = IMAGE) -> Path:
    folder.mkdir(parents=True)
    (folder / "image.yml").write_text(image)
    (folder / "environment.yml").write_text("dependencies:\n" + "".join(f"  - {spec}\n" for spec in specs))
    return folder


@pytest.fixture
def run(run_module: Run) -> Run:
    """``run({options}, check=True)``, where options may be paths."""

    def call(options: dict[str, Any], check: bool = False) -> dict[str, Any]:
        plain = {key: str(value) if isinstance(value, Path) else value for key, value in options.items()}
        return run_module("business_image", plain, check)

    return call


@needs_tools
def test_an_image_is_built_once(run: Run, tmp_path: Path, small_channel: str) -> None:
    folder = definition(tmp_path / "ocean", "kernel", "library")
    params = {"folder": folder, "layout": tmp_path / "layout", "channels": [small_channel], "cache_dir": tmp_path / "c"}
    planned = run(params, check=True)
    assert planned["changed"] is True
    assert planned["digest"] == ""
    assert not (tmp_path / "layout").exists()
    built = run(params)
    assert built["changed"] is True
    assert built["packages"] == {"ocean": {"kernel": "1.0", "library": "1.0", "python": f"{PYTHON}.1"}}
    assert built["diff"]["before"] == ""
    assert built["diff"]["after"].startswith("ocean: kernel 1.0\nocean: library 1.0\nocean: python")
    again = run(params)
    assert (again["changed"], again["digest"]) == (False, built["digest"])
    assert "diff" not in again
    assert not list((tmp_path / "c").glob(".build-*")), "scratch folders are left"


@needs_tools
def test_two_builders_give_one_digest(run: Run, tmp_path: Path, small_channel: str) -> None:
    moved = shutil.copytree(Path(small_channel.removeprefix("file://")), tmp_path / "elsewhere/channel")
    digests = []
    for name, channel in (("one", small_channel), ("two", moved.as_uri())):
        folder = definition(tmp_path / name / "ocean", "kernel", "library", "plain")
        built = run(
            {
                "folder": folder,
                "layout": tmp_path / name / "l",
                "channels": [channel],
                "cache_dir": tmp_path / name / "c",
            }
        )
        digests.append(built["digest"])
    assert digests[0] == digests[1]


@needs_tools
def test_a_new_package_builds_again_and_says_what_changed(run: Run, tmp_path: Path) -> None:
    channel = tmp_path / "channel"
    url = make(channel)
    folder = definition(tmp_path / "ocean", "kernel", "library")
    params = {"folder": folder, "layout": tmp_path / "layout", "channels": [url], "cache_dir": tmp_path / "cache"}
    first = run(params)
    add(channel, Package("library", "1.1", ["python"]), {f"{SITE}/library.py": "B = 2\n"})
    index(channel)
    second = run(params)
    assert second["changed"] is True
    assert second["digest"] != first["digest"]
    assert "ocean: library 1.0\n" in second["diff"]["before"]
    assert "ocean: library 1.1\n" in second["diff"]["after"]


@needs_tools
def test_the_image_follows_the_contract(run: Run, tmp_path: Path, small_channel: str) -> None:
    folder = definition(tmp_path / "ocean", "kernel")
    layout = tmp_path / "layout"
    built = run({"folder": folder, "layout": layout, "channels": [small_channel], "cache_dir": tmp_path / "cache"})
    manifest = json.loads((layout / "blobs" / built["digest"].replace(":", "/")).read_text())
    labels = manifest["annotations"]
    assert labels["org.gaia-data.vre.mount-path"] == "/opt/gaia/ocean"
    assert json.loads(labels["org.gaia-data.vre.environments"]) == {
        "ocean": {
            "kernels": {"python3": {"display_name": "Python 3 (ipykernel)", "language": "python"}},
            "packages": {"kernel": "1.0", "python": f"{PYTHON}.1"},
        }
    }
    config = json.loads((layout / "blobs" / manifest["config"]["digest"].replace(":", "/")).read_text())
    assert config["config"]["Labels"] == labels
    subprocess.run(["skopeo", "inspect", f"oci:{layout}"], check=True, capture_output=True)


@needs_tools
@pytest.mark.parametrize(
    ("specs", "image", "words"),
    [
        (("kernel", "nothing-like-it"), IMAGE, r"environment\.yml:1: the environment cannot be solved"),
        (("kernel", "library ==9"), IMAGE, r"environment\.yml:1: the environment cannot be solved"),
        (("kernel", "numpy["), IMAGE, r"environment\.yml:1: this is no dependency"),
        (("library",), IMAGE, r"/opt/gaia/ocean/envs/ocean: the environment has no kernel"),
        (("kernel",), IMAGE.replace("business", "system"), r"image\.yml:6: a system image has one environment"),
        (("kernel",), IMAGE.replace("Ocean", "'{{ x }}'"), r"image\.yml:5: title"),
    ],
)
def test_bad_definitions(
    run: Run, tmp_path: Path, small_channel: str, specs: tuple[str, ...], image: str, words: str
) -> None:
    folder = definition(tmp_path / "ocean", *specs, image=image)
    layout = tmp_path / "layout"
    failed = run({"folder": folder, "layout": layout, "channels": [small_channel], "cache_dir": tmp_path / "cache"})
    assert failed.get("failed") is True
    assert re.search(words, failed["msg"])
    assert not layout.exists()


@needs_tools
def test_a_channel_that_lies(run: Run, tmp_path: Path) -> None:
    channel = tmp_path / "channel"
    url = make(channel)
    package = next((channel / "linux-64").glob("library-*.conda"))
    package.write_bytes(package.read_bytes()[:-100] + bytes(100))
    folder = definition(tmp_path / "ocean", "kernel", "library")
    failed = run({"folder": folder, "layout": tmp_path / "l", "channels": [url], "cache_dir": tmp_path / "cache"})
    assert failed.get("failed") is True
    assert "the packages cannot be installed: hash mismatch of library 1.0" in failed["msg"]


@needs_tools
@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, "one of the following is required: reference, layout"),
        ({"reference": "ocean"}, "reference: this is no complete image reference"),
        ({"reference": f"registry.example.org/ocean@sha256:{'0' * 64}"}, "needs a tag"),
        ({"reference": "127.0.0.1:9/vre/ocean:1"}, "registry 127.0.0.1:9 does not answer"),
        ({"layout": "/proc/nowhere"}, "the image cannot be built"),
        ({"layout": "l", "cache_dir": "/proc/nowhere"}, "the image cannot be built: No such file"),
        ({"layout": "l", "registries": {"x": {"user": "y"}}}, "registries: x: unknown key user"),
    ],
)
def test_bad_options(run: Run, tmp_path: Path, small_channel: str, params: dict[str, Any], words: str) -> None:
    folder = definition(tmp_path / "ocean", "kernel")
    failed = run({"folder": folder, "channels": [small_channel], "cache_dir": tmp_path / "cache", **params})
    assert failed.get("failed") is True
    assert words in failed["msg"]


def test_what_the_builder_lacks_is_told_together(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = definition(tmp_path / "ocean", "kernel")
    monkeypatch.setenv("PATH", "/nowhere")
    failed = run({"folder": folder, "layout": "l", "channels": ["x"], "cache_dir": tmp_path / "c"})
    assert "the program bwrap is not installed. Remedy: install the package bubblewrap" in failed["msg"]
