# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each hub keeps in a store that several share: ``bin/HUB/kept.json``, which goes with the hub's own folder."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._store import directory, layout

HUB = re.compile(r"gaia-vre-[a-z0-9-]{1,40}")
FILE = "kept.json"
VERSION = 1


@dataclass(frozen=True)
class Kept:
    """The names in the store that a hub keeps, and the hub's address, for people."""

    address: str
    names: frozenset[str]


def check(hub: str) -> None:
    """Whether this can be a hub's name.

    :raises VreError: when it cannot.
    """
    if not HUB.fullmatch(hub):
        raise VreError("this is no name of a hub", "hub", hub, "use gaia-vre- and small letters, digits or -")


def read(folder: Path, hub: str) -> Kept | None:
    """What a hub keeps; None when it never said so.

    :raises VreError: when the file cannot be read or says something else.
    """
    path = _path(folder, hub)
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        if data["version"] != VERSION:
            raise ValueError(data["version"])
        return Kept(str(data["address"]), frozenset(layout.name_of(str(digest)) for digest in data["images"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, VreError) as error:
        message = f"what the hub keeps cannot be read: {error}"
        raise VreError(message, str(path), None, "run gaia_data.vre.publish for that hub") from error


def before(folder: Path, hub: str) -> Kept | None:
    """What a hub kept until now; None also where that cannot be read, as it is about to be written anew."""
    try:
        return read(folder, hub)
    except VreError:
        return None


def others(folder: Path, hub: str) -> dict[str, frozenset[str]]:
    """The names that the other hubs of a store keep, by their addresses.

    :raises VreError: when one of them does not say.
    """
    found: dict[str, frozenset[str]] = {}
    for path in sorted((folder / "bin").glob("gaia-vre-*")):
        if path.name == hub or not path.is_dir():
            continue
        kept = read(folder, path.name)
        if kept is None:
            remedy = "run gaia_data.vre.publish for that hub; when it is gone, remove this folder"
            raise VreError("another hub uses the store and does not say what it keeps", str(path), None, remedy)
        found[kept.address] = found.get(kept.address, frozenset()) | kept.names
    return found


def write(folder: Path, hub: str, kept: Kept) -> None:
    """Put down what a hub keeps; others see all of it or what was there before.

    :raises OSError: when it cannot be written.
    """
    path = _path(folder, hub)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{FILE}.new")
    content = {"version": VERSION, "address": kept.address, "images": digests(kept.names)}
    with partial.open("w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), directory.FILE)
        json.dump(content, file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def digests(names: Collection[str]) -> list[str]:
    """Names of the store as digests, in order."""
    return sorted(f"sha256:{name}" for name in names)


def _path(folder: Path, hub: str) -> Path:
    return folder / "bin" / hub / FILE
