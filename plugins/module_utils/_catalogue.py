# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Catalogues: the images that exist, in YAML files that several centres may share."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils import _reference
from ansible_collections.gaia_data.vre.plugins.module_utils._catalogue_entry import MOUNT_PATH, SUBPATH, Entry
from ansible_collections.gaia_data.vre.plugins.module_utils._contract import KINDS
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors
from ansible_collections.gaia_data.vre.plugins.module_utils._text import (
    DESCRIPTION_LENGTH,
    NAME_RULE,
    TITLE_LENGTH,
    is_name,
    normal_texts,
    suggest,
    wrong_with_text,
    wrong_with_texts,
)
from ansible_collections.gaia_data.vre.plugins.module_utils._yaml import Document, load

KEYS = (
    "kind",
    "reference",
    "title",
    "description",
    "keywords",
    "documentation",
    "contact",
    "license",
    "mount_path",
    "subpath",
)
URL = re.compile(r"https?://[A-Za-z0-9._~:/?#@!&'()*+,;=%\[\]-]+")
MOST_KEYWORDS = 50
# A mount there would hide what every session needs.
NOT_OVER = ("/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys")
NOT_AT = ("/opt", "/opt/conda", "/opt/gaia", "/tmp", "/usr", "/var")  # noqa: S108 (refused, not used)


@dataclass
class Catalogues:
    """What several catalogues say together.

    :param entries: the images that are right, by name.
    :param refused: names of images that are wrong.
    :param unreadable: whether a whole catalogue is missing here.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    problems: list[VreError] = field(default_factory=list)
    unreadable: bool = False

    def kinds(self) -> dict[str, str]:
        """``system`` or ``business`` by name."""
        return {name: entry.kind for name, entry in self.entries.items()}


def parse(texts: Iterable[tuple[str, str]]) -> Catalogues:
    """Read catalogues.

    :param texts: ``(source, YAML)`` of each catalogue.
    """
    found = Catalogues()
    for source, text in texts:
        try:
            document = load(text, source)
        except VreErrors as error:
            found.problems += error.problems
            found.unreadable = True
            continue
        for name, data in _images(document, found.problems):
            if name in found.entries:
                remedy = "rename one of them; a name means one image in all catalogues of a centre"
                message = f"image {name} is already in another catalogue, at {found.entries[name].where}"
                found.problems.append(VreError(message, document.where("images", name), None, remedy))
                continue
            entry = _entry(name, data, document, found.problems)
            if entry:
                found.entries[name] = entry
            else:
                found.refused.add(name)
    return found


def _images(document: Document, problems: list[VreError]) -> list[tuple[str, dict[str, Any]]]:
    data = document.data
    if not isinstance(data, dict):
        remedy = "start it with version: 1 and images:"
        problems.append(VreError("a catalogue must be a mapping", document.where(), data, remedy))
        return []
    known = ("version", "images")
    problems += [_unknown(document.where(key), key, known) for key in data if key not in known]
    if data.get("version") != 1 or isinstance(data.get("version"), bool):
        remedy = "write version: 1"
        where = document.where("version")
        problems.append(VreError("this version of catalogues is not known", where, data.get("version"), remedy))
    images = data.get("images")
    if not isinstance(images, dict) or not images:
        remedy = "name at least one image below images:"
        problems.append(VreError("the catalogue has no images", document.where("images"), images, remedy))
        return []
    found = []
    for name, value in images.items():
        where = document.where("images", name)
        if not is_name(name):
            problems.append(VreError("this cannot be the name of an image", where, name, f"use {NAME_RULE}"))
        elif not isinstance(value, dict):
            problems.append(VreError(f"image {name} must be a mapping", where, value, "give kind, reference, title"))
        else:
            found.append((name, value))
    return found


def _unknown(where: str, key: Any, known: Iterable[str]) -> VreError:
    return VreError(f"unknown key {key}", where, None, suggest(str(key), known, "known keys"))


def _entry(name: str, data: dict[str, Any], document: Document, problems: list[VreError]) -> Entry | None:
    before = len(problems)

    def wrong(key: str, text: str, remedy: str = "") -> None:
        where = document.where("images", name, key)
        problems.append(VreError(f"image {name}: {key} {text}", where, data.get(key), remedy))

    unknown = [key for key in data if key not in KEYS]
    problems += [_unknown(document.where("images", name, key), key, KEYS) for key in unknown]
    kind = data.get("kind")
    if kind not in KINDS:
        wrong("kind", "must be system or business")
    reference = None
    try:
        reference = _reference.parse(data.get("reference"), document.where("images", name, "reference"))
    except VreError as error:
        problems.append(error)
    for key, longest in (("title", TITLE_LENGTH), ("description", DESCRIPTION_LENGTH)):
        text = wrong_with_texts(data[key], longest) if data.get(key) is not None else None
        if text:
            wrong(key, text)
    keywords = data.get("keywords") or []
    if not isinstance(keywords, list) or len(keywords) > MOST_KEYWORDS:
        wrong("keywords", f"must be a list of at most {MOST_KEYWORDS} words")
        keywords = []
    for word in keywords:
        text = wrong_with_text(word, 60)
        if text:
            wrong("keywords", text)
    _check_plain(data, wrong)
    _check_place(data, kind, wrong)
    if len(problems) > before or reference is None:
        return None
    return Entry(
        name=name,
        where=document.where("images", name),
        kind=str(kind),
        reference=reference,
        text=str(data["reference"]),
        title=normal_texts(data.get("title") or name),
        description=normal_texts(data.get("description")),
        keywords=tuple(keywords),
        documentation=data.get("documentation"),
        contact=data.get("contact"),
        license=data.get("license"),
        mount_path=data.get("mount_path"),
        subpath=data.get("subpath"),
    )


def _check_plain(data: dict[str, Any], wrong: Any) -> None:
    address = data.get("documentation")
    if address is not None and not (isinstance(address, str) and len(address) <= 500 and URL.fullmatch(address)):
        wrong("documentation", "must be an address that starts with https:// or http://")
    for key in ("contact", "license"):
        text = wrong_with_text(data[key], 200) if data.get(key) is not None else None
        if text:
            wrong(key, text)


def _check_place(data: dict[str, Any], kind: Any, wrong: Any) -> None:
    for key, pattern, shape in (
        ("mount_path", MOUNT_PATH, "an absolute path of plain names"),
        ("subpath", SUBPATH, "a relative path of plain names"),
    ):
        value = data.get(key)
        if value is None:
            continue
        if kind == "system":
            wrong(key, "has a meaning for business images only", "remove it")
        elif not isinstance(value, str) or len(value) > 200 or not pattern.fullmatch(value):
            wrong(key, f"must be {shape}, such as {'/opt/gaia/ocean' if key == 'mount_path' else 'opt/conda/envs'}")
        elif key == "mount_path" and (value in NOT_AT or any(f"{value}/".startswith(f"{no}/") for no in NOT_OVER)):
            wrong(key, "would hide a part of the system image", "mount it below /opt/gaia")
    if data.get("subpath") is not None and data.get("mount_path") is None:
        wrong("subpath", "needs mount_path beside it", "say where that folder is to be mounted")
