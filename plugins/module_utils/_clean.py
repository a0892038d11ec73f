# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What staged images are not needed any more: neither by the manifest, nor by the lock, nor by a container or a job.

Only what the collection staged itself goes: references in the store's record, and what is in the store.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils import _engine, _manifest, _reference
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._store import hubs
from ansible_collections.gaia_data.vre.plugins.module_utils._store.store import Store

DIGEST_BEGIN = re.compile(r"sha256:[0-9a-f]{4,64}")


@dataclass
class Cleaned:
    """What went or would go, by reference or path in the store, with its bytes; what stays as it is in use, or as
    another hub keeps it, by that hub's address.

    The bytes of the engine's images are those that no other image has.
    """

    images: dict[str, int] = field(default_factory=dict)
    folders: dict[str, int] = field(default_factory=dict)
    blobs: int = 0
    in_use: list[str] = field(default_factory=list)
    kept: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Needed:
    """References by digest that stay in the engine, and those that stay in the store, in this form."""

    engine: set[str] = field(default_factory=set)
    store: set[str] = field(default_factory=set)
    form: str = "directory"


def needed(path: Path, lock: Iterable[Mapping[str, Any]]) -> Needed:
    """What stays, of the manifest and of a lock's images; where each is, the manifest's mount kind says.

    :raises VreError: without a manifest that can be read: then nothing is known about what is needed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        message = f"the manifest cannot be read: {error.strerror}"
        raise VreError(message, "images_manifest_path", str(path), "run gaia_data.vre.deploy first") from error
    return needed_by(text, str(path), lock)


def needed_by(text: str, place: str, lock: Iterable[Mapping[str, Any]]) -> Needed:
    """The same, given the text of the manifest.

    :param place: where that is, for the sentence.
    :raises VreError: when it is none.
    """
    try:
        manifest = _manifest.load(text)
    except VreError as error:
        raise VreError(f"{error.message}, so nothing is removed", place, None, "run publish first") from error
    wanted = _manifest.references(manifest)
    wanted += [(image["kind"], _reference.parse(image["reference"]).at(str(image["digest"]))) for image in lock]
    jobs, mount_kind = manifest.get("substrate") == "batch", manifest.get("mount_kind")
    found = Needed(form="squashfs" if mount_kind == "squashfs" else "directory")
    for kind, reference in wanted:
        stored = jobs or (kind == "business" and mount_kind == "directory")
        (found.store if stored else found.engine).add(reference)
    return found


def keep(before: hubs.Kept | None, address: str, manifest: Path, lock: Sequence[Mapping[str, Any]]) -> hubs.Kept:
    """What a hub of a shared store keeps: what its manifest and a lock name.

    :param before: what it kept until now, which stays where the manifest cannot be read.
    """
    try:
        found, names = needed(manifest, lock), frozenset[str]()
    except VreError:
        found = Needed(store={_reference.parse(image["reference"]).at(str(image["digest"])) for image in lock})
        names = before.names if before else frozenset()
    return hubs.Kept(address, names | {_name(_reference.parse(one).digest) for one in found.store | found.engine})


def used(containers: Sequence[Mapping[str, Any]]) -> tuple[set[str], set[str]]:
    """Names and ids of images, and paths of the host, that containers stand on; a stopped one may start again."""
    images: set[str] = set()
    paths: set[str] = set()
    for container in containers:
        host = container.get("HostConfig") or {}
        images |= {str(container.get("Image")), str((container.get("Config") or {}).get("Image"))}
        paths |= {str(bind).partition(":")[0] for bind in host.get("Binds") or []}
        for mount in [*(host.get("Mounts") or []), *(container.get("Mounts") or [])]:
            source = str(mount.get("Source"))
            (images if mount.get("Type") == "image" and not source.startswith("/") else paths).add(source)
    return images, paths


def on_nodes(held: Iterable[str], keep: Needed, running: Collection[str]) -> tuple[list[str], list[str]]:
    """Of references that are kept on a cluster's nodes, those that stay; of these, those that only sessions need.

    :param running: digests that sessions use.
    """
    stay, in_use = [], []
    for reference in held:
        if reference in keep.engine:
            stay.append(reference)
        elif _reference.parse(reference).digest in running:
            stay.append(reference)
            in_use.append(reference)
    return stay, in_use


def in_use_below(folder: Path, paths: Iterable[str]) -> bool:
    """Whether one of ``paths`` is the folder, or in it."""
    return any(folder == Path(path) or folder in Path(path).parents for path in paths)


def clean(
    store: Store,
    keep: Needed,
    check: bool,
    jobs: Collection[str] | None = None,
    others: Mapping[str, Collection[str]] | None = None,
) -> Cleaned:
    """Remove what nobody needs.

    :param keep: of :func:`needed`.
    :param check: only tell.
    :param jobs: digests that jobs use or their beginnings, of :func:`check_jobs`, where no engine runs sessions.
    :param others: of :func:`hubs.others`, where other hubs use the store.
    :raises VreError: when the engine does not tell what is in use.
    """
    found = Cleaned()
    entries, paths = store.entries(), set[str]()
    begins = tuple(_name(digest) for digest in jobs or ())
    running = {path.stem for path in entries if path.stem.startswith(begins)}
    if jobs is None:
        images, paths = used(_engine.containers())
        _clean_images(store, keep.engine, images, check, found)
    names = {_name(_reference.parse(reference).digest) for reference in keep.store}
    parts = names.union(running, *(others or {}).values())
    for path in entries:
        name, form = path.stem, "directory" if path.is_dir() else "squashfs"
        if name in names and form == keep.form:
            continue
        keepers = [hub for hub, theirs in (others or {}).items() if name in theirs]
        for hub in keepers:
            found.kept.setdefault(hub, []).append(str(path))
        if keepers:
            continue
        if name in running or in_use_below(path, paths):
            parts.add(name)
            found.in_use.append(str(path))
        else:
            found.folders[str(path)] = store.remove(path, check)
    found.blobs = store.remove_blobs(parts, check)
    return found


def check_jobs(digests: Iterable[str]) -> None:
    """Check what jobs say that they use.

    :raises VreError: for what is not the beginning of a digest.
    """
    for digest in digests:
        if not DIGEST_BEGIN.fullmatch(digest):
            message = "this is no digest, nor the beginning of one"
            raise VreError(message, "jobs", digest, "give sha256: and four to 64 hexadecimal digits")


def _name(digest: str) -> str:
    return digest.partition(":")[2]


def _clean_images(store: Store, keep: set[str], images: set[str], check: bool, found: Cleaned) -> None:
    staged = store.staged()
    if not staged - keep:
        return
    ids = {number for name in images if (number := _engine.image(name))} | images
    numbers = {reference: _engine.image(reference) for reference in sorted(staged - keep)}
    sizes = _engine.sizes()
    gone = set()
    for reference, number in numbers.items():
        if number is None:
            gone.add(reference)
        elif reference in images or number in ids:
            found.in_use.append(reference)
        elif not check and (words := _engine.remove(reference)):
            found.in_use.append(f"{reference} ({words})")
        else:
            gone.add(reference)
            found.images[reference] = sizes.get(number, 0)
    if gone and not check:
        # Read again: the role images adds what it pulls meanwhile.
        store.record(store.staged() - gone)
