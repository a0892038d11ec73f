"""Images of one static program of Debian: what keeps a pod, and what makes folders for volumes."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from pathlib import Path

from ansible_collections.gaia_data.vre.plugins.module_utils._build import oci
from gaia_lab.base import ensure_base
from gaia_lab.command import run
from gaia_lab.paths import cache

PAUSE = "registry.example.org/vre/pause:1"
# Busybox, which tests run, too.
HELPER = "registry.example.org/vre/helper:1"


def _pause(root: Path, programs: Path) -> oci.ImageConfig:
    shutil.copy(programs / "catatonit", root / "pause")
    labels = {"org.opencontainers.image.title": "pause"}
    return oci.ImageConfig(labels, entrypoint=("/pause", "-P"), user="65534:65534")


def _helper(root: Path, programs: Path) -> oci.ImageConfig:
    for folder in ("bin", "etc", "tmp"):
        (root / folder).mkdir()
    (root / "tmp").chmod(0o1777)
    (root / "etc/passwd").write_text("root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n")
    shutil.copy(programs / "busybox", root / "bin/busybox")
    for name in run(str(programs / "busybox"), "--list").split():
        if name != "busybox":
            (root / "bin" / name).symlink_to("busybox")
    return oci.ImageConfig({"org.opencontainers.image.title": "helper"}, command=("/bin/sh",))


MAKERS = {PAUSE: _pause, HELPER: _helper}


def ensure_layout(reference: str) -> Path:
    """The OCI layout of :data:`PAUSE` or :data:`HELPER`, made when the cache lacks it."""
    base = ensure_base("services")
    stamp = hashlib.sha256(base.name.encode() + Path(__file__).read_bytes()).hexdigest()[:16]
    folder = cache() / "layouts" / f"{reference.rpartition('/')[2].replace(':', '-')}-{stamp}"
    if not folder.exists():
        work = folder.with_suffix(".partial")
        shutil.rmtree(work, ignore_errors=True)
        (work / "root").mkdir(parents=True)
        config = MAKERS[reference](work / "root", base / "usr/bin")
        layout = oci.Layout(work / "layout")
        layout.finish([layout.layer(oci.tree(work / "root"))], config)
        layout.folder.rename(folder)
        shutil.rmtree(work)
    return folder


def ensure_archive(reference: str) -> Path:
    """The same in one file, as containerd imports it."""
    folder = ensure_layout(reference)
    archive = folder.with_suffix(".tar")
    if not archive.exists():
        partial = folder.with_suffix(".tar.partial")
        with tarfile.open(partial, "w") as file:
            file.add(folder, ".")
        partial.rename(archive)
    return archive
