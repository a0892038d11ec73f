# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML with the line of each key, so that a message can say where; and YAML that is written the same way each time."""

from __future__ import annotations

import sys
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors

Path = tuple[str, ...]


def pyyaml() -> Any:
    """The library, which controllers have and hosts may lack.

    :raises VreError: when it is not there.
    """
    try:
        import yaml as library
    except ImportError as error:
        remedy = "install PyYAML for the Python that runs this module"
        raise VreError("the Python library PyYAML is not there", sys.executable, None, remedy) from error
    return library


class Document:
    """A YAML file's data; ``where("images", "ocean")`` is ``file:line`` of that key."""

    def __init__(self, source: str, data: Any, lines: dict[Path, int]) -> None:
        self.source, self.data, self.lines = source, data, lines

    def where(self, *path: Any) -> str:
        """The line of a key, or of the nearest one above that has a line."""
        names = tuple(map(str, path))
        while names and names not in self.lines:
            names = names[:-1]
        return f"{self.source}:{self.lines.get(names, 1)}"


def load(text: str, source: str) -> Document:
    """Parse one YAML document.

    :raises VreErrors: when it is no YAML (with the line), or a key is there twice (with both lines).
    """
    library = pyyaml()
    loader = getattr(library, "CSafeLoader", library.SafeLoader)(text)
    try:
        node = loader.get_single_node()
        lines: dict[Path, int] = {}
        problems: list[VreError] = []
        if node is not None:
            _walk(node, (), source, lines, problems, set())
        if problems:
            raise VreErrors(problems)
        return Document(source, loader.construct_document(node) if node is not None else None, lines)
    except (library.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        words = getattr(error, "problem", None) or str(error).splitlines()[0]
        remedy = "mend the YAML; yamllint shows more"
        raise VreErrors([VreError(f"this is no YAML: {words}", f"{source}{line}", None, remedy)]) from error
    finally:
        loader.dispose()


def _walk(node: Any, path: Path, source: str, lines: dict[Path, int], problems: list[VreError], seen: set[int]) -> None:
    if id(node) in seen:  # an alias
        return
    seen.add(id(node))
    if node.id == "sequence":
        for index, item in enumerate(node.value):
            lines[(*path, str(index))] = item.start_mark.line + 1
            _walk(item, (*path, str(index)), source, lines, problems, seen)
    elif node.id == "mapping":
        for key, value in node.value:
            here = (*path, key.value if key.id == "scalar" else str(key.start_mark))
            line = key.start_mark.line + 1
            if here in lines and key.tag != "tag:yaml.org,2002:merge":
                message = f"{here[-1]} is there twice, first in line {lines[here]}"
                problems.append(VreError(message, f"{source}:{line}", None, "rename or remove one of them"))
            lines.setdefault(here, line)
            _walk(value, here, source, lines, problems, seen)


def dump(data: Any) -> str:
    """``data`` as YAML, in the order that it has, without aliases."""
    library = pyyaml()

    class Dumper(library.SafeDumper):  # type: ignore[misc, name-defined]
        """Lists indented as yamllint likes them."""

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
            return True

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
            super().increase_indent(flow, False)

    text: str = library.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1_000_000)
    return text
