# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The offer of a centre: which images, for whom, with which resources, in which compositions.

The same checks run when images are locked, against the catalogues, and when the manifest is compiled, against the lock.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

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

KEYS = ("system", "business", "free_choice", "access", "resources", "compositions")
ACCESS_KEYS = ("groups",)
RESOURCE_KEYS = ("title", "description", "cpu", "memory", "gpu", "time", "partition", "account")
COMPOSITION_KEYS = ("title", "description", "system", "business", "resources", "groups")
MEMORY = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?) ?([KMGT])?i?B?", re.IGNORECASE)
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
TIME = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?) ?(s|min|m|h|d)")
SECONDS = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400}
LEAST_TIME, MOST_TIME = 60, 366 * 86400
# Of a partition or an account: it becomes a word of a job script.
WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}")
LEAST_MEMORY = 64 << 20
MOST_MEMORY = 1 << 50  # 1024T; more is a slip
GLOB = re.compile(r"[*?\[\]]")


@dataclass(frozen=True)
class Offer:
    """A checked offer: names instead of globs, bytes instead of ``2G``, texts by language.

    :param groups: by image; an image that is not there is open to everybody.
    """

    system: tuple[str, ...]
    business: tuple[str, ...]
    free_choice: bool
    groups: dict[str, list[str]] = field(default_factory=dict)
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    compositions: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def images(self) -> tuple[str, ...]:
        """Every image of the offer: system images, then business images, in the offer's order."""
        return self.system + self.business


def read(
    data: Any, kinds: Mapping[str, str], place: str, broken: Iterable[str] = (), root: str = "vre_offer"
) -> tuple[Offer, list[VreError]]:
    """Check an offer against the images that exist.

    :param data: as the administrator wrote it.
    :param kinds: ``system`` or ``business`` by image name.
    :param place: what ``kinds`` is from, for messages, such as ``the catalogues``.
    :param broken: names that exist, but were refused already; nothing more is said about them.
    :param root: the variable's name.
    :returns: what is right of the offer, and everything that is wrong with it.
    """
    reader = _Reader(kinds, place, frozenset(broken), root)
    return reader.offer(data), reader.problems


def parse(data: Any, kinds: Mapping[str, str], place: str) -> Offer:
    """The same; only a flawless offer comes back.

    :raises VreErrors: with everything that is wrong.
    """
    offer, problems = read(data, kinds, place)
    if problems:
        raise VreErrors(problems)
    return offer


