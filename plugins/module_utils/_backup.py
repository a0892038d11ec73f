# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub in one archive: database, secrets, what it offers, the lock, and the homes where they are wanted."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils import _switch
from ansible_collections.gaia_data.vre.plugins.module_utils._database import Database
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, last_line
from ansible_collections.gaia_data.vre.plugins.module_utils._units import run

VERSION = 1
CHANGED_WHILE_READ = 1  # exit code of GNU tar, no failure: people work in their homes
GIVES_UP = "tar: Exiting with failure status"  # its last line, after the one that says why


@dataclass(frozen=True)
class Backup:
    """What goes into an archive.

    :param host: name of the host, for the one who finds the archive.
    :param release: link to the release of the hub that runs.
    :param secrets: folder of the hub's secrets; what the inventory holds as well is left out.
    :param offer: files of what the hub offers, those that exist.
    :param lock: text of the lock.
    :param homes: folder by name of each home.
    """

    host: str
    release: Path
    database: Database
    secrets: Path
    offer: list[Path]
    lock: str
    homes: dict[str, str] = field(default_factory=dict)

    def about(self) -> dict[str, Any]:
        """What is in it, for people and for a restore."""
        release = self.release.resolve()
        return {
            "version": VERSION,
            "host": self.host,
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "hub": _switch.version(release),
            "jupyterhub": _switch.jupyterhub(release),
            "database": "dump" if self.database.file is None else "sqlite",
            "notice": self._notice(),
            "homes": sorted(self.homes),
        }

    def _notice(self) -> str:
        """The announcement: ``drain``, ``announce``, ``damaged``, or nothing where there is none."""
        for file in self.offer:
            if file.name == "notice.json" and file.is_file():
                try:
                    return "drain" if json.loads(file.read_text(encoding="utf-8"))["drain"] else "announce"
                except (ValueError, LookupError, TypeError):
                    return "damaged"
        return ""

    def write(self, target: Path) -> dict[str, Any]:
        """Write the archive; it is complete or absent, and its owner is the one of its folder.

        :raises VreError: when something cannot be read.
        """
        about, partial = self.about(), target.with_name(f"{target.name}.partial")
        try:
            with tempfile.TemporaryDirectory(prefix=".gaia-vre-", dir=target.parent) as folder:
                stage = Path(folder)
                plain = self._collect(stage, about)
                partial.touch(mode=0o600)
                with plain.open("rb") as source, gzip.open(partial, "wb", compresslevel=3) as packed:
                    shutil.copyfileobj(source, packed, 1 << 20)
            owner = target.parent.stat()
            os.chown(partial, owner.st_uid, owner.st_gid)
            partial.replace(target)
        except OSError as error:
            raise VreError(
                f"the archive cannot be written: {error.strerror}", str(target), None, "see that there is room"
            ) from error
        finally:
            partial.unlink(missing_ok=True)
        return about

    def _collect(self, stage: Path, about: dict[str, Any]) -> Path:
        """Everything in one plain archive in ``stage``, which only root may write to."""
        plain = stage / "all.tar"
        with tempfile.TemporaryDirectory(prefix=".gaia-vre-", dir=self.database.state) as drop:
            if self.database.file is None:
                file = stage / "database.dump"
                self.database.dump(file)
            else:
                shutil.chown(drop, self.database.user, self.database.user)  # it copies its own database
                file = Path(drop) / "database.sqlite"
                self.database.ask(self.release, "copy", str(file))
            with tarfile.open(plain, "w") as tar:
                tar.add(file, file.name)
                for secret in sorted(self.secrets.iterdir()):
                    if secret.name != "settings.json":
                        tar.add(secret, f"secrets/{secret.name}")
                for offered in self.offer:
                    if offered.is_file():
                        tar.add(offered, f"offer/{offered.name}")
                for name, text in (("about.json", json.dumps(about, indent=1)), ("vre.lock.yml", self.lock)):
                    (stage / name).write_text(text, encoding="utf-8")
                    tar.add(stage / name, name)
        append_homes(plain, stage / "homes", self.homes)
        return plain


def append_homes(archive: Path, links: Path, homes: Mapping[str, str]) -> None:
    """Append homes to an archive, in one go; files that are written meanwhile are taken as they are.

    :param links: a folder of this name is made, which leads to the homes by their names in the archive.
    :param homes: folder by name of each.
    :raises VreError: when one cannot be read.
    """
    if not homes:
        return
    links.mkdir()
    for name, folder in homes.items():
        (links / name).symlink_to(folder)
    argv = ["tar", "--append", "--numeric-owner", f"--file={archive}", f"--directory={links.parent}"]
    argv += [r"--transform=flags=rh;s,^\(homes/[^/]*\)/\./\?,\1/,", "--null", "--files-from=-"]
    done = run(argv, stdin="".join(f"homes/{name}/.\0" for name in sorted(homes)))
    if done.code not in (0, CHANGED_WHILE_READ):
        raise VreError(f"a home cannot be read: {last_line(done.err.rpartition(GIVES_UP)[0])}")
