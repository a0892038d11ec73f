"""image_info as Ansible runs it. No registry here: what they answer is tried in the lab."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]
pytestmark = pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")


def test_every_reference_has_its_answer(run_module: Run) -> None:
    references = ["localhost:1/vre/ocean:1", "ocean", "localhost:1/vre/lab:1"]
    result = run_module("image_info", {"references": references, "registries": {"localhost:1": {"plain_http": True}}})
    assert not result["changed"]
    assert [image["reference"] for image in result["images"]] == references
    errors = [image["error"] for image in result["images"]]
    assert "registry localhost:1 does not answer" in errors[0]
    assert "this is no complete image reference" in errors[1]
    assert errors[2] == errors[0]


def test_no_reference_no_answer(run_module: Run) -> None:
    assert run_module("image_info", {"references": []})["images"] == []


def test_an_option_that_is_wrong(run_module: Run) -> None:
    result = run_module("image_info", {"references": [], "authfile": "/nowhere.json"})
    assert result["failed"]
    assert "the auth file is not there" in result["msg"]
