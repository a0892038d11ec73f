# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts that plays write and the hub reads, as files beside each other on a host.

They are changed by a function that is given the texts that are there and says what they are to be. Another play is
waited for: each builds on what the one before it wrote. On a cluster it is the same with ``_config_map``.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Generic, Protocol, TypeVar

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

MANIFEST, NOTICE, CHECKS, MEASURED = "manifest.json", "notice.json", "checks.json", "measured.json"
# A second copy of the manifest, for when somebody spoils the first.
LAST = "manifest.last.json"
NAMES = (MANIFEST, LAST, NOTICE, CHECKS, MEASURED)

Texts = Mapping[str, str]
T = TypeVar("T")
# Given the texts by name, what some of them are to be (None for absent), and what else the caller wants to know.
Make = Callable[[Texts], "tuple[Mapping[str, str | None], T]"]


@dataclass(frozen=True)
class Change(Generic[T]):
    """The texts before and after, and what the function that made them gave beside."""

    before: Texts
    after: Texts
    result: T

    @property
    def changed(self) -> bool:
        """Whether any text is another one, came or went."""
        return self.before != self.after

    def diff(self, where: str, name: str) -> dict[str, str]:
        """A text before and after, as Ansible shows it."""
        before, after = self.before.get(name, ""), self.after.get(name, "")
        return {"before_header": where, "after_header": where, "before": before, "after": after}


class State(Protocol):
    """Where the texts are."""

    def place(self, name: str) -> str:
        """Where a text is, for people."""

    def read(self) -> Texts:
        """The texts that are there, by name.

        :raises VreError: when they cannot be read.
        """

    def change(self, make: Make[T], check: bool = False) -> Change[T]:
        """Change texts.

        :param make: may be called more than once.
        :param check: only tell.
        :raises VreError: when they cannot be written; then nothing is changed.
        """


def applied(before: Texts, wanted: Mapping[str, str | None]) -> Texts:
    """The texts after a change."""
    return {name: text for name, text in {**before, **wanted}.items() if text is not None}


class Folder:
    """Files on this host.

    :param path: of the manifest; the others are beside it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def place(self, name: str) -> str:
        """See :class:`State`."""
        return str(self._file(name))

    def read(self) -> Texts:
        """See :class:`State`."""
        found = {}
        for name in NAMES:
            path = self._file(name)
            try:
                if path.is_file():
                    found[name] = path.read_text(encoding="utf-8", errors="replace")
            except OSError as error:
                remedy = "run as a user that may read it, such as root"
                raise VreError(f"it cannot be read: {error.strerror}", str(path), None, remedy) from error
        return found

    def change(self, make: Make[T], check: bool = False) -> Change[T]:
        """See :class:`State`."""
        with self._alone(check):
            before = self.read()
            wanted, result = make(before)
            if not check:
                for name, text in wanted.items():
                    self._write(name, text, before.get(name))
            return Change(before, applied(before, wanted), result)

    def _file(self, name: str) -> Path:
        if name == MANIFEST:
            return self.path
        return self.path.with_name(f"{self.path.stem}.last{self.path.suffix}" if name == LAST else name)

    @contextlib.contextmanager
    def _alone(self, check: bool) -> Iterator[None]:
        folder = self.path.parent
        if check and not folder.is_dir():
            yield  # a plain host, where the play would make it
            return
        if not folder.is_dir():
            raise VreError("the manifest's folder is not there", where=str(folder), remedy="run deploy first")
        number = os.open(str(folder), os.O_RDONLY)
        try:
            fcntl.flock(number, fcntl.LOCK_EX)
            yield
        finally:
            os.close(number)

    def _write(self, name: str, text: str | None, before: str | None) -> None:
        if text is None:
            self._file(name).unlink(missing_ok=True)
        elif text != before:
            write(self._file(name), text)


def write(target: Path, text: str) -> None:
    """Put a text in place at once, readable by all.

    :raises VreError: when that cannot be done; nothing is changed then.
    """
    try:
        number, name = tempfile.mkstemp(dir=target.parent)
        aside = Path(name)
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                file.write(text)
            aside.chmod(0o644)
            aside.replace(target)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise VreError(f"it cannot be written: {error.strerror}", str(target), None, "run deploy") from error
