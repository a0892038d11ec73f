# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an author writes: a folder with ``image.yml`` and one ``environment.yml`` for each environment."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors
from ansible_collections.gaia_data.vre.plugins.module_utils._yaml import pyyaml

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
ENVIRONMENT_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
COMMON_KEYS = {"version", "kind", "name", "tag", "title", "description", "license", "environments"}
SYSTEM_KEYS = {"packages", "files", "command", "environment_variables"}
ENVIRONMENT_KEYS = {"name", "channels", "dependencies"}


@dataclass(frozen=True)
class EnvironmentDefinition:
    """One conda environment: its name and conda's match specifications."""

    name: str
    specs: tuple[str, ...]


@dataclass(frozen=True)
class ImageDefinition:
    """One image as its author describes it.

    :param folder: where the definition lies.
    :param packages: Debian packages of a system image, besides the essential ones.
    :param files: folder of the definition that a system image copies over its root, or None.
    """

    folder: Path
    kind: str
    name: str
    tag: str
    title: str
    license: str
    environments: tuple[EnvironmentDefinition, ...]
    packages: tuple[str, ...] = ()
    files: Path | None = None
    command: tuple[str, ...] = ()
    environment_variables: dict[str, str] = field(default_factory=dict)

    def digest(self, **inputs: Any) -> str:
        """A digest of everything that the image is made of, ``inputs`` of the caller included."""
        data: dict[str, Any] = {
            "kind": self.kind,
            "name": self.name,
            "tag": self.tag,
            "title": self.title,
            "license": self.license,
            "environments": [[env.name, list(env.specs)] for env in self.environments],
            "packages": list(self.packages),
            "command": list(self.command),
            "variables": self.environment_variables,
            "files": _files_digest(self.files),
        }
        data.update(inputs)
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _files_digest(folder: Path | None) -> list[list[str]]:
    if folder is None:
        return []
    return [
        [
            path.relative_to(folder).as_posix(),
            oct(path.stat().st_mode & 0o777),
            hashlib.sha256(path.read_bytes()).hexdigest(),
        ]
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]


class _Reader:
    """One YAML file; gathers what is wrong with it, each with its line."""

    def __init__(self, path: Path, problems: list[VreError]) -> None:
        self.path, self.problems = path, problems
        self.lines: dict[str, int] = {}

    def problem(self, key: str, text: str, value: Any = None, remedy: str = "") -> None:
        where = f"{self.path}:{self.lines.get(key, 1)}"
        self.problems.append(VreError(text, where=where, value=value, remedy=remedy))

    def read(self) -> dict[str, Any]:
        """The file's mapping; an empty one when it cannot be read."""
        yaml = pyyaml()
        try:
            text = self.path.read_text(encoding="utf-8")
            node = yaml.compose(text, Loader=yaml.SafeLoader)
            data = yaml.safe_load(text)
        except (OSError, UnicodeDecodeError) as error:
            self.problem("", f"the file cannot be read: {error}")
            return {}
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            self.lines[""] = mark.line + 1 if mark else 1
            self.problem("", f"this is no YAML: {getattr(error, 'problem', None) or error}")
            return {}
        if not isinstance(data, dict) or not isinstance(node, yaml.MappingNode):
            self.problem("", "the file must hold a mapping of keys", value=data)
            return {}
        for key, _value in node.value:
            self.lines[str(key.value)] = key.start_mark.line + 1
        return {str(key): value for key, value in data.items()}

    def unknown(self, data: dict[str, Any], known: set[str]) -> None:
        for key in sorted(set(data) - known):
            self.problem(key, f"unknown key {key}", remedy=f"known keys: {', '.join(sorted(known))}")

    def text(self, data: dict[str, Any], key: str, pattern: re.Pattern[str] | None = None) -> str:
        value = data.get(key)
        if not isinstance(value, str) or not value.strip() or (pattern and not pattern.fullmatch(value)):
            shape = f"a text like {pattern.pattern}" if pattern else "a text (in quotes, if it looks like a number)"
            self.problem(key, f"{key} must be {shape}", value=value)
            return ""
        return value

    def texts(self, data: dict[str, Any], key: str) -> tuple[str, ...]:
        value = data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            self.problem(key, f"{key} must be a list of texts", value=value)
            return ()
        return tuple(value)


