# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OCI image layouts, written the same way each time: same tree in, same digests out.

Source: OCI image specification 1.1, https://github.com/opencontainers/image-spec
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LEVEL = 3
THREADS = 2  # part of the result: zstd's output depends on it
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+zstd"
EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True)
class Layer:
    """A compressed layer in a layout."""

    digest: str
    size: int
    diff_id: str


@dataclass(frozen=True)
class ImageConfig:
    """What an image says of itself."""

    labels: dict[str, str]
    architecture: str = "amd64"
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    user: str = ""
    working_dir: str = ""


class _Tee:
    """Counts and hashes what passes through to ``target``."""

    def __init__(self, target: Any) -> None:
        self.target, self.sha, self.size = target, hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        self.sha.update(data)
        self.size += len(data)
        self.target.write(data)
        return len(data)

    def flush(self) -> None:
        """tarfile and zstandard ask for it."""


class Layout:
    """An OCI layout folder that is being written; ``folder`` must not be there yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "blobs" / "sha256").mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def _keep(self, partial: Path, digest: str) -> None:
        partial.replace(self.folder / "blobs" / "sha256" / digest)

    def blob(self, data: bytes) -> str:
        """Store ``data``; gives its hexadecimal digest."""
        digest = hashlib.sha256(data).hexdigest()
        (self.folder / "blobs" / "sha256" / digest).write_bytes(data)
        return digest

    def layer(self, members: Iterable[tuple[str, Path]], owner: dict[str, int] | None = None) -> Layer:
        """Write one layer of ``(name in the image, file)`` members.

        :param owner: uid and gid by name, where it is not 0.
        """
        import zstandard

        partial = self.folder / "layer.partial"
        with partial.open("wb") as file:
            outer = _Tee(file)
            compressor = zstandard.ZstdCompressor(level=LEVEL, threads=THREADS)
            with compressor.stream_writer(outer, closefd=False) as stream:  # type: ignore[arg-type]
                inner = _Tee(stream)
                _write_tar(inner, members, owner or {})
        digest = outer.sha.hexdigest()
        self._keep(partial, digest)
        return Layer(f"sha256:{digest}", outer.size, f"sha256:{inner.sha.hexdigest()}")

    def finish(self, layers: list[Layer], config: ImageConfig) -> str:
        """Write config, manifest and index; gives the manifest's digest."""
        inner: dict[str, Any] = {"Labels": config.labels}
        if config.entrypoint:
            inner["Entrypoint"] = list(config.entrypoint)
        if config.command:
            inner["Cmd"] = list(config.command)
        if config.environment:
            inner["Env"] = [f"{key}={value}" for key, value in sorted(config.environment.items())]
        if config.user:
            inner["User"] = config.user
        if config.working_dir:
            inner["WorkingDir"] = config.working_dir
        data = _json(
            {
                "created": EPOCH,
                "architecture": config.architecture,
                "os": "linux",
                "config": inner,
                "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
                "history": [{"created": EPOCH, "created_by": "gaia_data.vre"} for _layer in layers],
            }
        )
        config_digest = self.blob(data)
        manifest = _json(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {"mediaType": CONFIG, "digest": f"sha256:{config_digest}", "size": len(data)},
                "layers": [{"mediaType": LAYER, "digest": item.digest, "size": item.size} for item in layers],
                "annotations": config.labels,
            }
        )
        digest = self.blob(manifest)
        index = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [
                {
                    "mediaType": MANIFEST,
                    "digest": f"sha256:{digest}",
                    "size": len(manifest),
                    "platform": {"architecture": config.architecture, "os": "linux"},
                }
            ],
        }
        (self.folder / "index.json").write_bytes(_json(index))
        return f"sha256:{digest}"


def _json(data: Any) -> bytes:
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


def tree(root: Path) -> Iterator[tuple[str, Path]]:
    """Every entry below ``root``, with its name in the image."""
    for folder, folders, names in os.walk(root):
        for name in [*names, *folders]:
            path = Path(folder) / name
            yield path.relative_to(root).as_posix(), path


def _write_tar(target: Any, members: Iterable[tuple[str, Path]], owner: dict[str, int]) -> None:
    seen: dict[tuple[int, int], str] = {}
    with tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT, bufsize=1 << 20) as archive:
        for name, path in sorted(members):
            status = path.lstat()
            if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode) or stat.S_ISLNK(status.st_mode)):
                continue  # devices and sockets are made by who runs the image
            member = archive.gettarinfo(path, name)
            member.type, member.linkname, member.size = _kind(member, status, name, seen)
            member.mtime = 0
            member.uid = member.gid = owner.get(name, 0)
            member.uname = member.gname = ""
            member.pax_headers = {}
            member.mode = _mode(status.st_mode)
            if member.isreg():
                with path.open("rb") as file:
                    archive.addfile(member, file)
            else:
                archive.addfile(member)


def _mode(mode: int) -> int:
    """Everybody reads, only owners write, nobody gains rights: images run under foreign uids."""
    if stat.S_ISDIR(mode):
        return 0o1777 if mode & stat.S_ISVTX else 0o755
    return 0o755 if stat.S_ISLNK(mode) or mode & 0o111 else 0o644


def _kind(
    member: tarfile.TarInfo, status: os.stat_result, name: str, seen: dict[tuple[int, int], str]
) -> tuple[bytes, str, int]:
    """Type, link target and size; hard links inside the layer are kept, those to outside become files."""
    if stat.S_ISLNK(status.st_mode) or not stat.S_ISREG(status.st_mode):
        return member.type, member.linkname, 0
    first = seen.setdefault((status.st_dev, status.st_ino), name)
    if first != name:
        return tarfile.LNKTYPE, first, 0
    return tarfile.REGTYPE, "", status.st_size


def labels_of(folder: Path) -> tuple[str, dict[str, str]]:
    """Digest and labels of the one image in a layout folder; empty when there is no readable one."""
    try:
        digest = json.loads((folder / "index.json").read_text(encoding="utf-8"))["manifests"][0]["digest"]
        manifest = json.loads((folder / "blobs" / digest.replace(":", "/")).read_text(encoding="utf-8"))
        return str(digest), {str(key): str(value) for key, value in manifest["annotations"].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return "", {}
