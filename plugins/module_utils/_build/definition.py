# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an author writes: a folder with ``image.yml`` and one ``environment.yml`` for each environment."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils import _yaml
from ansible_collections.gaia_data.vre.plugins.module_utils._contract import ENVIRONMENT_NAME, NAME_RULE
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors
from ansible_collections.gaia_data.vre.plugins.module_utils._text import (
    DESCRIPTION_LENGTH,
    TITLE_LENGTH,
    is_name,
    normal_texts,
    suggest,
    wrong_with_text,
    wrong_with_texts,
)
from ansible_collections.gaia_data.vre.plugins.module_utils._text import NAME_RULE as IMAGE_NAME_RULE

KINDS = ("business", "system")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
DEBIAN_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
COMMON_KEYS = {
    "version", "kind", "name", "tag", "title", "description", "keywords", "documentation", "contact", "license",
    "environments",
}  # fmt: skip
SYSTEM_KEYS = {"packages", "files", "command", "environment_variables"}
# conda writes `name`, `channels` and `prefix`: they are for the author's own computer.
ENVIRONMENT_KEYS = {"name", "channels", "dependencies", "prefix"}
BASE = "base"


@dataclass(frozen=True)
class EnvironmentDefinition:
    """One conda environment: its name and conda's match specifications.

    :param where: file and line of the specifications, for messages.
    """

    name: str
    specs: tuple[str, ...]
    where: str = ""


@dataclass(frozen=True)
class ImageDefinition:
    """One image as its author describes it.

    :param folder: where the definition lies.
    :param texts: title, description … by language, as in a catalogue.
    :param packages: Debian packages of a system image, besides the essential ones.
    :param files: folder of the definition that a system image copies over its root, or None.
    :param environments: a system image may have none: a program of Debian's needs no conda.
    """

    folder: Path
    kind: str
    name: str
    tag: str
    title: str
    environments: tuple[EnvironmentDefinition, ...]
    license: str = ""
    description: str = ""
    documentation: str = ""
    packages: tuple[str, ...] = ()
    files: Path | None = None
    command: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)

    def digest(self, **inputs: Any) -> str:
        """A digest of everything that the image is made of, ``inputs`` of the caller included."""
        data: dict[str, Any] = {
            "kind": self.kind,
            "name": self.name,
            "tag": self.tag,
            "texts": [self.title, self.description, self.documentation, self.license],
            "environments": [[env.name, list(env.specs)] for env in self.environments],
            "packages": list(self.packages),
            "command": list(self.command),
            "variables": self.variables,
            "files": _files_digest(self.files),
        }
        data.update(inputs)
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _files_digest(folder: Path | None) -> list[list[str]]:
    if folder is None:
        return []
    return [
        [
            name,
            oct(path.lstat().st_mode & 0o111),
            str(path.readlink()) if path.is_symlink() else hashlib.sha256(path.read_bytes()).hexdigest(),
        ]
        for name, path in members(folder)
    ]


def members(files: Path, folder: Path | None = None) -> list[tuple[str, Path]]:
    """Name in the image and place of each file and link of ``files``, without the bytecode of the author's computer.

    A relative link that leads out of ``files`` would lead nowhere in the image: what it leads to is meant.

    :param folder: the part of ``files`` to list, or what stands for one.
    :raises VreError: naming a link that leads nowhere here.
    """
    found: list[tuple[str, Path]] = []
    for path in sorted((folder or files).iterdir()):
        real = _followed(files, path)
        if real.is_dir() and not real.is_symlink():
            if path.name != "__pycache__":
                found += [(f"{path.name}/{name}", inner) for name, inner in members(files, real)]
        elif real.is_file() or real.is_symlink():
            found.append((path.name, real))
    return found


def _followed(files: Path, path: Path) -> Path:
    """What is meant by a path: itself, or what a link to outside leads to."""
    if not path.is_symlink() or path.readlink().is_absolute():
        return path
    target = path.resolve()
    if files.resolve() in target.parents:
        return path
    if not target.exists():
        raise VreError("the link leads nowhere", str(path), str(path.readlink()), "correct the link, or remove it")
    return target


