"""system_image as Ansible runs it, up to where a channel or a registry would be asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]

GOOD = """\
version: 1
kind: system
name: lab
tag: "1"
title: Lab
environments: {base: environment.yml}
packages: [tini]
"""


def run(run_module: Run, folder: Path, image: str) -> str:
    (folder / "image.yml").write_text(image)
    (folder / "environment.yml").write_text("dependencies: [jupyterlab]\n")
    options = {
        "folder": str(folder),
        "reference": "registry.example.org/vre/lab:1",
        "channels": [f"file://{folder}/no-channel"],
        "cache_dir": str(folder / "cache"),
        "suite": "trixie",
    }
    result = run_module("system_image", options)
    assert result["failed"]
    return str(result["msg"])


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (GOOD.replace("{base:", "{other:"), "image.yml:6: a system image has exactly one environment, base"),
        (GOOD + "files: ../..\n", "image.yml:8: files must be a folder inside the definition"),
        (GOOD.replace("[tini]", "tini"), "image.yml:7: packages must be a list of texts"),
        (GOOD.replace("kind: system", "kind: business").replace("{base:", "{lab:"), "unknown key packages"),
    ],
)
def test_a_bad_definition_is_told(run_module: Run, tmp_path: Path, image: str, said: str) -> None:
    assert said in run(run_module, tmp_path, image)


def test_a_channel_that_does_not_answer_is_a_sentence(run_module: Run, tmp_path: Path) -> None:
    assert "environment base: the environment cannot be solved" in run(run_module, tmp_path, GOOD)
