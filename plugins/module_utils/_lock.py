# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock: every image of an offer at a digest, with what it holds.

Pure: what registries hold comes in as values, the lock goes out as a mapping in a fixed order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils import _contract, _reference
from ansible_collections.gaia_data.vre.plugins.module_utils._catalogue_entry import MOUNT_PATH, SUBPATH, Entry
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors
from ansible_collections.gaia_data.vre.plugins.module_utils._registry import PlatformImage, RemoteImage
from ansible_collections.gaia_data.vre.plugins.module_utils._text import is_name, suggest

VERSION = 1
HEADER = """\
---
# Every image of the offer, pinned. Written by the playbook gaia_data.vre.lock from the catalogues and the offer:
# read the changes, commit them, don't edit.
"""
NEWER = "run the playbook gaia_data.vre.lock again"
PACKAGES_SHOWN = 5

Images = dict[str, dict[str, Any]]
Found = Mapping[str, "RemoteImage | VreError"]


@dataclass(frozen=True)
class Locked:
    """A new lock and what to tell about it.

    :param moved: tags that point elsewhere now, ``{name, reference, locked, now}``; ``now`` is empty when it is gone.
    """

    lock: dict[str, Any]
    moved: list[dict[str, str]] = field(default_factory=list)


def check(lock: Any, where: str = "vre.lock.yml") -> Images:
    """The images of a lock that was read from a file.

    :raises VreErrors: with everything in it that this collection would not have written.
    """
    if not isinstance(lock, dict) or lock.get("version") != VERSION or not isinstance(lock.get("images"), dict):
        value = lock.get("version") if isinstance(lock, dict) else lock
        raise VreErrors([VreError("this is no lock of a known version", where, value, NEWER)])
    problems: list[VreError] = []
    for name, image in lock["images"].items():
        wrong = _wrong_with(name, image)
        if wrong:
            problems.append(VreError(f"image {name}: {wrong}", where, None, f"restore the file from git, or {NEWER}"))
    if problems:
        raise VreErrors(problems)
    images: Images = lock["images"]
    return images


def _wrong_with(name: Any, image: Any) -> str:
    if not is_name(name):
        return "this is no name of an image"
    if not isinstance(image, dict) or image.get("kind") not in _contract.KINDS:
        return "kind must be system or business"
    try:
        _reference.parse(image.get("reference"))
    except VreError as error:
        return f"reference: {error.message}"
    if not _is_digest(image.get("digest")):
        return "digest must be sha256:…"
    platforms = image.get("platforms")
    if not isinstance(platforms, dict) or not platforms:
        return "platforms must name at least one"
    for platform, data in platforms.items():
        if not _contract.PLATFORM.fullmatch(str(platform)) or not isinstance(data, dict):
            return f"platform {platform} is none"
        if not _is_digest(data.get("digest")) or not isinstance(data.get("size"), int):
            return f"platform {platform} must have digest and size"
    return _wrong_with_mount(image) if image["kind"] == "business" else ""


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and _reference.DIGEST.fullmatch(value) is not None


def _wrong_with_mount(image: dict[str, Any]) -> str:
    mount, subpath = image.get("mount_path"), image.get("subpath", "")
    if not isinstance(mount, str) or not MOUNT_PATH.fullmatch(mount):
        return "mount_path must be an absolute path of plain names"
    if not isinstance(subpath, str) or (subpath and not SUBPATH.fullmatch(subpath)):
        return "subpath must be a relative path of plain names"
    environments = image.get("environments")
    if not isinstance(environments, dict):
        return "environments must be a mapping"
    for name, data in environments.items():
        if not _contract.ENVIRONMENT_NAME.fullmatch(str(name)):
            return f"environment {name} has a name that cannot be"
        kernels = data.get("kernels") if isinstance(data, dict) else None
        if not isinstance(kernels, dict) or not all(_contract.KERNEL_DIR.fullmatch(str(kernel)) for kernel in kernels):
            return f"environment {name} has kernels that cannot be"
    return ""


def moved_pins(entries: Iterable[Entry], former: Images, found: Found, update: Sequence[str]) -> dict[str, str]:
    """Images whose tag points elsewhere than the lock says, and stays unfollowed: the pinned reference by name."""
    pins = {}
    for entry in entries:
        locked = former.get(entry.name)
        if locked is None or locked["reference"] != entry.text or _updates(entry.name, update):
            continue
        now = found[entry.reference.to_inspect]
        gone = isinstance(now, VreError) and now.message == "the image is not in the registry"
        if gone or (isinstance(now, RemoteImage) and now.digest != locked["digest"]):
            pins[entry.name] = entry.reference.at(locked["digest"])
    return pins


def _updates(name: str, update: Sequence[str]) -> bool:
    return "*" in update or name in update