def load(folder: Path) -> ImageDefinition:
    """Read and check a definition.

    :raises VreErrors: with every problem, each naming file and line.
    """
    problems: list[VreError] = []
    reader = _Reader(folder / "image.yml", problems)
    definition = _image(reader, reader.read())
    if problems:
        raise VreErrors(problems)
    return definition


def _image(reader: _Reader, data: dict[str, Any]) -> ImageDefinition:
    kind = data.get("kind")
    if data:
        if kind not in ("business", "system"):
            reader.problem("kind", "kind must be business or system", value=kind)
        reader.unknown(data, COMMON_KEYS | (SYSTEM_KEYS if kind == "system" else set()))
        if data.get("version") != 1:
            reader.problem("version", "version must be 1", value=data.get("version"))
    variables = data.get("environment_variables") or {}
    if not isinstance(variables, dict):
        reader.problem("environment_variables", "environment_variables must be a mapping", value=variables)
        variables = {}
    return ImageDefinition(
        folder=reader.path.parent,
        kind=str(kind),
        name=reader.text(data, "name", NAME),
        tag=reader.text(data, "tag", TAG),
        title=_title(reader, data),
        license=reader.text(data, "license") if "license" in data else "",
        environments=_environments(reader, data),
        packages=reader.texts(data, "packages"),
        files=_folder(reader, data),
        command=reader.texts(data, "command"),
        environment_variables={str(key): str(value) for key, value in variables.items()},
    )


def _title(reader: _Reader, data: dict[str, Any]) -> str:
    title = data.get("title")
    if isinstance(title, dict):
        title = title.get("en")
    if not isinstance(title, str) or not title.strip():
        reader.problem("title", "title must be a text, or texts by language with at least en", value=data.get("title"))
        return ""
    return title


def _folder(reader: _Reader, data: dict[str, Any]) -> Path | None:
    if "files" not in data:
        return None
    path = reader.path.parent / str(data["files"])
    if not path.is_dir() or reader.path.parent.resolve() not in path.resolve().parents:
        reader.problem("files", "files must be a folder inside the definition", value=data["files"])
        return None
    return path


def _environments(reader: _Reader, data: dict[str, Any]) -> tuple[EnvironmentDefinition, ...]:
    value = data.get("environments")
    if not isinstance(value, dict) or not value:
        reader.problem("environments", "environments must name at least one environment and its file", value=value)
        return ()
    if data.get("kind") == "system" and list(value) != ["base"]:
        reader.problem("environments", "a system image has exactly one environment, base", value=list(value))
    found: list[EnvironmentDefinition] = []
    for name, file in sorted(value.items(), key=lambda item: str(item[0])):
        if not isinstance(name, str) or not ENVIRONMENT_NAME.fullmatch(name):
            reader.problem("environments", "an environment's name must be letters, digits, - and _", value=name)
        elif not isinstance(file, str) or "/" in file:
            reader.problem("environments", f"environment {name} must name a file of this folder", value=file)
        else:
            found.append(_environment(name, reader.path.parent / file, reader.problems))
    return tuple(found)


def _environment(name: str, path: Path, problems: list[VreError]) -> EnvironmentDefinition:
    reader = _Reader(path, problems)
    data = reader.read()
    specs: tuple[str, ...] = ()
    if data:
        reader.unknown(data, ENVIRONMENT_KEYS)
        specs = reader.texts(data, "dependencies")
        if not specs:
            reader.problem("dependencies", "an environment needs dependencies", remedy="list conda packages")
    return EnvironmentDefinition(name, specs)