def bytes_of(value: Any) -> int | None:
    """``2G`` in bytes (K, M, G and T are powers of 1024); None when it is no amount of memory."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    found = MEMORY.fullmatch(value.strip()) if isinstance(value, str) else None
    return int(float(found[1]) * UNITS[(found[2] or "").upper()]) if found else None


def seconds_of(value: Any) -> int | None:
    """``2h`` in seconds (s, min, h and d); None when it is no time."""
    found = TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    return int(float(found[1]) * SECONDS[found[2]]) if found else None


class _Reader:
    """Reads an offer and gathers what is wrong."""

    def __init__(self, kinds: Mapping[str, str], place: str, broken: frozenset[str], root: str) -> None:
        self.kinds, self.place, self.broken, self.root = kinds, place, broken, root
        self.problems: list[VreError] = []

    def wrong(self, path: str, message: str, value: Any = None, remedy: str = "") -> None:
        where = f"{self.root}.{path}" if path else self.root
        self.problems.append(VreError(message, where, value, remedy))

    def offer(self, data: Any) -> Offer:
        if not isinstance(data, dict) or not data:
            self.wrong("", "the offer is empty", data, "list system images below system, and business images")
            return Offer((), (), False)
        self.keys("", data, KEYS)
        before = len(self.problems)
        system = self.images("system", data.get("system"), "system")
        business = self.images("business", data.get("business"), "business")
        free_choice = data.get("free_choice", True)
        if not isinstance(free_choice, bool):
            self.wrong("free_choice", "must be true or false", free_choice)
        if len(self.problems) == before and not self.broken:
            if not system:
                self.wrong("system", "the offer has no system image", None, "name at least one")
            if not business and not data.get("compositions"):
                message = "the offer has no business image and no composition"
                self.wrong("business", message, None, "name at least one")
        groups = self.access(data.get("access"), system + business)
        resources = self.resources(data.get("resources"))
        compositions = self.compositions(data.get("compositions"), system, business, resources)
        return Offer(tuple(system), tuple(business), bool(free_choice), groups, resources, compositions)

    def keys(self, path: str, data: dict[Any, Any], known: Iterable[str]) -> None:
        for key in data:
            if key not in known:
                self.wrong(
                    f"{path}.{key}".lstrip("."), f"unknown key {key}", None, suggest(str(key), known, "known keys")
                )

    def mapping(self, path: str, value: Any) -> dict[str, dict[str, Any]]:
        """A mapping of names to mappings; what is none is told and left out."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.wrong(path, "must be a mapping", value)
            return {}
        found = {}
        for name, data in value.items():
            if isinstance(data, dict):
                found[str(name)] = data
            else:
                self.wrong(f"{path}.{name}", "must be a mapping", data)
        return found

    def images(self, path: str, value: Any, kind: str) -> list[str]:
        """Names and globs as names of images of ``kind``, each once."""
        if value is None:
            return []
        if not isinstance(value, list):
            self.wrong(path, "must be a list of names", value)
            return []
        found: dict[str, None] = {}
        for item in value:
            if isinstance(item, str) and GLOB.search(item):
                names = [n for n in sorted(self.kinds) if self.kinds[n] == kind and fnmatch.fnmatchcase(n, item)]
                if not names and not any(fnmatch.fnmatchcase(name, item) for name in self.broken):
                    known = suggest(item, self.known(kind), f"{kind} images of {self.place}")
                    self.wrong(path, f"no {kind} image of {self.place} matches", item, known)
                found.update(dict.fromkeys(names))
            elif self.image(path, item, kind):
                found[item] = None
        return list(found)

    def known(self, kind: str) -> list[str]:
        return [name for name, its in self.kinds.items() if its == kind]

    def image(self, path: str, name: Any, kind: str) -> bool:
        """Whether an image exists and is of ``kind``."""
        if not isinstance(name, str):
            self.wrong(path, "must be the name of an image", name)
        elif name in self.broken:
            return False  # what is wrong with it is told already
        elif name not in self.kinds:
            known = suggest(name, self.known(kind), f"{kind} images of {self.place}")
            if self.place == "the lock":
                known = f"if the catalogue has it, run gaia_data.vre.lock; {known}"
            self.wrong(path, f"there is no image {name} in {self.place}", None, known)
        elif self.kinds[name] != kind:
            remedy = f"name a {kind} image here"
            self.wrong(path, f"image {name} is of kind {self.kinds[name]}, not {kind}", None, remedy)
        else:
            return True
        return False

    def groups(self, path: str, value: Any) -> list[str]:
        if not isinstance(value, list) or not value:
            remedy = "name at least one group, or leave groups out to open it to everybody"
            self.wrong(path, "must be a list of groups", value, remedy)
            return []
        for group in value:
            text = wrong_with_text(group, 128)
            if text:
                self.wrong(path, f"a group {text}", group)
        return sorted({str(group) for group in value})

    def access(self, value: Any, offered: list[str]) -> dict[str, list[str]]:
        found = {}
        for name, data in self.mapping("access", value).items():
            path = f"access.{name}"
            self.keys(path, data, ACCESS_KEYS)
            if name not in offered and name not in self.broken:
                self.wrong(path, f"image {name} is not in the offer", None, suggest(name, offered, "offered images"))
            if "groups" in data:
                found[name] = self.groups(f"{path}.groups", data["groups"])
            else:
                self.wrong(path, "must have groups", None, "name the groups, or remove the entry")
        return found

    def texts(self, path: str, data: dict[str, Any], name: str) -> dict[str, dict[str, str]]:
        for key, longest in (("title", TITLE_LENGTH), ("description", DESCRIPTION_LENGTH)):
            text = wrong_with_texts(data[key], longest) if data.get(key) is not None else None
            if text:
                self.wrong(f"{path}.{key}", text, data[key])
        if any(problem.where.startswith(f"{self.root}.{path}.") for problem in self.problems):
            return {"title": {}, "description": {}}
        return {"title": normal_texts(data.get("title") or name), "description": normal_texts(data.get("description"))}

    def name(self, path: str, name: str) -> None:
        if not is_name(name):
            self.wrong(path, "this cannot be a name", name, f"use {NAME_RULE}")

    def resources(self, value: Any) -> dict[str, dict[str, Any]]:
        found = {}
        for name, data in self.mapping("resources", value).items():
            path = f"resources.{name}"
            self.name(path, name)
            self.keys(path, data, RESOURCE_KEYS)
            memory, cpu, gpu = (
                bytes_of(data.get("memory")),
                self.number(data.get("cpu")),
                self.number(data.get("gpu", 0)),
            )
            if data.get("memory") is not None and (memory is None or not LEAST_MEMORY <= memory <= MOST_MEMORY):
                self.wrong(
                    f"{path}.memory", "must be an amount from 64M to 1024T", data["memory"], "write 2G, for example"
                )
            if data.get("cpu") is not None and (cpu is None or not 0 < cpu <= 4096):
                self.wrong(f"{path}.cpu", "must be a number of processors", data["cpu"], "write 1 or 0.5, for example")
            if gpu is None or gpu < 0 or gpu != int(gpu):
                self.wrong(f"{path}.gpu", "must be a whole number", data["gpu"])
                gpu = 0
            found[name] = {
                **self.texts(path, data, name),
                "cpu": cpu,
                "memory": memory,
                "gpu": int(gpu),
                **self.job(path, data),
            }
        return found

    def job(self, path: str, data: dict[str, Any]) -> dict[str, Any]:
        """What only a batch system knows."""
        time = seconds_of(data.get("time"))
        if data.get("time") is not None and (time is None or not LEAST_TIME <= time <= MOST_TIME):
            self.wrong(f"{path}.time", "must be a time from 1min to 366d", data["time"], "write 8h, for example")
        found: dict[str, Any] = {"time": time}
        for key in ("partition", "account"):
            found[key] = None if data.get(key) is None else str(data[key])
            if found[key] is not None and not WORD.fullmatch(found[key]):
                self.wrong(f"{path}.{key}", f"this cannot be the name of the {key}", data[key])
        return found

    @staticmethod
    def number(value: Any) -> float | None:
        try:
            number = float(value) if not isinstance(value, bool) else None
        except (TypeError, ValueError, OverflowError):
            return None
        return number if number is not None and abs(number) < 1e9 else None

    def compositions(
        self, value: Any, system: list[str], business: list[str], resources: dict[str, Any]
    ) -> dict[str, dict[str, Any]]:
        found = {}
        for name, data in self.mapping("compositions", value).items():
            path = f"compositions.{name}"
            self.name(path, name)
            self.keys(path, data, COMPOSITION_KEYS)
            if data.get("system") is None:
                self.wrong(path, "has no system image", None, suggest("", system, "offered system images"))
            else:
                self.member(f"{path}.system", data["system"], "system", system)
            names = data.get("business") or []
            if not isinstance(names, list):
                self.wrong(f"{path}.business", "must be a list of names", names)
                names = []
            for item in names:
                self.member(f"{path}.business", item, "business", business)
            profile = data.get("resources")
            if profile is not None and (not isinstance(profile, str) or profile not in resources):
                known = suggest(str(profile), resources, "resources")
                self.wrong(f"{path}.resources", f"there are no resources {profile}", None, known)
            found[name] = {
                **self.texts(path, data, name),
                "system": data.get("system"),
                "business": list(dict.fromkeys(map(str, names))),
                "resources": profile,
                "groups": self.groups(f"{path}.groups", data["groups"]) if data.get("groups") is not None else None,
            }
        return found

    def member(self, path: str, name: Any, kind: str, offered: list[str]) -> None:
        """An image of a composition must exist, be of the right kind, and be offered."""
        if self.image(path, name, kind) and name not in offered:
            message = f"image {name} is not in the offer"
            self.wrong(path, message, None, f"add it to {self.root}.{kind}, or take another")
