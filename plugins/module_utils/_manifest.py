# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest: offer, lock and capabilities compiled to what the hub reads at each launch. Pure functions.

An image's new digest enters as candidate and becomes what is offered by :func:`promote`, when its check has passed;
until then the former digest stays on offer. What was on offer is retained: it can be pinned, and an older lock brings
it back at once, as it has passed its check.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils import _lock, _mounts, _offer, _reference
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors
from ansible_collections.gaia_data.vre.plugins.module_utils._store import layout
from ansible_collections.gaia_data.vre.plugins.module_utils._text import (
    NAME_RULE,
    TITLE_LENGTH,
    is_name,
    normal_texts,
    suggest,
    wrong_with_texts,
)

VERSION = 1
USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
STATES = ("offered", "candidate")
KEEP = 2
TEXTS = ("title", "description", "keywords", "documentation", "contact", "license")


@dataclass
class Compiled:
    """A manifest, and what a person should know about it."""

    manifest: dict[str, Any]
    notes: list[str] = field(default_factory=list)

    @property
    def candidates(self) -> list[str]:
        """Names of images with a candidate."""
        return sorted(name for name, image in self.manifest["images"].items() if image["candidate"])

    @property
    def offered(self) -> list[str]:
        """Names of images that users may launch."""
        return sorted(name for name, image in self.manifest["images"].items() if image["offered"])


def compile_manifest(
    lock: Mapping[str, Any],
    offer: Any,
    capabilities: Mapping[str, Any],
    centre: Mapping[str, Any],
    check_user: str,
    mount_kind: str | None = None,
    previous: Mapping[str, Any] | None = None,
    keep: int = KEEP,
    store: str = layout.DEFAULT,
    absent: Collection[str] = (),
) -> Compiled:
    """Compile the manifest.

    :param lock: content of ``vre.lock.yml``.
    :param offer: the centre's ``vre_offer``.
    :param capabilities: what ``substrate_info`` measured.
    :param centre: ``name`` and ``title``.
    :param check_user: the user that alone may launch candidates.
    :param mount_kind: kind to use, or None for what the host does best.
    :param previous: the manifest that the hub reads now.
    :param keep: how many digests of an image stay: the offered one and ``keep - 1`` former ones.
    :param store: folder of the unpacked images.
    :param absent: references of locked images that are not on the host: what they had on offer stays.
    :raises VreErrors: with everything that is wrong.
    """
    images = _lock.check(lock)
    parsed, problems = _offer.read(offer, {name: image["kind"] for name, image in images.items()}, "the lock")
    problems += _wrong_with_centre(centre, check_user)
    if keep < 1:
        problems.append(_wrong_keep(keep))
    try:
        kind = _kind(capabilities, mount_kind)
        maker = _mounts.maker(str(capabilities["substrate"]), kind, store)
    except VreError as error:
        raise VreErrors([*problems, error]) from error
    notes: list[str] = []
    pins: dict[str, dict[str, Any]] = {}
    for name in parsed.images:
        try:
            pins[name] = _pin(name, images[name], maker, capabilities)
        except VreError as error:
            problems.append(error)
    if problems:
        raise VreErrors(problems)
    former = _former(previous, capabilities, kind, notes)
    compiled_images = {}
    for name in parsed.images:
        was = former.get((name, images[name]["kind"]), {})
        there = pins[name]["reference"] not in absent
        states = _states(name, pins[name], was, keep, notes, there=there)
        if not there:
            version = states["offered"] and states["offered"]["version"]
            stays = f"{version} stays on offer" if version else "not on offer"
            notes.append(f"{name} {pins[name]['version']} is not on this host (yet): {stays}")
        compiled_images[name] = {**_texts(images[name], parsed.groups.get(name)), **states}
    manifest: dict[str, Any] = {
        "version": VERSION,
        "centre": {
            "name": centre["name"],
            "title": normal_texts(centre.get("title") or centre["name"]),
        },
        "substrate": str(capabilities["substrate"]),
        "mount_kind": kind,
        "check": {"user": check_user},
        "free_choice": parsed.free_choice,
        "images": compiled_images,
        "compositions": parsed.compositions,
        "resources": _resources(parsed.resources, capabilities, notes),
    }
    return Compiled(manifest, notes)


