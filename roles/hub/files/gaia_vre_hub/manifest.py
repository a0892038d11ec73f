"""The manifest that the collection writes and the hub reads, and its hot re-read."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Annotated, Any, Literal

from prometheus_client import Gauge
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

log = logging.getLogger("jupyterhub.gaia_vre")

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$")]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Texts = dict[str, str]

USABLE = Gauge("gaia_vre_manifest_usable", "1 when the manifest on disk is the one in use, 0 when an older one is")
LOADED = Gauge("gaia_vre_manifest_loaded_timestamp_seconds", "When the manifest in use was read, in seconds since 1970")


class Model(BaseModel):
    """Strict: a key that this version does not know is an error, not a surprise."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Kernel(Model):
    """One kernel of an environment."""

    language: str
    display_name: str


class Environment(Model):
    """One conda environment: its kernels by directory, its main packages by name."""

    kernels: dict[str, Kernel]
    packages: dict[str, str] = {}


class Pin(Model):
    """One digest of an image, ready for launch.

    ``launch`` (system) and ``mount`` (business) are the substrate's own forms; nothing is added to them at launch.
    """

    reference: str
    tag: str
    digest: Digest
    version: str = ""
    size: int = Field(ge=0)
    launch: dict[str, Any] | None = None
    environments: dict[str, Environment] = {}
    envs_dir: str | None = None
    mount: dict[str, Any] | None = None


class Image(Model):
    """An image of the offer; ``groups`` null means everybody."""

    kind: Literal["system", "business"]
    title: Texts = {}
    description: Texts = {}
    keywords: list[str] = []
    documentation: str | None = None
    contact: str | None = None
    license: str | None = None
    groups: list[str] | None = None
    offered: Pin | None
    candidate: Pin | None


class Composition(Model):
    """A named assembly of images and resources."""

    title: Texts = {}
    description: Texts = {}
    system: Name
    business: list[Name]
    resources: Name | None = None
    groups: list[str] | None = None


class Resources(Model):
    """What a session gets; ``memory`` in bytes, null where the host cannot limit it."""

    title: Texts = {}
    description: Texts = {}
    cpu: float | None = None
    memory: int | None = None
    gpu: int = 0


class Centre(Model):
    """The centre's name and title."""

    name: str
    title: Texts = {}


class Check(Model):
    """The user that alone may launch candidates."""

    user: str


class Manifest(Model):
    """The compiled offer; the order of images and compositions is the offer's."""

    version: Literal[1]
    centre: Centre
    substrate: str
    mount_kind: str
    check: Check
    free_choice: bool
    images: dict[Name, Image]
    compositions: dict[Name, Composition] = {}
    resources: dict[Name, Resources] = {}


class ManifestFile:
    """The manifest on disk, read again when it changes; an unusable one leaves the last good one in place."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self._stamp: tuple[int, int, int] | None = None
        self._manifest: Manifest | None = None

    def current(self) -> Manifest | None:
        """The last good manifest, or None when there never was one."""
        try:
            status = self.path.stat()
            stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
        except OSError as error:
            stamp = None
            self._keep(f"cannot be read: {error}")
        if stamp is not None and stamp != self._stamp:
            self._stamp = stamp
            self._read()
        return self._manifest

    def _read(self) -> None:
        try:
            self._manifest = Manifest.model_validate_json(self.path.read_bytes())
        except (OSError, ValidationError) as error:
            self._keep(f"is not usable: {error}")
            return
        USABLE.set(1)
        LOADED.set(time.time())
        log.info("manifest %s read: %d images", self.path, len(self._manifest.images))

    def _keep(self, what: str) -> None:
        if self._stamp is not None or self._manifest is None:
            log.error("manifest %s %s; the last good one stays in use", self.path, what)
        USABLE.set(0)