def check_update(update: Sequence[str], offered: Iterable[str]) -> list[VreError]:
    """Names to update that the offer does not have."""
    names = list(offered)
    return [
        VreError(f"image {name} is not in the offer", "update", None, suggest(name, names, "offered images"))
        for name in update
        if name != "*" and name not in names
    ]


def make(
    entries: Sequence[Entry], former: Images, found: Found, pins: Mapping[str, str], platforms: Sequence[str]
) -> Locked:
    """Compose the lock.

    :param entries: the images of the offer.
    :param found: what the registries hold, by reference.
    :param pins: from ``moved_pins``: these stay at their digest.
    :raises VreErrors: with everything that is wrong with the images.
    """
    problems: list[VreError] = []
    images: Images = {}
    moved = []
    for entry in sorted(entries, key=lambda entry: entry.name):
        now = found[entry.reference.to_inspect]
        if entry.name in pins:
            digest = former[entry.name]["digest"]
            is_now = now.digest if isinstance(now, RemoteImage) else ""
            moved.append({"name": entry.name, "reference": entry.text, "locked": digest, "now": is_now})
            now = found[pins[entry.name]]
        if isinstance(now, VreError):
            problems.append(_at(entry, now))
            continue
        try:
            images[entry.name] = _image(entry, now, platforms)
        except VreErrors as error:
            problems += error.problems
    problems += clashes(images, {entry.name: entry.where for entry in entries})
    if problems:
        raise VreErrors(_once(problems))
    return Locked({"version": VERSION, "images": images}, moved)


def _at(entry: Entry, error: VreError) -> VreError:
    """The registry's answer, with the catalogue's line; a problem of the whole registry stands for itself."""
    if error.where != entry.reference.to_inspect and not error.where.startswith(entry.reference.repository):
        return error
    return VreError(f"image {entry.name}: {error.message}", entry.where, error.where, error.remedy)


def _once(problems: Iterable[VreError]) -> list[VreError]:
    return list({str(problem): problem for problem in problems}.values())


def _image(entry: Entry, remote: RemoteImage, platforms: Sequence[str]) -> dict[str, Any]:
    """One image's place in the lock."""
    problems: list[VreError] = []
    where = f"{entry.where}: image {entry.name} ({entry.text})"
    chosen: dict[str, PlatformImage] = {}
    contracts: list[_contract.Contract] = []
    for platform in platforms:
        image = remote.platforms.get(platform)
        if image is None:
            there = ", ".join(sorted(remote.platforms)) or "none"
            remedy = "build it for that platform, or take it out of the offer"
            problems.append(VreError(f"is not there for {platform}, only for {there}", where, None, remedy))
            continue
        chosen[platform] = image
        try:
            contracts.append(_agree(entry, platform, image, where))
        except VreErrors as error:
            problems += error.problems
    if len({_kernels(contract) for contract in contracts}) > 1:
        message = "its platforms do not have the same kernels"
        problems.append(VreError(message, where, None, "build all of them from one definition"))
    if problems or not contracts:
        raise VreErrors(problems)
    return _compose(entry, remote.digest, chosen, contracts[0])


def _agree(entry: Entry, platform: str, image: PlatformImage, where: str) -> _contract.Contract:
    """The image's labels, which must say what the catalogue says."""
    foreign = entry.kind == "business" and entry.subpath is not None
    if foreign and _contract.LABEL_CONTRACT not in image.labels:
        return _contract.Contract("business", mount_path=entry.mount_path)
    contract = _contract.parse(image.labels, where)
    problems = []
    if contract.kind != entry.kind:
        message = f"the catalogue says {entry.kind}, the image says {contract.kind}"
        problems.append(VreError(message, where, None, "correct kind in the catalogue, or take another image"))
    labelled = image.labels.get(_contract.LABEL_PLATFORM, platform)
    if labelled != platform:
        message = f"label {_contract.LABEL_PLATFORM} does not say {platform}"
        problems.append(VreError(message, where, labelled, "build the image again"))
    expected = entry.mount_path or _contract.mount_path(entry.name)
    if contract.kind == entry.kind == "business" and contract.mount_path != expected:
        remedy = f"name it {str(contract.mount_path).rpartition('/')[2]}, or give mount_path in the catalogue"
        message = f"the image is made for {contract.mount_path}, not for {expected}"
        problems.append(VreError(message, where, None, remedy))
    if problems:
        raise VreErrors(problems)
    return contract


def _kernels(contract: _contract.Contract) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((name, tuple(data["kernels"])) for name, data in contract.environments.items())


