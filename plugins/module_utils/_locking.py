# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locking, with its files and registries: read catalogues, ask registries, compose the lock's text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ansible.module_utils.urls import open_url

from ansible_collections.gaia_data.vre.plugins.module_utils import _catalogue, _lock, _offer, _yaml
from ansible_collections.gaia_data.vre.plugins.module_utils._catalogue_entry import Entry
from ansible_collections.gaia_data.vre.plugins.module_utils._contract import PLATFORM
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors
from ansible_collections.gaia_data.vre.plugins.module_utils._registry import Registries

LONGEST_CATALOGUE = 5 * 1024 * 1024
TIMEOUT = 30

Settings = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Outcome:
    """The lock file's text before and after, and what to tell."""

    before: str
    after: str
    lock: dict[str, Any]
    changes: list[str]
    moved: list[dict[str, str]]


def run(params: Mapping[str, Any], settings: dict[str, dict[str, Any]]) -> Outcome:
    """What ``catalogue_lock`` does, all but the writing.

    :param params: the module's.
    :param settings: the option ``registries``, checked.
    :raises VreErrors: with everything that is wrong in catalogues, offer and images.
    """
    texts, problems = read_all(params["catalogues"], settings)
    catalogues = _catalogue.parse(texts)
    problems += catalogues.problems
    if catalogues.unreadable or len(texts) < len(params["catalogues"]):
        raise VreErrors(problems)  # with a catalogue missing, the offer cannot be judged
    offer, wrong = _offer.read(params["offer"], catalogues.kinds(), "the catalogues", catalogues.refused)
    problems += wrong
    problems += _lock.check_update(params["update"], {*offer.images, *catalogues.refused})
    problems += [
        VreError("this is no platform", "platforms", platform, "write linux/amd64, for example")
        for platform in params["platforms"]
        if not PLATFORM.fullmatch(platform)
    ]
    before, former = read_lock(Path(params["lock_file"]), problems)
    entries = [catalogues.entries[name] for name in offer.images]
    with Registries.open(settings, params["authfile"]) as registries:
        locked = lock(registries, entries, former, params, problems)
    after = _lock.HEADER + _yaml.dump(locked.lock)
    return Outcome(before, after, locked.lock, _lock.changes(former, locked.lock["images"]), locked.moved)


def lock(
    registries: Registries,
    entries: Sequence[Entry],
    former: _lock.Images,
    params: Mapping[str, Any],
    problems: list[VreError],
) -> _lock.Locked:
    """Ask the registries and compose the lock.

    :param problems: what was found before; told together with what is found here.
    """
    workers = params["workers"]
    found = registries.inspect_all((entry.reference.to_inspect for entry in entries), workers)
    pins = _lock.moved_pins(entries, former, found, params["update"])
    found.update(registries.inspect_all(pins.values(), workers))
    try:
        locked = _lock.make(entries, former, found, pins, params["platforms"])
    except VreErrors as error:
        raise VreErrors([*problems, *error.problems]) from error
    if problems:
        raise VreErrors(problems)
    return locked


def read_lock(path: Path, problems: list[VreError]) -> tuple[str, _lock.Images]:
    """The lock file's text and images; both empty when there is none yet."""
    if not path.parent.is_dir():
        problems.append(VreError("its folder is not there", "lock_file", str(path), "create the folder first"))
    try:
        text = path.read_text(encoding="utf-8")
        return text, _lock.check(_yaml.load(text, str(path)).data, str(path))
    except (FileNotFoundError, NotADirectoryError):
        return "", {}
    except (OSError, UnicodeDecodeError) as error:
        problems.append(VreError(f"the lock file cannot be read: {error}", "lock_file", str(path)))
    except VreErrors as error:
        problems += error.problems
    return "", {}


def read_all(sources: Sequence[str], settings: Settings) -> tuple[list[tuple[str, str]], list[VreError]]:
    """The text of each catalogue that can be read, with its source, and what is wrong with the others."""
    texts, problems = [], []
    if not sources:
        problems.append(VreError("there is no catalogue", "vre_catalogues", None, "name at least one file or address"))
    for source in sources:
        try:
            texts.append((source, _fetch(source, settings) if "://" in source else _read(source)))
        except VreError as error:
            problems.append(error)
    return texts, problems


def _read(source: str) -> str:
    try:
        return Path(source).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        words = getattr(error, "strerror", None) or str(error)
        remedy = "correct vre_catalogues"
        raise VreError(f"the catalogue cannot be read: {words}", "vre_catalogues", source, remedy) from error


def _fetch(source: str, settings: Settings) -> str:
    address = urlsplit(source)
    options = settings.get(address.netloc.rpartition("@")[2], {})
    if address.scheme != "https" and not (address.scheme == "http" and options.get("plain_http")):
        remedy = "use https, or set plain_http for its host in vre_registries, if you mean it"
        raise VreError("a catalogue is fetched by https only", "vre_catalogues", source, remedy)
    try:
        with open_url(source, timeout=TIMEOUT, ca_path=options.get("ca_file")) as answer:
            data: bytes = answer.read(LONGEST_CATALOGUE + 1)
    except Exception as error:  # open_url lets through whatever its libraries raise
        remedy = "check the address, and ca_file of its host in vre_registries"
        raise VreError(f"the catalogue cannot be fetched: {error}", "vre_catalogues", source, remedy) from error
    if len(data) > LONGEST_CATALOGUE:
        raise VreError("the catalogue is longer than 5 MB", "vre_catalogues", source, "check the address")
    return data.decode("utf-8", errors="replace")
