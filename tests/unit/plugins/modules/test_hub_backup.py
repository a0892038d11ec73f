"""hub_backup as Ansible runs it; the whole of it, with its way back, runs in the scenario docker."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "hub-1/lib/python3.13/site-packages/jupyterhub-6.1.1.dist-info").mkdir(parents=True)
    (tmp_path / "hub").symlink_to("hub-1")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/settings.json").write_text(json.dumps({"db_url": "sqlite:////nowhere/hub.sqlite"}))
    return {
        "dest": str(tmp_path / "backup.tar.gz"),
        "host": "hub.example.org",
        "offer": [str(tmp_path / "manifest.json")],
        "homes": {"home-alice": str(tmp_path)},
        "root": str(tmp_path),
        "secrets": str(tmp_path / "secrets"),
        "state": str(tmp_path),
        "user": "nobody",
    }


def test_check_mode_says_what_the_archive_would_hold(run_module: Run, options: dict[str, Any], tmp_path: Path) -> None:
    about = run_module("hub_backup", options, check=True)["about"]
    assert {**about, "at": ""} == {
        "version": 1,
        "host": "hub.example.org",
        "at": "",
        "hub": "hub-1 (JupyterHub 6.1.1)",
        "jupyterhub": "6.1.1",
        "database": "sqlite",
        "notice": "",
        "homes": ["home-alice"],
    }
    assert not (tmp_path / "backup.tar.gz").exists()


@pytest.mark.parametrize(
    ("text", "notice"),
    [('{"drain": true}', "drain"), ('{"drain": false}', "announce"), ("[", "damaged"), ("[]", "damaged")],
)
def test_it_says_what_users_are_told(
    run_module: Run, options: dict[str, Any], tmp_path: Path, text: str, notice: str
) -> None:
    (tmp_path / "notice.json").write_text(text)
    options["offer"].append(str(tmp_path / "notice.json"))
    assert run_module("hub_backup", options, check=True)["about"]["notice"] == notice


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://vre:pass-word@localhost/hub", "hub_db_backup_command: the database is no SQLite file"),
        (None, "its address cannot be read"),
    ],
)
def test_what_keeps_it_from_being_made(
    run_module: Run, options: dict[str, Any], tmp_path: Path, url: str | None, words: str
) -> None:
    (tmp_path / "secrets/settings.json").write_text(json.dumps({"db_url": url} if url else {}))
    result = run_module("hub_backup", options)
    assert result["failed"]
    assert words in result["msg"]
    assert "pass-word" not in str(result)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hub", "hub-1", "remote", "secrets"]
