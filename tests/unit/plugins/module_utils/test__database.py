"""Dumps by the admin's own commands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils._database import Database
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "settings.json", "nobody", tmp_path, tmp_path, tmp_path)


def test_a_dump_and_its_way_back(database: Database, tmp_path: Path) -> None:
    held, source = tmp_path / "held", tmp_path / "a dump's file"
    held.write_text("rows")
    commands = replace(database, backup_command=f"cat {held}  # all", restore_command=f"cat >{held}")
    commands.dump(source)
    assert source.stat().st_mode & 0o777 == 0o600
    held.write_text("other")
    commands.load(source)
    assert held.read_text() == "rows"


def test_a_command_is_seen_in_no_list_of_processes(database: Database, tmp_path: Path) -> None:
    command = "PGPASSWORD=pass-word; tr '\\0' ' ' </proc/$$/cmdline"
    replace(database, backup_command=command).dump(tmp_path / "dump")
    assert (tmp_path / "dump").read_text().split() == ["sh", "-s"]


@pytest.mark.parametrize(
    ("command", "words"),
    [("", "nothing says how"), ("echo no such user >&2; false", "no such user"), ("true", "it wrote nothing")],
)
def test_no_dump_is_told_and_none_is_left(database: Database, tmp_path: Path, command: str, words: str) -> None:
    with pytest.raises(VreError, match=words):
        replace(database, backup_command=command).dump(tmp_path / "dump")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("command", "words"), [("", "nothing says how"), ("echo refused >&2; exit 3", "refused")])
def test_a_dump_that_is_not_read_is_told(database: Database, tmp_path: Path, command: str, words: str) -> None:
    (tmp_path / "dump").write_text("rows")
    with pytest.raises(VreError, match=words):
        replace(database, restore_command=command).load(tmp_path / "dump")
