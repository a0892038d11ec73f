"""business_image as Ansible runs it, up to where a channel or a registry would be asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]

GOOD = """\
version: 1
kind: business
name: ocean
tag: "1"
title: Ocean
environments: {ocean: environment.yml}
"""


def options(folder: Path, **more: Any) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "reference": "registry.example.org/vre/ocean:1",
        "channels": [f"file://{folder}/no-channel"],
        "cache_dir": str(folder / "cache"),
        **more,
    }


def write(folder: Path, image: str = GOOD, environment: str = "dependencies: [python]\n") -> None:
    (folder / "image.yml").write_text(image)
    (folder / "environment.yml").write_text(environment)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("version: 1\nkind: [\n", "image.yml:3: this is no YAML"),
        (GOOD + "colour: red\n", "image.yml:7: unknown key colour"),
        (GOOD.replace("name: ocean", "name: Ocean!"), "image.yml:3: name must be a text like"),
        (GOOD.replace('tag: "1"', "tag: 1"), "image.yml:4: tag must be a text like"),
        (GOOD.replace("environment.yml", "../../etc/passwd"), "image.yml:6: environment ocean must name a file"),
        (GOOD.replace("ocean: env", "'../x': env"), "image.yml:6: an environment's name must be"),
        (GOOD.replace("version: 1", "version: 2"), "image.yml:1: version must be 1"),
    ],
)
def test_a_bad_definition_is_told_with_file_and_line(run_module: Run, tmp_path: Path, image: str, said: str) -> None:
    write(tmp_path, image)
    result = run_module("business_image", options(tmp_path))
    assert result["failed"]
    assert said in result["msg"], result["msg"]


def test_everything_that_is_wrong_is_told_at_once(run_module: Run, tmp_path: Path) -> None:
    write(
        tmp_path, GOOD.replace("name: ocean", "name: X").replace("title: Ocean", "title: {fr: x}"), "dependencies: []\n"
    )
    message = run_module("business_image", options(tmp_path))["msg"]
    assert "3 problems" in message
    assert "environment.yml:1: an environment needs dependencies" in message


def test_a_system_image_is_sent_to_its_module(run_module: Run, tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("kind: business", "kind: system").replace("{ocean:", "{base:"))
    message = run_module("business_image", options(tmp_path))["msg"]
    assert "this is a system image" in message
    assert "gaia_data.vre.system_image" in message


def test_a_channel_that_does_not_answer_is_a_sentence(run_module: Run, tmp_path: Path) -> None:
    write(tmp_path)
    message = run_module("business_image", options(tmp_path))["msg"]
    assert "environment ocean: the environment cannot be solved" in message
    assert "Traceback" not in message


def test_a_registry_option_that_is_wrong_is_named(run_module: Run, tmp_path: Path) -> None:
    write(tmp_path)
    registries = {"registry.example.org": {"pasword": "secret"}}
    message = run_module("business_image", options(tmp_path, registries=registries))["msg"]
    assert "registries: registry.example.org: unknown key pasword" in message
    assert "secret" not in message
