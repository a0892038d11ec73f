"""The hub's database from outside the hub: copies of it, and its schema. Run as the hub's own user.

``python -m gaia_vre_hub.database schema|copy|migrate [ARGUMENT]``, with the database's URL as standard input, so that
a password in it is in no list of processes. The schema is the one of the JupyterHub that this Python has.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import alembic.command
import alembic.config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from jupyterhub import dbutil
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from collections.abc import Iterator


def file_of(url: str) -> Path | None:
    """The file of an SQLite database, or None for a database of another kind."""
    parsed = make_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


@contextmanager
def _alembic(url: str) -> Iterator[tuple[alembic.config.Config, ScriptDirectory]]:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "alembic.ini")
        dbutil.write_alembic_ini(path, url)
        found = alembic.config.Config(path)
        yield found, ScriptDirectory.from_config(found)


def schema(url: str) -> dict[str, Any]:
    """The database's schema against the one of this JupyterHub.

    :return: ``present`` is the database's revision, None where there is no database yet; ``head`` is the one that this
        JupyterHub needs; ``known`` says whether it knows the present one, that is, whether it is not older.
    """
    with _alembic(url) as (_config, scripts):
        head = scripts.get_current_head()
        file = file_of(url)
        if file is not None and not (file.is_file() and file.stat().st_size):
            return {"present": None, "head": head, "known": True}  # asking would make one
        engine = create_engine(url)
        try:
            with engine.connect() as connection:
                present = MigrationContext.configure(connection).get_current_revision()
        finally:
            engine.dispose()
        try:
            known = present is None or scripts.get_revision(present) is not None
        except CommandError:
            known = False
        return {"present": present, "head": head, "known": known}


def copy(url: str, target: str) -> None:
    """Copy an SQLite database as it is at one moment, also while the hub writes; ``target`` is complete or absent.

    :raises ValueError: with a database of another kind.
    """
    source = file_of(url)
    if source is None:
        raise ValueError("only an SQLite database can be copied as a file")
    partial = Path(f"{target}.partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30)) as reader,
        closing(sqlite3.connect(partial)) as writer,
    ):
        reader.backup(writer)
        if writer.execute("pragma integrity_check").fetchone() != ("ok",):
            raise sqlite3.DatabaseError(f"{source} is damaged: pragma integrity_check says more")
    partial.replace(target)


def migrate(url: str, revision: str) -> None:
    """Bring the database to a revision of the schema, forwards or backwards, within what this JupyterHub knows."""
    with _alembic(url) as (config, scripts):
        present = schema(url)["present"]
        older = {found.revision for found in scripts.walk_revisions("base", present or "base")}
        move = alembic.command.downgrade if revision in older else alembic.command.upgrade
        move(config, revision)


def main(arguments: list[str]) -> int:
    """Entry point; errors are one line."""
    verb, *rest = arguments
    url = sys.stdin.read().strip()
    try:
        match verb:
            case "schema":
                print(json.dumps(schema(url)))
            case "copy":
                copy(url, *rest)
            case "migrate":
                migrate(url, *rest)
            case _:
                raise ValueError(f"no verb {verb}")
    except Exception as error:  # noqa: BLE001 - whatever a database's driver raises is told in one line, without the URL
        cause = getattr(error, "orig", None) or error
        print(f"{type(cause).__name__}: {' '.join(str(cause).split())[:500]}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
