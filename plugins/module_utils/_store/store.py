# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store: images fetched by skopeo, verified, and unpacked or packed as squashfs files, without a daemon or root.

Compressed layers are kept, so that of a new version only what changed is fetched, and a play that was killed goes on
where it was. An image appears under its name when it is whole and on the disk, never before.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from ansible_collections.gaia_data.vre.plugins.module_utils import _reference
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors
from ansible_collections.gaia_data.vre.plugins.module_utils._reference import Reference
from ansible_collections.gaia_data.vre.plugins.module_utils._registry import INDEX_TYPES, Registries, platform_name
from ansible_collections.gaia_data.vre.plugins.module_utils._store import (
    directory,
    layers,
    layout,
    locks,
    pack,
    squashfs,
    variables,
)

# By the first bytes of a layer. Source: RFC 1952, RFC 8878.
DECOMPRESSORS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Wanted:
    """An image at a digest, and the folder of it that is mounted."""

    reference: Reference
    subpath: str = ""

    @property
    def name(self) -> str:
        """Its name in the store."""
        return layout.name_of(self.reference.digest)

    def __str__(self) -> str:
        return self.reference.at(self.reference.digest)


def wanted(store: str, images: Sequence[Mapping[str, str]]) -> list[Wanted]:
    """The images that a module was asked for.

    :raises VreErrors: with every one that is not at a digest, or has a subpath that is no path.
    """
    found, problems = [], []
    for image in images:
        try:
            reference = _reference.parse(image["reference"], "images")
            layout.entry(store, reference.digest, image["subpath"])
            found.append(Wanted(reference, image["subpath"]))
        except VreError as error:
            problems.append(error)
    if problems:
        raise VreErrors(problems)
    return found


@dataclass
class Brought:
    """References of images that were brought, and by reference those that cannot be used, and why."""

    images: list[str] = field(default_factory=list)
    problems: dict[str, VreError] = field(default_factory=dict)