def promote(manifest: Mapping[str, Any], passed: Mapping[str, str], keep: int = KEEP) -> Compiled:
    """Offer candidates and retain what was on offer; an image without a candidate stays as it is.

    :param passed: the digest that passed its check, by image name. Another play may have brought another candidate
        meanwhile, which nobody has checked: it stays one.
    :raises VreError: for a name that the manifest does not have, or a ``keep`` that keeps nothing.
    """
    if keep < 1:
        raise _wrong_keep(keep)
    found = copy.deepcopy(dict(manifest))
    unknown = [name for name in passed if name not in found["images"]]
    if unknown:
        remedy = suggest(unknown[0], found["images"], "images of the manifest")
        raise VreError(f"the manifest has no image {', '.join(unknown)}", "promote", None, remedy)
    notes = []
    for name, digest in passed.items():
        image = found["images"][name]
        if not image["candidate"]:
            continue
        if image["candidate"]["digest"] != digest:
            notes.append(f"{name}: another candidate came while this one was checked; publish again to have it checked")
            continue
        image["retained"] = _retained(image["candidate"], [image["offered"], *image["retained"]], keep)
        image["offered"], image["candidate"] = image["candidate"], None
    return Compiled(found, notes)


def references(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Kind and reference of everything that a session may be launched from, or may be soon."""
    images = manifest["images"].values()
    return [(str(image.get("kind")), str(pin["reference"])) for image in images for pin in _pins(image)]


def dump(manifest: Mapping[str, Any]) -> str:
    """The manifest as it is written: the order of images and compositions is the offer's."""
    return json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"


def load(text: str) -> dict[str, Any]:
    """A manifest that was written before.

    :raises VreError: when it is none.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise VreError(f"it is no JSON: {error}") from error
    if not isinstance(data, dict) or data.get("version") != VERSION or not isinstance(data.get("images"), dict):
        raise VreError(f"it is no manifest of version {VERSION}")
    if not all(isinstance(image, dict) and _is_pinned(image) for image in data["images"].values()):
        raise VreError("an image in it is neither offered nor a candidate, or at no digest")
    return data


def _pins(image: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """All pins of an image."""
    return [pin for pin in (*(image[state] for state in STATES), *image["retained"]) if pin is not None]


def _is_pinned(image: dict[str, Any]) -> bool:
    """Whether the states of an image are what this module writes: nothing, or a digest of a reference."""
    if not all(state in image for state in STATES) or not isinstance(image.setdefault("retained", []), list):
        return False
    return all(
        isinstance(pin, dict)
        and isinstance(pin.get("reference"), str)
        and _reference.DIGEST.fullmatch(str(pin.get("digest")))
        for pin in _pins(image)
    )


def _wrong_keep(keep: int) -> VreError:
    return VreError("what is on offer is always kept", "vre_keep", keep, "use 1 or more; 2 keeps one former version")


def _wrong_with_centre(centre: Mapping[str, Any], check_user: str) -> list[VreError]:
    problems = []
    name, title = centre.get("name"), centre.get("title")
    if not is_name(name):
        problems.append(VreError("the centre has no usable name", "vre_centre.name", name, f"use {NAME_RULE}"))
    wrong = wrong_with_texts(title, TITLE_LENGTH) if title is not None else None
    if wrong:
        problems.append(VreError(wrong, "vre_centre.title", title))
    problems += [
        VreError(f"unknown key {key}", "vre_centre", None, suggest(str(key), ("name", "title"), "known keys"))
        for key in centre
        if key not in ("name", "title")
    ]
    if not USER.fullmatch(check_user):
        remedy = "use small letters, digits, _ and -"
        problems.append(VreError("this cannot be a user's name", "vre_check_user", check_user, remedy))
    return problems


def _kind(capabilities: Mapping[str, Any], forced: str | None) -> str:
    """The mount kind to use.

    :raises VreError: when there is none, with what the host says and the remedy.
    """
    if forced:
        measured = (capabilities.get("mount_kinds") or {}).get(forced)
        if measured and measured["usable"]:
            return forced
        reason = measured["reason"] if measured else f"substrate {capabilities['substrate']} does not know it"
        raise VreError(f"mount kind {forced} cannot be used: {reason}", "vre_mount_kind")
    kind = capabilities.get("mount_kind")
    if not kind:
        raise VreError(f"this host cannot mount images: {capabilities.get('reason', '')}", "substrate_info")
    return str(kind)


def _pin(name: str, image: Mapping[str, Any], maker: _mounts.Maker, capabilities: Mapping[str, Any]) -> dict[str, Any]:
    """One digest of an image, with its ready-made mount."""
    where = f"lock: images.{name}"
    reference = _reference.parse(image.get("reference"), where)
    digest = str(image.get("digest"))
    measured = _measured(image, capabilities, where)
    subpath = str(image.get("subpath") or "")
    if subpath and maker.mount_kind == "image" and not capabilities.get("subpath", True):
        raise VreError(
            "the runtime mounts whole images only, so a part of one cannot be mounted",
            where=f"{where}.subpath",
            value=subpath,
            remedy="set vre_mount_kind: directory, give the nodes a newer runtime, or take the image out of the offer",
        )
    pinned = reference.at(digest)
    _reference.parse(pinned, where)  # a lock is edited by people, too
    found: dict[str, Any] = {
        "reference": pinned,
        "tag": str(image["reference"]),
        "digest": digest,
        "version": str(image.get("version") or ""),
        "size": max(int(one["size"]) for one in measured),
    }
    if image["kind"] == "system":
        return {**found, "launch": maker.system(pinned)}
    path = image["mount_path"]
    return {
        **found,
        "environments": image["environments"],
        "envs_dir": _lock.envs_dir(path),
        "mount": maker.business(pinned, path, subpath),
    }


def _measured(image: Mapping[str, Any], capabilities: Mapping[str, Any], where: str) -> list[Mapping[str, Any]]:
    """What the lock has of an image for each platform that sessions run on; a cluster may have several.

    :raises VreError: for one that the image is not there for.
    """
    known = image.get("platforms") or {}
    wanted = [str(platform) for platform in capabilities.get("platforms") or [capabilities["platform"]]]
    for platform in wanted:
        if platform not in known:
            raise VreError(
                f"the image is not there for {platform}, which sessions run on here",
                where=where,
                value=", ".join(sorted(known)) or "none",
                remedy="build it for this platform, or take it out of the offer",
            )
    return [known[platform] for platform in wanted]


def _former(
    previous: Mapping[str, Any] | None, capabilities: Mapping[str, Any], kind: str, notes: list[str]
) -> dict[tuple[str, Any], Mapping[str, Any]]:
    """The images of the manifest that is there by name and kind, when their mounts still fit."""
    if previous is None:
        return {}
    if previous.get("substrate") != capabilities["substrate"] or previous.get("mount_kind") != kind:
        notes.append("the substrate or the mount kind changed, so every image is checked again")
        return {}
    return {(name, image.get("kind")): image for name, image in previous["images"].items()}


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether a check of ``one`` holds for ``other``: the same content, seen at the same place."""

    def place(pin: Mapping[str, Any]) -> dict[str, Any]:
        # The same digest of another repository is the same content.
        mount = dict(pin.get("mount") or {})
        if mount.get("Type") == "image":
            del mount["Source"]
        if "image" in mount.get("volume", {}):
            del mount["volume"]  # named by the digest
        return mount

    return all(one.get(key) == other.get(key) for key in ("digest", "envs_dir")) and place(one) == place(other)


def _retained(offered: Mapping[str, Any], former: Sequence[Mapping[str, Any] | None], keep: int) -> list[Any]:
    """The newest of ``former`` that stay beside what is offered, each digest once."""
    found: dict[str, Any] = {}
    for pin in former:
        if pin is not None and pin["digest"] != offered["digest"]:
            found.setdefault(pin["digest"], pin)
    return list(found.values())[: keep - 1]


def _states(
    name: str, pin: dict[str, Any], was: Mapping[str, Any], keep: int, notes: list[str], *, there: bool
) -> dict[str, Any]:
    """``offered``, ``candidate`` and ``retained`` of an image whose lock says ``pin``.

    What was checked before is offered without another check: the same digest by another tag, or an older lock.
    """
    offered, former = was.get("offered"), was.get("retained", [])
    if offered is not None and _same(offered, pin):
        return {"offered": pin, "candidate": None, "retained": _retained(pin, former, keep)}
    if not there:
        return {"offered": offered, "candidate": None, "retained": _retained(offered or pin, former, keep)}
    if any(_same(one, pin) for one in former):
        notes.append(f"{name}: back to {pin['version'] or pin['digest'][:19]}")
        return {"offered": pin, "candidate": None, "retained": _retained(pin, [offered, *former], keep)}
    return {"offered": offered, "candidate": pin, "retained": _retained(offered or pin, former, keep)}


def _texts(image: Mapping[str, Any], groups: Sequence[str] | None) -> dict[str, Any]:
    empty: dict[str, Any] = {"title": {}, "description": {}, "keywords": []}
    return {
        "kind": image["kind"],
        **{key: image.get(key) or empty.get(key) for key in TEXTS},
        "groups": list(groups) if groups is not None else None,
    }


def _resources(resources: Mapping[str, Any], capabilities: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    cgroup = capabilities.get("cgroup") or {}
    foreign = () if capabilities["substrate"] == "batch" else ("time", "partition", "account")
    for name, data in resources.items():
        found[name] = {key: value for key, value in data.items() if key not in foreign}
        notes += [
            f"resources {name}: {key} is for a batch system, and has no effect here"
            for key in foreign
            if data.get(key) is not None
        ]
        for key, unit in (("cpu", "processors"), ("memory", "memory")):
            if data.get(key) is not None and not cgroup.get(key):
                found[name][key] = None
                notes.append(f"resources {name}: this host cannot limit {unit}, so sessions are not limited in it")
    return found
