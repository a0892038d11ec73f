"""session_check as Ansible runs it, without a hub; the whole of it runs in the scenarios."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _check

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    pin = {"envs_dir": "/opt/gaia/ocean/envs", "environments": {"ocean": {"kernels": {"python3": {}}}}}
    images = {
        "lab": {"kind": "system", "offered": {"version": "1"}, "candidate": None},
        "ocean": {"kind": "business", "offered": {**pin, "version": "2026.1"}, "candidate": None},
    }
    (tmp_path / "manifest.json").write_text(json.dumps({"version": 1, "images": images}))
    (tmp_path / "token").write_text("secret-token")
    return {
        "hub_url": "http://localhost:1",
        "token_file": str(tmp_path / "token"),
        "manifest": str(tmp_path / "manifest.json"),
        "scope": "offered",
    }


def test_check_mode_says_what_it_would_try(run_module: Run, options: dict[str, Any], tmp_path: Path) -> None:
    result = run_module("session_check", options, check=True)
    assert [row["kernel"] for row in result["sessions"][0]["results"]] == ["conda-env-ocean-ocean-py"]
    assert not result["changed"]
    assert not (tmp_path / "checks.json").exists()


def test_a_manifest_that_came_while_another_check_ran_counts(
    run_module: Run, options: dict[str, Any], tmp_path: Path
) -> None:
    held = threading.Event()

    def other() -> None:
        with _check.alone():
            held.set()
            time.sleep(0.3)
            text = (tmp_path / "manifest.json").read_text().replace("/opt/gaia/ocean/envs", "/opt/gaia/sea/envs")
            (tmp_path / "manifest.json").write_text(text)

    thread = threading.Thread(target=other)
    thread.start()
    held.wait()
    result = run_module("session_check", options, check=True)
    thread.join()
    assert [row["kernel"] for row in result["sessions"][0]["results"]] == ["conda-env-sea-ocean-py"]


def test_nothing_new_asks_no_hub_and_writes_nothing(run_module: Run, options: dict[str, Any], tmp_path: Path) -> None:
    result = run_module("session_check", {**options, "scope": "candidates"})
    assert result["report"] == ["Nothing is new, so nothing was tried.", "On offer: lab 1, ocean 2026.1."]
    assert not result["sessions"]
    assert not (tmp_path / "checks.json").exists()


def test_a_hub_that_is_not_there(run_module: Run, options: dict[str, Any], tmp_path: Path) -> None:
    result = run_module("session_check", options)
    assert result["failed"]
    assert "the hub gave no answer" in result["msg"]
    assert "secret-token" not in str(result)
    assert not (tmp_path / "checks.json").exists(), "no answer is no result"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"manifest": "/nowhere"}, "the manifest cannot be read"),
        ({"token_file": "/nowhere"}, "the token of the check cannot be read"),
    ],
)
def test_what_is_missing(run_module: Run, options: dict[str, Any], changes: dict[str, Any], words: str) -> None:
    assert words in run_module("session_check", {**options, **changes})["msg"]
