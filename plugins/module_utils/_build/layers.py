# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of an image go into which layer, so that a small change moves few bytes.

Each large package has a layer of its own, the rest share the last. A package's layer is the same in the next
version of the image when the package is: registries and hosts keep it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from ansible_collections.gaia_data.vre.plugins.module_utils._build import oci

LARGE = 8 << 20
MOST = 16  # runtimes mount at most about 120 layers


def split(root: Path, prefixes: Iterable[Path]) -> list[list[tuple[str, Path]]]:
    """The members of each layer of ``root``, large packages of the environments ``prefixes`` first.

    A package that several environments have is in one layer, where its files are hard links.
    """
    owners = _owners(root, prefixes)
    sizes: dict[str, int] = {}
    members = dict(oci.tree(root))
    seen: set[tuple[int, int]] = set()
    for name, owner in owners.items():
        status = members[name].lstat()
        if (status.st_dev, status.st_ino) not in seen:
            seen.add((status.st_dev, status.st_ino))
            sizes[owner] = sizes.get(owner, 0) + status.st_size
    largest = sorted(sizes, key=lambda owner: (-sizes[owner], owner))[:MOST]
    layers: dict[str, dict[str, Path]] = {owner: {} for owner in sorted(largest) if sizes[owner] >= LARGE}
    rest: dict[str, Path] = {}
    for name, path in members.items():
        _add(layers.get(owners.get(name, ""), rest), name, path, root)
    return [list(layer.items()) for layer in (*layers.values(), rest) if layer]


def _add(layer: dict[str, Path], name: str, path: Path, root: Path) -> None:
    """A member with the folders above it: a runtime would give missing ones a time of its own."""
    layer[name] = path
    for parent in PurePosixPath(name).parents:
        if parent.name:
            layer.setdefault(parent.as_posix(), root / parent)


def _owners(root: Path, prefixes: Iterable[Path]) -> dict[str, str]:
    """The package of each file that one brought, bytecode included, by the file's name in the image."""
    found: dict[str, str] = {}
    for prefix in prefixes:
        for file in sorted((prefix / "conda-meta").glob("*.json")):
            record = json.loads(file.read_text(encoding="utf-8"))
            for name in record.get("files", []):
                path = prefix / name
                candidates = [path]
                if path.suffix == ".py":
                    candidates += sorted(path.parent.glob(f"__pycache__/{path.stem}.cpython-*.pyc"))
                for candidate in candidates:
                    if candidate.is_symlink() or candidate.is_file():
                        found[candidate.relative_to(root).as_posix()] = file.stem
    return found