def load(folder: Path) -> ImageDefinition:
    """Read and check a definition.

    :raises VreErrors: with every problem, each naming file and line.
    """
    problems: list[VreError] = []
    reader = _Reader(folder / "image.yml", problems)
    found = _image(reader) if reader.data else None
    if problems or found is None:
        raise VreErrors(problems)
    return found


class _Reader:
    """One YAML file; gathers what is wrong with it, each with its line."""

    def __init__(self, path: Path, problems: list[VreError]) -> None:
        self.path, self.problems = path, problems
        self.document = _yaml.Document(str(path), {}, {})
        self.data: dict[str, Any] = {}
        try:
            self.document = _yaml.load(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            words = getattr(error, "strerror", None) or "it is not UTF-8"
            problems.append(
                VreError(f"the file cannot be read: {words}", str(path), None, "correct the path or the file")
            )
            return
        except VreErrors as error:
            problems.extend(error.problems)
            return
        if isinstance(self.document.data, dict) and self.document.data:
            self.data = {str(key): value for key, value in self.document.data.items()}
        else:
            self.problem("", "the file must hold a mapping of keys", self.document.data)

    def problem(self, key: str, text: str, value: Any = None, remedy: str = "", *path: str) -> None:
        """One thing that is wrong with ``key``."""
        where = self.document.where(key, *path) if key else f"{self.path}:1"
        self.problems.append(VreError(text, where, value, remedy))

    def unknown(self, known: set[str]) -> None:
        """Keys that nobody reads are most often misspelt."""
        for key in sorted(set(self.data) - known):
            self.problem(key, f"unknown key {key}", None, suggest(key, known, "known keys"))

    def text(self, key: str, wrong: Callable[[Any], str | None], required: bool = False) -> Any:
        """The value of ``key`` when nothing is ``wrong`` with it, else an empty text."""
        value = self.data.get(key)
        if value is None and not required:
            return ""
        words = "is missing" if value is None else wrong(value)
        if words:
            quote = "put it in quotes" if isinstance(value, (int, float)) else ""
            self.problem(key, f"{key} {words}", value, quote)
            return ""
        return value

    def texts(self, key: str, wrong: Callable[[Any], str | None]) -> tuple[str, ...]:
        """A list of texts."""
        value = self.data.get(key) or []
        if not isinstance(value, list):
            self.problem(key, f"{key} must be a list", value)
            return ()
        for index, item in enumerate(value):
            words = wrong(item)
            if words:
                self.problem(key, f"{key}: an entry {words}", item, "", str(index))
        return tuple(str(item) for item in value)


def _short(longest: int) -> Callable[[Any], str | None]:
    return lambda value: wrong_with_text(value, longest)


def _like(pattern: re.Pattern[str], rule: str) -> Callable[[Any], str | None]:
    def wrong(value: Any) -> str | None:
        return None if isinstance(value, str) and pattern.fullmatch(value) else f"must be {rule}"

    return wrong


def _image(reader: _Reader) -> ImageDefinition:
    data = reader.data
    kind = data.get("kind")
    if kind not in KINDS:
        reader.problem("kind", f"kind must be {' or '.join(KINDS)}", kind)
    reader.unknown(COMMON_KEYS | (SYSTEM_KEYS if kind == "system" else set()))
    if data.get("version") != 1 or isinstance(data["version"], bool):
        reader.problem("version", "version must be 1", data.get("version"))
    title = reader.text("title", lambda value: wrong_with_texts(value, TITLE_LENGTH), required=True)
    description = reader.text("description", lambda value: wrong_with_texts(value, DESCRIPTION_LENGTH))
    reader.texts("keywords", _short(60))
    reader.text("contact", _short(200))
    return ImageDefinition(
        folder=reader.path.parent,
        kind=str(kind),
        name=reader.text("name", lambda v: None if is_name(v) else f"must be {IMAGE_NAME_RULE}", required=True),
        tag=reader.text("tag", _like(TAG, "a text of letters, digits, _, . and -"), required=True),
        title=normal_texts(title).get("en", ""),
        description=normal_texts(description).get("en", ""),
        documentation=reader.text("documentation", _like(re.compile(r"https?://[^\s<>\"'{}`\\]+"), "a URL")),
        license=reader.text("license", _short(200)),
        environments=tuple(_environments(reader)),
        packages=reader.texts("packages", _like(DEBIAN_PACKAGE, "the name of a Debian package")),
        files=_folder(reader),
        command=reader.texts("command", lambda value: None if isinstance(value, str) else "must be a text"),
        variables=_variables(reader),
    )


def _variables(reader: _Reader) -> dict[str, str]:
    data = reader.data.get("environment_variables") or {}
    if not isinstance(data, dict):
        reader.problem("environment_variables", "environment_variables must be a mapping", data)
        return {}
    for key, value in data.items():
        if not VARIABLE.fullmatch(str(key)) or not isinstance(value, str) or "\0" in value:
            text = f"environment_variables: {key} must be a variable's name with a text"
            reader.problem("environment_variables", text, value, "put the value in quotes", str(key))
    return {str(key): str(value) for key, value in data.items()}


def _folder(reader: _Reader) -> Path | None:
    value = reader.data.get("files")
    if value is None:
        return None
    path = reader.path.parent / str(value)
    if not path.is_dir() or reader.path.parent.resolve() not in path.resolve().parents:
        reader.problem("files", "files must be a folder inside the definition", value)
        return None
    return path


def _environments(reader: _Reader) -> Iterable[EnvironmentDefinition]:
    value = reader.data.get("environments")
    if value is None and reader.data.get("kind") == "system":
        return
    if not isinstance(value, dict) or not value:
        remedy = "write `environments: {NAME: environment.yml}`"
        reader.problem("environments", "environments must name each environment and its file", value, remedy)
        return
    if reader.data.get("kind") == "system" and list(value) != [BASE]:
        reader.problem("environments", f"a system image has one environment, {BASE}, or none", list(value))
    for name, entry in sorted(value.items(), key=lambda item: str(item[0])):
        # The long form has room for more than the file.
        file = entry.get("file") if isinstance(entry, dict) and set(entry) == {"file"} else entry
        if not isinstance(name, str) or not ENVIRONMENT_NAME.fullmatch(name):
            reader.problem("environments", f"an environment's name must be {NAME_RULE}", name, "", str(name))
        elif not isinstance(file, str) or "/" in file or file in ("", ".", ".."):
            text = f"environment {name} must name a file of this folder"
            reader.problem("environments", text, entry, f"write `{name}: environment.yml`", name)
        else:
            yield _environment(name, reader.path.parent / file, reader.problems)


def _environment(name: str, path: Path, problems: list[VreError]) -> EnvironmentDefinition:
    reader = _Reader(path, problems)
    if not reader.data:
        return EnvironmentDefinition(name, ())
    reader.unknown(ENVIRONMENT_KEYS)
    specs = reader.data.get("dependencies")
    if not isinstance(specs, list) or not specs:
        reader.problem("dependencies", "dependencies must list conda packages", specs)
        return EnvironmentDefinition(name, ())
    for index, spec in enumerate(specs):
        if isinstance(spec, dict) and "pip" in spec:
            remedy = "take the packages from a conda channel"
            reader.problem("dependencies", "pip packages are not built yet", None, remedy, str(index))
        elif not isinstance(spec, str) or not spec.strip():
            reader.problem("dependencies", "a dependency must be a text such as numpy>=2", spec, "", str(index))
    where = reader.document.where("dependencies")
    return EnvironmentDefinition(name, tuple(str(spec).strip() for spec in specs), where)
