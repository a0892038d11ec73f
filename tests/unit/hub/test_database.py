"""Copies of a hub's database and moves of its schema, on real databases of the JupyterHub that is installed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from jupyterhub import orm

from gaia_vre_hub import database

FORMER = "ff1860e38070"  # the schema of JupyterHub 5


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database with one user, as JupyterHub makes it."""
    found = f"sqlite:///{tmp_path}/hub.sqlite"
    session = orm.new_session_factory(found)()
    session.add(orm.User(name="alice"))
    session.commit()
    session.close()
    session.get_bind().dispose()
    return found


def users(file: Path) -> list[tuple[str]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("select name from users").fetchall()


def test_a_database_of_this_jupyterhub_has_its_schema(url: str) -> None:
    found = database.schema(url)
    assert found["present"] == found["head"]
    assert found["known"]


def test_backwards_and_forwards_with_what_it_holds(url: str, tmp_path: Path) -> None:
    head = database.schema(url)["head"]
    database.migrate(url, FORMER)
    assert database.schema(url) == {"present": FORMER, "head": head, "known": True}
    database.migrate(url, head)
    assert database.schema(url)["present"] == head
    assert users(tmp_path / "hub.sqlite") == [("alice",)]


def test_the_schema_of_a_newer_jupyterhub_is_not_known(url: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "hub.sqlite")) as connection:
        connection.execute("update alembic_version set version_num = 'ffffffffffff'")
        connection.commit()
    assert database.schema(url)["known"] is False


def test_no_database_is_made_by_asking(tmp_path: Path) -> None:
    found = database.schema(f"sqlite:///{tmp_path}/none.sqlite")
    assert (found["present"], found["known"]) == (None, True)
    assert not (tmp_path / "none.sqlite").exists()


def test_a_copy_while_somebody_writes_is_complete_and_private(url: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "hub.sqlite")) as writer:
        writer.execute("begin immediate")
        writer.execute("update users set name = 'bob'")
        database.copy(url, str(tmp_path / "copy.sqlite"))
        writer.rollback()
    assert users(tmp_path / "copy.sqlite") == [("alice",)]
    assert (tmp_path / "copy.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_damaged_database_is_not_copied(url: str, tmp_path: Path) -> None:
    file = tmp_path / "hub.sqlite"
    content = bytearray(file.read_bytes())
    content[4096:12288] = b"\0" * 8192
    file.write_bytes(content)
    with pytest.raises(sqlite3.DatabaseError):
        database.copy(url, str(tmp_path / "copy.sqlite"))
    assert not (tmp_path / "copy.sqlite").exists()


@pytest.mark.parametrize("arguments", [["schema"], ["copy", "/nowhere/x"], ["nothing"]])
def test_an_error_is_one_line_without_the_url(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO("postgresql://vre:pass-word@127.0.0.1:1/hub"))
    assert database.main(arguments) == 1
    said = capsys.readouterr()
    assert len(said.err.strip().splitlines()) == 1
    assert "pass-word" not in said.err + said.out


def test_the_schema_by_the_command_line(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(f"{url}\n"))
    assert database.main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["known"] is True
