# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub's database: its copy, and the move of its schema from one JupyterHub to another."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, last_line
from ansible_collections.gaia_data.vre.plugins.module_utils._units import Done, run

WHERE = "hub_db_url"


@dataclass(frozen=True)
class Database:
    """Where it is, and how it is spoken to.

    :param settings: the file whose ``db_url`` names it; the URL may hold a password and is shown nowhere.
    :param user: the hub's user, as which a database is opened.
    :param library: folder of the hub-side package.
    :param state: the hub's working directory.
    :param folder: where a dump is kept that only root may read.
    :param backup_command: writes a dump of a database that is not SQLite.
    :param restore_command: reads it.
    """

    settings: Path
    user: str
    library: Path
    state: Path
    folder: Path
    backup_command: str = ""
    restore_command: str = ""

    @property
    def url(self) -> str:
        """The SQLAlchemy URL."""
        try:
            found: str = json.loads(self.settings.read_text(encoding="utf-8"))["db_url"]
        except (OSError, ValueError, LookupError) as error:
            raise VreError(
                f"its address cannot be read ({type(error).__name__})", str(self.settings), None, "deploy again"
            ) from error
        return found

    @property
    def file(self) -> Path | None:
        """The file of an SQLite database, or None."""
        scheme, _sep, path = self.url.partition(":///")
        return self.state / path.partition("?")[0] if scheme.partition("+")[0] == "sqlite" and path else None

    def ask(self, release: Path, verb: str, *arguments: str, file: Path | None = None) -> str:
        """Run a verb of ``gaia_vre_hub.database`` with a release's Python, as the hub's user.

        :param file: another SQLite file than the database's own.
        :raises VreError: with the error's line.
        """
        as_user = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--init-groups", "--"]
        variables = [f"PYTHONPATH={self.library}", "PYTHONDONTWRITEBYTECODE=1", f"PATH={release}/bin:{os.defpath}"]
        program = [str(release / "bin/python"), "-m", "gaia_vre_hub.database", verb, *arguments]
        url = self.url if file is None else f"sqlite:///{file}"
        done = run([*as_user, "env", "-i", *variables, *program], stdin=url, cwd=str(self.state))
        if done.code:
            raise VreError(
                f"the database could not be read or written ({verb}): {last_line(done.err)}",
                WHERE,
                None,
                "see that it is up, that its disk has room and that the hub's user may write to it",
            )
        return done.out

    def dump(self, target: Path) -> None:
        """Write a dump by the admin's command; ``target`` is complete or absent.

        :raises VreError: when there is no such command, or it fails.
        """
        if not self.backup_command:
            raise VreError(
                "the database is no SQLite file, and nothing says how a dump of it is made",
                "hub_db_backup_command",
                None,
                "set it to a command that writes a dump to its output, for example pg_dump --format=custom jupyterhub",
            )
        partial = target.with_name(f"{target.name}.partial")
        partial.touch(mode=0o600)
        done = _shell(self.backup_command, f"</dev/null >{shlex.quote(str(partial))}")
        if done.code or not partial.stat().st_size:
            partial.unlink()
            said = last_line(done.err, "it wrote nothing")
            raise VreError(f"no dump was made: {said}", "hub_db_backup_command", None, "correct the command")
        partial.replace(target)

    def load(self, source: Path) -> None:
        """Put a dump in place of what the database holds, by the admin's command.

        :raises VreError: when there is no such command, or it fails.
        """
        if not self.restore_command:
            raise VreError(
                f"nothing says how the dump {source} is put back",
                "hub_db_restore_command",
                None,
                "put it back by hand, or set the variable to a command that reads it from its input",
            )
        done = _shell(self.restore_command, f"<{shlex.quote(str(source))}")
        if done.code:
            raise VreError(f"the dump {source} was not put back: {last_line(done.err)}", "hub_db_restore_command")

    def migration(self, former: Path | None, release: Path) -> Migration | None:
        """The move of the schema that a release needs, or None.

        :param former: the release that was current, which may know a newer schema.
        :raises VreError: when neither release can bring the database to what the new one needs.
        """
        found: dict[str, Any] = json.loads(self.ask(release, "schema"))
        if found["present"] in (None, found["head"]):
            return None
        mover = release if found["known"] else former
        if mover is None or not json.loads(self.ask(mover, "schema"))["known"]:
            raise VreError(
                f"a newer JupyterHub wrote it (schema {found['present']}, this one knows up to {found['head']})",
                WHERE,
                None,
                "deploy the collection's newer version, or restore a backup of the older one",
            )
        if self.file is None and not self.backup_command:
            self.dump(self.folder / "database.dump")  # says what is missing
        return Migration(self, mover, found["head"])


def _shell(command: str, redirection: str) -> Done:
    """Run a command of the admin's. The shell reads it from its input: a command line is seen by all."""
    return run(["sh", "-s"], stdin=f"{{ {command}\n}} {redirection}\n")


@dataclass
class Migration:
    """The move of a database to a revision of the schema, by a release that knows both."""

    database: Database
    release: Path
    revision: str
    copied: bool = False

    @property
    def former(self) -> Path:
        """The copy from before the move."""
        file = self.database.file
        return self.database.folder / "database.dump" if file is None else Path(f"{file}.former")

    def run(self) -> None:
        """Copy it, move it; an SQLite file is moved as a copy and put in place when that is done."""
        file, ask = self.database.file, self.database.ask
        if file is None:
            self.database.dump(self.former)
            self.copied = True
            ask(self.release, "migrate", self.revision)
            return
        ask(self.release, "copy", str(self.former))
        self.copied = True
        new = Path(f"{file}.new")
        ask(self.release, "copy", str(new))
        ask(self.release, "migrate", self.revision, file=new)
        new.replace(file)

    def undo(self) -> None:
        """Put the copy back, if it was made."""
        file = self.database.file
        if not self.copied:
            return
        if file is None:
            self.database.load(self.former)
            return
        new = Path(f"{file}.new")
        self.database.ask(self.release, "copy", str(new), file=self.former)
        new.replace(file)
