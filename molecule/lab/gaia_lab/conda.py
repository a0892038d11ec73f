"""Write conda packages (format 2, ``.conda``) for the lab's channel.

A package is what the format's specification says: a zip of ``metadata.json``, ``pkg-*.tar.zst`` and
``info-*.tar.zst``. Source: https://docs.conda.io/projects/conda/en/stable/user-guide/concepts/packages.html
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

# Prefix in files, replaced at install; as long as conda's own, so that any prefix up to this length fits.
PLACEHOLDER = ("/opt/" + "placehold_" * 26)[:255]
LEVEL = 3


@dataclass(frozen=True)
class Package:
    """What ``info/index.json`` says."""

    name: str
    version: str
    depends: Sequence[str]
    subdir: str = "linux-64"
    build: str = "lab_0"
    license: str = ""

    @property
    def file_name(self) -> str:
        """Name of the package's file."""
        return f"{self.name}-{self.version}-{self.build}.conda"

    def index(self) -> dict[str, Any]:
        """The content of ``info/index.json``."""
        data: dict[str, Any] = {
            "name": self.name,
            "version": self.version,
            "build": self.build,
            "build_number": 0,
            "depends": list(self.depends),
            "subdir": self.subdir,
            "license": self.license,
        }
        if self.subdir == "noarch":
            data["noarch"] = "generic"
        else:
            data |= {"arch": "x86_64", "platform": "linux"}
        return data


def write_package(package: Package, root: Path, channel: Path) -> Path:
    """Pack the files below ``root`` into ``channel``; gives the package's file."""
    folder = channel / package.subdir
    folder.mkdir(parents=True, exist_ok=True)
    paths = sorted(_files(root))
    entries = [_path_entry(root, path) for path in paths]
    info = {
        "info/index.json": package.index(),
        "info/paths.json": {"paths": entries, "paths_version": 1},
        "info/about.json": {"license": package.license},
    }
    target = folder / package.file_name
    partial = target.with_suffix(".partial")
    stem = target.name.removesuffix(".conda")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("metadata.json", json.dumps({"conda_pkg_format_version": 2}))
        archive.writestr(f"pkg-{stem}.tar.zst", _tar_files(root, paths))
        archive.writestr(f"info-{stem}.tar.zst", _tar_texts({k: json.dumps(v) for k, v in info.items()}))
    partial.rename(target)
    return target


def _files(root: Path) -> list[Path]:
    found: list[Path] = []
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        found += [here / name for name in names]
        found += [here / name for name in folders if (here / name).is_symlink()]
    return found


def _path_entry(root: Path, path: Path) -> dict[str, Any]:
    relative = path.relative_to(root).as_posix()
    if path.is_symlink():
        data = path.read_bytes() if path.is_file() else b""
        return {
            "_path": relative,
            "path_type": "softlink",
            "sha256": _sha256(data),
            "size_in_bytes": len(data),
        }
    data = path.read_bytes()
    entry: dict[str, Any] = {
        "_path": relative,
        "path_type": "hardlink",
        "sha256": _sha256(data),
        "size_in_bytes": len(data),
    }
    if PLACEHOLDER.encode() in data:
        entry |= {"prefix_placeholder": PLACEHOLDER, "file_mode": "binary" if b"\0" in data else "text"}
    return entry


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    return member


def _tar_files(root: Path, paths: Sequence[Path]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in paths:
            archive.add(path, path.relative_to(root).as_posix(), recursive=False, filter=_plain)
    return zstandard.ZstdCompressor(level=LEVEL).compress(buffer.getvalue())


def _tar_texts(texts: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in texts.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return zstandard.ZstdCompressor(level=LEVEL).compress(buffer.getvalue())
