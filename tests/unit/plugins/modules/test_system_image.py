"""system_image as Ansible runs it. tests/system/test_images.py builds one for real: it needs Debian's packages."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]
IMAGE = """\
version: 1
kind: system
name: lab
tag: "1"
title: JupyterLab
environments: {base: environment.yml}
packages: [tini]
"""
needs_tools = pytest.mark.skipif(
    any(shutil.which(program) is None for program in ("bwrap", "mmdebstrap", "skopeo")),
    reason="bubblewrap, mmdebstrap and skopeo are not installed",
)


@pytest.fixture
def run(run_module: Run, tmp_path: Path) -> Run:
    """``run(channels=…, suite=…, check=True)``; ``image`` is the text of image.yml."""

    def call(check: bool = False, image: str = IMAGE, **options: Any) -> dict[str, Any]:
        folder = tmp_path / "lab"
        folder.mkdir(exist_ok=True)
        (folder / "image.yml").write_text(image)
        (folder / "environment.yml").write_text("dependencies: [python, library]\n")
        common = {"folder": str(folder), "layout": str(tmp_path / "layout"), "cache_dir": str(tmp_path / "cache")}
        return run_module("system_image", {**common, **options}, check)

    return call


@needs_tools
def test_check_mode_makes_no_image(run: Run, tmp_path: Path, small_channel: str) -> None:
    planned = run(channels=[small_channel], suite="forky", check=True)
    assert planned["changed"] is True
    assert planned["packages"]["base"]["library"] == "1.0"
    assert not (tmp_path / "layout").exists()


@needs_tools
def test_another_suite_is_another_image(run: Run, small_channel: str) -> None:
    found = {run(channels=[small_channel], suite=s, check=True)["inputs"] for s in ("forky", "trixie", "forky")}
    assert len(found) == 2


@needs_tools
def test_a_business_image_is_not_built_as_a_system_image(run: Run, small_channel: str) -> None:
    image = IMAGE.replace("system", "business").replace("packages: [tini]\n", "")
    failed = run(channels=[small_channel], suite="forky", image=image)
    assert "image.yml: this is a business image. Remedy: build it with gaia_data.vre.business_image" in failed["msg"]


@needs_tools
def test_a_debian_that_is_not_there(run: Run, tmp_path: Path, small_channel: str) -> None:
    mirror = (tmp_path / "nowhere").as_uri()
    failed = run(channels=[small_channel], suite="forky", mirror=mirror)
    assert failed.get("failed") is True
    assert "lab: mmdebstrap could not make Debian forky: " in failed["msg"]
    assert "Remedy: check build_suite, build_mirror" in failed["msg"]


def test_what_the_builder_lacks_is_told_together(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    failed = run(channels=["x"], suite="forky")
    assert "the program bwrap is not installed" in failed["msg"]
    assert "the program mmdebstrap is not installed" in failed["msg"]