def _compose(
    entry: Entry, digest: str, platforms: Mapping[str, PlatformImage], contract: _contract.Contract
) -> dict[str, Any]:
    image: dict[str, Any] = {
        "kind": entry.kind,
        "reference": entry.text,
        "digest": digest,
        "platforms": {name: {"digest": p.digest, "size": p.size} for name, p in sorted(platforms.items())},
        "version": contract.version or entry.reference.tag or digest[7:19],
        "title": entry.title,
    }
    texts: dict[str, Any] = {
        "description": entry.description,
        "keywords": list(entry.keywords),
        "documentation": entry.documentation,
        "contact": entry.contact,
        "license": entry.license or contract.license,
    }
    image.update({key: value for key, value in texts.items() if value})
    if entry.kind == "business":
        image["mount_path"] = entry.mount_path or contract.mount_path
        if entry.subpath:
            image["subpath"] = entry.subpath
        image["environments"] = contract.environments
    return image


def envs_dir(mount_path: str) -> str:
    """Where the environments are in a session; a foreign image may mount the folder of environments itself."""
    return mount_path if mount_path.endswith("/envs") else f"{mount_path}/envs"


def kernels_of(image: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The kernels that a locked business image must bring, by the name that they have in a session."""
    # nb_conda_kernels names an image by the folder that holds "envs".
    folder = envs_dir(image["mount_path"]).split("/")[-2]
    return {
        _contract.kernel_name(folder, environment, kernel): {"environment": environment, "kernel": kernel}
        for environment, data in image["environments"].items()
        for kernel in data["kernels"]
    }


def clashes(images: Images, places: Mapping[str, str]) -> list[VreError]:
    """Business images that cannot be in one session: at one path, or with kernels of one name."""
    problems = []
    paths: dict[str, str] = {}
    kernels: dict[str, str] = {}
    for name, image in images.items():
        if image["kind"] != "business":
            continue
        path = image["mount_path"]
        other = next((p for p in paths if f"{p}/".startswith(f"{path}/") or f"{path}/".startswith(f"{p}/")), None)
        if other is not None:
            message = f"image {name} and image {paths[other]} want to be mounted at the same place"
            problems.append(VreError(message, places[name], path, "offer one of them, or build one for another path"))
        paths[path] = name
        for kernel in kernels_of(image):
            other = kernels.setdefault(kernel, name)
            if other != name:
                message = f"image {name} and image {other} have a kernel of the same name"
                problems.append(VreError(message, places[name], kernel, "rename an environment, or offer one of them"))
    return problems


def changes(before: Images, after: Images) -> list[str]:
    """What changed, a line an image, for people."""
    lines = [f"- {name} {before[name].get('version', '')}".rstrip() for name in before if name not in after]
    for name, image in after.items():
        if name not in before:
            count = len(image.get("environments", {}))
            lines.append(f"+ {name} {image['version']}" + (f", {_count(count)}" if count else ""))
        elif image != before[name]:
            lines.append(_change(name, before[name], image))
    return sorted(lines, key=lambda line: line.lstrip("+- "))


def _count(number: int) -> str:
    return f"{number} environment{'' if number == 1 else 's'}"


def _change(name: str, old: dict[str, Any], new: dict[str, Any]) -> str:
    said = []
    head = f"{name} {old['version']} → {new['version']}" if old.get("version") != new["version"] else name
    if old["digest"] != new["digest"]:
        if old.get("version") == new["version"]:
            head = f"{name} {new['version']}"
            said.append(f"rebuilt ({old['digest'][7:19]} → {new['digest'][7:19]})")
        said += _environment_changes(old.get("environments", {}), new.get("environments", {}))
    elif old["reference"] != new["reference"]:
        said.append(f"same image by another reference ({new['reference']})")
    told = {"digest", "reference", "platforms", "version", "environments"}
    keys = [key for key in dict.fromkeys((*new, *old)) if key not in told and old.get(key) != new.get(key)]
    if keys:
        said.append(f"{', '.join(keys)} changed")
    if not said and head == name:
        said.append("platforms changed" if old["platforms"] != new["platforms"] else "contents changed")
    return ", ".join([head, *said])


def _environment_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    said = []
    for sign, names in (("+", [n for n in new if n not in old]), ("-", [n for n in old if n not in new])):
        if names:
            said.append(f"{sign}{_count(len(names))} ({', '.join(names)})")
    packages = []
    for name in new:
        prefix = f"{name}: " if len(set(old) & set(new)) > 1 else ""
        was, now = old.get(name, {}).get("packages", {}), new[name]["packages"]
        if name in old:
            packages += [f"{prefix}{p} {was[p]} → {now[p]}" for p in now if p in was and was[p] != now[p]]
            packages += [f"{prefix}+{p} {now[p]}" for p in now if p not in was]
            packages += [f"{prefix}-{p}" for p in was if p not in now]
    more = len(packages) - PACKAGES_SHOWN
    return said + packages[:PACKAGES_SHOWN] + ([f"and {more} more packages"] if more > 0 else [])
