# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store on a host: images fetched by skopeo, verified and unpacked without a daemon.

Compressed layers are kept, so that of a new version only what changed is fetched, and a play that was killed goes on
where it was. An image appears under its name when it is whole and on the disk, never before.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ansible_collections.gaia_data.vre.plugins.module_utils import _reference
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors
from ansible_collections.gaia_data.vre.plugins.module_utils._reference import Reference
from ansible_collections.gaia_data.vre.plugins.module_utils._registry import INDEX_TYPES, Registries, platform_name
from ansible_collections.gaia_data.vre.plugins.module_utils._store import layers, layout

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


class Store:
    """A store; what changes it runs in ``with store.locked(…)``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.blobs = folder / "blobs"

    def missing(self, images: Sequence[Wanted]) -> list[Wanted]:
        """Images that are not there, each once."""
        return list({image.name: image for image in images if not (self.folder / image.name).is_dir()}.values())

    @contextmanager
    def locked(self, patience: float) -> Iterator[None]:
        """Make the store where it is missing and be the only one who changes it.

        :param patience: seconds to wait for another play.
        :raises VreError: when that one does not end, or the folder cannot be made.
        """
        try:
            self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            self.folder.chmod(layers.FOLDER)  # whatever umask says: sessions are mounted from it
            self.blobs.mkdir(mode=0o700, exist_ok=True)
            (self.blobs / "sha256").mkdir(mode=0o700, exist_ok=True)
            lock = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise disk_error(error, self.folder) from error
        try:
            _wait_for(lock, patience, self.folder)
            for leftover in self.folder.glob(f"{layout.PARTIAL}*"):
                # What a play left that was killed; a skopeo of its own may still write there, and gives up.
                shutil.rmtree(leftover, ignore_errors=True) if leftover.is_dir() else leftover.unlink()
            yield
        except OSError as error:
            raise disk_error(error, self.folder) from error
        finally:
            os.close(lock)

    def add(self, registries: Registries, images: Sequence[Wanted], platform: str, workers: int) -> dict[str, VreError]:
        """Bring what is missing.

        :param platform: of an image for several ones, the one to take.
        :param workers: how many images at a time.
        :return: by reference, the images that cannot be used and why; the others are there.
        """
        failed: dict[str, VreError] = {}

        def bring(image: Wanted) -> None:
            try:
                self._bring(registries, image, platform)
            except OSError as error:
                failed[image.name] = disk_error(error, self.folder)
            except VreError as error:
                failed[image.name] = error

        with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
            list(pool.map(bring, self.missing(images)))
        problems = {str(image): failed[image.name] for image in images if image.name in failed}
        return {**self.wrong_subpaths(image for image in images if image.name not in failed), **problems}

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
        """Folders of the unpacked images."""
        return sorted(path for path in _children(self.folder) if layout.NAME.fullmatch(path.name))

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
        partial.chmod(layers.FILE)
        partial.replace(self.folder / layout.RECORD)

    def remove(self, folder: Path, check: bool) -> int:
        """Remove an unpacked image; gives its bytes on the disk.

        :param check: only tell.
        """
        size = _size(folder)
        if not check:
            # Under another name first, so that what is there under its own is whole.
            going = self.folder / f"{layout.PARTIAL}{folder.name}"
            folder.rename(going)
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
        root = (self.folder / image.name).resolve()
        path = root / image.subpath
        return path.is_dir() and path.resolve() == path

    def _bring(self, registries: Registries, image: Wanted, platform: str) -> None:
        # Nobody else gets into it before it is whole.
        partial = Path(tempfile.mkdtemp(prefix=f"{layout.PARTIAL}{image.name}-", dir=self.folder))
        try:
            self._unpack(registries, image, platform, partial)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _unpack(self, registries: Registries, image: Wanted, platform: str, partial: Path) -> None:
        root = partial / "root"
        root.mkdir()
        digests = self._fetch(registries, image, platform, partial / "layout")
        unpacker = layers.Unpacker(root, str(image))
        for digest in digests:
            with _uncompressed(self._blob(digest), str(image)) as stream:
                unpacker.layer(stream)
        unpacker.finish()
        # On the disk before it has its name: after a power cut it is whole or absent.
        command = ["sync", "--file-system", str(root)]
        if subprocess.run(command, check=False).returncode:  # pylint: disable=ansible-bad-function
            raise VreError("what was unpacked does not get to the disk", str(self.folder), None, "look at the disk")
        root.rename(self.folder / image.name)

    def _fetch(self, registries: Registries, image: Wanted, platform: str, folder: Path) -> list[str]:
        """Fetch what is missing of an image; gives the digests of its layers, all of them there and verified."""
        reference, manifest = self._manifest(registries, image, platform)
        try:
            digests = [str(layer["digest"]) for layer in manifest["layers"]]
        except (KeyError, TypeError) as error:
            raise VreError("what the registry holds is no image manifest", str(image)) from error
        missing = [digest for digest in digests if not self._verified(digest)]
        if missing:
            registries.pull(reference, folder, self.blobs)
        for digest in missing:
            if not self._verified(digest):
                raise VreError("a layer is not what its digest says", str(image), digest, "run publish again")
        return digests

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


def _wait_for(lock: int, patience: float, folder: Path) -> None:
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                message = f"another play has been changing the store for {patience:.0f} s"
                raise VreError(message, str(folder), None, "wait for its end and run this one again") from None
            time.sleep(0.2)
        else:
            return


def disk_error(error: OSError, folder: Path) -> VreError:
    """An error of the store's disk, for a person."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        remedy = "run gaia_data.vre.clean, or give the disk more space; what is on offer stays"
        return VreError("the disk of the store is full", "images_store_dir", str(folder), remedy)
    message = f"the store cannot be written: {error.strerror or error}"
    return VreError(message, "images_store_dir", error.filename or str(folder), "use a folder of a local disk")


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
            [program, "-dcq"], stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            stream = process.stdout
            if stream is None:  # never: it was asked for
                raise VreError(f"{program} gave no output", image)
            yield stream
            while stream.read(CHUNK):
                pass
        if process.returncode:
            raise VreError(f"{program} cannot read a layer", image, blob.name, "push the image again")