class Store:
    """A store; what changes it runs in ``with store.locked(…)``.

    :param form: of its images: ``directory`` or ``squashfs``.
    """

    def __init__(self, folder: Path, form: str = "directory") -> None:
        self.folder, self.form = folder, form
        self.blobs = folder / "blobs"

    def path(self, image: Wanted) -> Path:
        """Where an image is."""
        return self.folder / f"{image.name}{layout.SUFFIXES[self.form]}"

    def missing(self, images: Sequence[Wanted]) -> list[Wanted]:
        """Images that are not there, each once; also those whose file was touched since it was verified."""
        return list({image.name: image for image in images if not self._is_there(image)}.values())

    def broken(self, images: Iterable[Wanted]) -> list[Wanted]:
        """Of :meth:`missing` images, those that must be brought: what was only touched is read again."""
        return [image for image in images if self.form == "directory" or self._measured(image) is None]

    @contextmanager
    def locked(self, patience: float) -> Iterator[None]:
        """Make the store where it is missing and be the only one who changes it.

        :param patience: seconds to wait for another play.
        :raises VreError: when that one does not end, or the folder cannot be made.
        """
        try:
            # Whatever umask says: sessions are mounted from it.
            for folder in (*reversed([one for one in self.folder.parents if not one.exists()]), self.folder):
                folder.mkdir(exist_ok=True)
                # A volume's own folder may be somebody else's, with room for all.
                if os.geteuid() in (0, folder.stat().st_uid):
                    folder.chmod(directory.FOLDER)
            self.blobs.mkdir(mode=0o700, exist_ok=True)
            (self.blobs / "sha256").mkdir(mode=0o700, exist_ok=True)
            lock = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise disk_error(error, self.folder) from error
        try:
            locks.take(lock, patience, self.folder)
            for leftover in self.folder.glob(f"{layout.PARTIAL}*"):
                # What a play left that was killed; a skopeo of its own may still write there, and gives up.
                shutil.rmtree(leftover, ignore_errors=True) if leftover.is_dir() else leftover.unlink()
            yield
        except OSError as error:
            raise disk_error(error, self.folder) from error
        finally:
            os.close(lock)

    def add(self, registries: Registries, images: Sequence[Wanted], platform: str, workers: int) -> Brought:
        """Bring what is missing.

        :param platform: of an image for several ones, the one to take.
        :param workers: how many images at a time.
        """
        found = Brought()
        failed: dict[str, VreError] = {}

        def bring(image: Wanted) -> None:
            try:
                if self._verify(image):
                    return
                self._bring(registries, image, platform)
                found.images.append(str(image))
            except OSError as error:
                failed[image.name] = disk_error(error, self.folder)
            except VreError as error:
                failed[image.name] = error

        missing = self.missing(images)
        if missing and self.form == "squashfs":
            pack.require()
        with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
            list(pool.map(bring, missing))
        found.problems = self.wrong_subpaths(image for image in images if image.name not in failed)
        found.problems.update({str(image): failed[image.name] for image in images if image.name in failed})
        return found

    def wrong_subpaths(self, images: Iterable[Wanted]) -> dict[str, VreError]:
        """A folder that is mounted must be one of the image: a link would lead the engine to the host's own files.

        :return: what is wrong, by reference.
        """
        remedy = "correct subpath in the catalogue"
        message = "the image has no such folder, or it is a link"
        return {
            str(image): VreError(message, f"{image}: subpath", image.subpath, remedy)
            for image in images
            if image.subpath and not self._is_own_folder(image)
        }

    def entries(self) -> list[Path]:
        """Folders and files of all images, in whatever form they are."""
        return sorted(
            path
            for path in _children(self.folder)
            if layout.NAME.fullmatch(path.stem) and path.suffix in layout.SUFFIXES.values()
        )

    def staged(self) -> set[str]:
        """References that the engine pulled for us."""
        try:
            return set((self.folder / layout.RECORD).read_text(encoding="utf-8").split())
        except FileNotFoundError:
            return set()

    def record(self, references: set[str]) -> None:
        """Replace the record of what the engine pulled for us."""
        partial = self.folder / f"{layout.PARTIAL}{layout.RECORD}"
        partial.write_text("".join(f"{reference}\n" for reference in sorted(references)), encoding="utf-8")
        partial.chmod(directory.FILE)
        partial.replace(self.folder / layout.RECORD)

    def remove(self, path: Path, check: bool) -> int:
        """Remove one of :meth:`entries`; gives its bytes on the disk.

        :param check: only tell.
        """
        size = _size(path)
        if check:
            return size
        if not path.is_dir():
            squashfs.record_path(path).unlink(missing_ok=True)  # first: without it the file is nothing
            path.unlink()
            return size
        # Under another name first, so that what is there under its own is whole.
        going = self.folder / f"{layout.PARTIAL}{path.name}"
        path.rename(going)
        shutil.rmtree(going)
        return size

    def remove_blobs(self, names: set[str], check: bool) -> int:
        """Remove manifests and layers that no image of ``names`` is made of; gives their bytes on the disk."""
        kept = set(names)
        for name in names:
            kept |= self._parts(name)
        size = 0
        for path in _children(self.blobs / "sha256"):
            if path.name not in kept:
                size += _size(path)
                if not check:
                    path.unlink()
        return size

    def _parts(self, name: str) -> set[str]:
        """Names of everything that the manifest or index ``name`` is made of."""
        try:
            manifest = json.loads((self.blobs / "sha256" / name).read_bytes())
        except (FileNotFoundError, ValueError):
            return set()
        found: set[str] = set()
        for item in [manifest.get("config"), *manifest.get("layers", []), *manifest.get("manifests", [])]:
            part = str((item or {}).get("digest")).partition(":")[2]
            found.add(part)
            if item in manifest.get("manifests", []):
                found |= self._parts(part)
        return found

    def _is_own_folder(self, image: Wanted) -> bool:
        if self.form == "squashfs":
            return pack.has_folder(self.path(image), image.subpath)
        root = self.path(image).resolve()
        path = root / image.subpath
        return path.is_dir() and path.resolve() == path

    def _is_there(self, image: Wanted) -> bool:
        """Whether an image is there; cheap."""
        path = self.path(image)
        if self.form == "directory":
            return path.is_dir()
        record = squashfs.record(path)
        return record is not None and not squashfs.wrong(path, record.size) and not squashfs.touched(path, record)

    def _measured(self, image: Wanted) -> squashfs.Record | None:
        """The record of a squashfs file that is what was written, read to its end; None when it is not."""
        path = self.path(image)
        record = squashfs.record(path)
        if record is None or squashfs.wrong(path, record.size):
            return None
        found = squashfs.measure(path)
        return found if found.sha256 == record.sha256 else None

    def _verify(self, image: Wanted) -> bool:
        """Whether a file that was touched is what was written all the same; then that is remembered."""
        record = None if self.form == "directory" else self._measured(image)
        if record is None:
            return False
        self._write_record(self.path(image), record)
        return True

    def _write_record(self, path: Path, record: squashfs.Record) -> None:
        partial = self.folder / f"{layout.PARTIAL}{path.stem}.json"
        with partial.open("w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), directory.FILE)
            file.write(squashfs.dump(record))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(squashfs.record_path(path))
        _sync_folder(self.folder)

    def _bring(self, registries: Registries, image: Wanted, platform: str) -> None:
        # Nobody else gets into it before it is whole.
        partial = Path(tempfile.mkdtemp(prefix=f"{layout.PARTIAL}{image.name}-", dir=self.folder))
        try:
            reference, config, digests = self._parts_of(registries, image, platform)
            missing = {digest for digest in (config, *digests) if not self._verified(digest)}
            with ThreadPoolExecutor(max_workers=1) as pool:
                pull = pool.submit(registries.pull, reference, partial / "layout", self.blobs) if missing else None
                streams: list[layers.Opened] = [
                    functools.partial(self._layer, image, digest, missing, pull) for digest in digests
                ]
                streams.append(functools.partial(self._variables, image, config, missing, pull))
                write = self._pack if self.form == "squashfs" else self._unpack
                write(image, streams, partial / "image")
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _layer(
        self, image: Wanted, digest: str, missing: set[str], pull: Future[None] | None
    ) -> AbstractContextManager[IO[bytes]]:
        """An uncompressed layer, as soon as it is there."""
        self._wait_for(image, digest, missing, pull)
        return _uncompressed(self._blob(digest), str(image))

    @contextmanager
    def _variables(
        self, image: Wanted, digest: str, missing: set[str], pull: Future[None] | None
    ) -> Iterator[IO[bytes]]:
        """The layer with the variables of an image's configuration."""
        self._wait_for(image, digest, missing, pull)
        try:
            found = (json.loads(self._blob(digest).read_bytes()).get("config") or {}).get("Env") or []
        except (ValueError, AttributeError) as error:
            raise VreError(
                "the image has no configuration that can be read", str(image), None, "push it again"
            ) from error
        yield variables.layer(found, str(image))

    def _wait_for(self, image: Wanted, digest: str, missing: set[str], pull: Future[None] | None) -> None:
        """Wait until a part of an image is there and verified: others may still be on their way.

        :param missing: digests of parts that ``pull`` brings; what is verified leaves it.
        """
        if pull is None or digest not in missing:
            return
        # skopeo moves it there when it is whole.
        while not self._blob(digest).exists() and not pull.done():
            time.sleep(0.01)
        if pull.done():
            pull.result()
        if not self._verified(digest):
            raise VreError("a layer is not what its digest says", str(image), digest, "run publish again")
        missing.remove(digest)

    def _unpack(self, image: Wanted, streams: Sequence[layers.Opened], root: Path) -> None:
        layers.write(str(image), streams, lambda: directory.writing(root))
        # On the disk before it has its name: after a power cut it is whole or absent.
        command = ["sync", "--file-system", str(root)]
        if subprocess.run(command, check=False).returncode:  # pylint: disable=ansible-bad-function
            raise VreError("what was unpacked does not get to the disk", str(self.folder), None, "look at the disk")
        root.rename(self.path(image))
        _sync_folder(self.folder)

    def _pack(self, image: Wanted, streams: Sequence[layers.Opened], file: Path) -> None:
        layers.write(str(image), streams, lambda: pack.packing(file, str(image)))
        record, path = squashfs.measure(file), self.path(image)
        file.replace(path)
        # The rename is a change of the file, too.
        self._write_record(path, replace(record, changed=squashfs.changed(path)))

    def _parts_of(self, registries: Registries, image: Wanted, platform: str) -> tuple[str, str, list[str]]:
        """Reference of an image for ``platform``, and the digests of its configuration and its layers."""
        reference, manifest = self._manifest(registries, image, platform)
        try:
            return reference, str(manifest["config"]["digest"]), [str(layer["digest"]) for layer in manifest["layers"]]
        except (KeyError, TypeError) as error:
            raise VreError("what the registry holds is no image manifest", str(image)) from error

    def _manifest(self, registries: Registries, image: Wanted, platform: str) -> tuple[str, dict[str, Any]]:
        """Reference and content of the manifest for ``platform``; kept beside its layers, for the cleaning."""
        reference = str(image)
        raw = registries.manifest(reference)
        self._keep(raw)
        try:
            manifest: dict[str, Any] = json.loads(raw)
            if manifest.get("mediaType") in INDEX_TYPES or "manifests" in manifest:
                fitting = (one for one in manifest["manifests"] if platform_name(one.get("platform") or {}) == platform)
                reference = image.reference.at(str(next(fitting)["digest"]))
                raw = registries.manifest(reference)
                self._keep(raw)
                manifest = json.loads(raw)
        except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
            raise VreError(f"the registry holds no image for {platform}", str(image)) from error
        return reference, manifest

    def _keep(self, raw: bytes) -> None:
        self._blob(f"sha256:{hashlib.sha256(raw).hexdigest()}").write_bytes(raw)

    def _blob(self, digest: str) -> Path:
        return self.blobs / "sha256" / layout.name_of(digest)

    def _verified(self, digest: str) -> bool:
        """Whether a blob is there and what its digest says; another one, written when the power went away, goes."""
        found = hashlib.sha256()
        blob = self._blob(digest)
        try:
            with blob.open("rb") as file:
                while chunk := file.read(CHUNK):
                    found.update(chunk)
        except FileNotFoundError:
            return False
        if found.hexdigest() != blob.name:
            blob.unlink()
            return False
        return True


def _children(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _size(path: Path) -> int:
    """Bytes on the disk of a file or of all that is in a folder; what has two names counts once."""
    found: dict[int, int] = {}
    for one in (path, *path.rglob("*")):
        status = one.lstat()
        found[status.st_ino] = status.st_blocks * 512
    return sum(found.values())


def _sync_folder(folder: Path) -> None:
    """A rename in it survives a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def disk_error(error: OSError, folder: Path) -> VreError:
    """An error of the store's disk, for a person."""
    words = {errno.ENOSPC: "the disk of the store is full", errno.EDQUOT: "the quota of the store's disk is used up"}
    if error.errno in words:
        remedy = "run gaia_data.vre.clean, or give the disk more space; what is on offer stays"
        return VreError(words[error.errno], "images_store_dir", str(folder), remedy)
    message = f"the store cannot be written: {error.strerror or error}"
    remedy = "use a folder that this user can write to"
    return VreError(message, "images_store_dir", error.filename or str(folder), remedy)


@contextmanager
def _uncompressed(blob: Path, image: str) -> Iterator[IO[bytes]]:
    """A layer's tar archive."""
    with blob.open("rb", buffering=0) as file:  # the program goes on where we stand
        start = file.read(4)
        file.seek(0)
        program = next((name for magic, name in DECOMPRESSORS.items() if start.startswith(magic)), None)
        if program is None:
            yield file
            return
        if shutil.which(program) is None:
            raise VreError(f"{program} is not installed on this host", remedy=f"install the package {program}")
        with subprocess.Popen(  # pylint: disable=ansible-bad-function
            [program, "-dcq"], stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=CHUNK
        ) as process:
            stream = process.stdout
            if stream is None:  # never: it was asked for
                raise VreError(f"{program} gave no output", image)
            yield stream
            while stream.read(CHUNK):
                pass
        if process.returncode:
            raise VreError(f"{program} cannot read a layer", image, blob.name, "push the image again")
