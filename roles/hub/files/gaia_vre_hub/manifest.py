"""The manifest that the collection writes and the hub reads, and its hot re-read."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from traitlets.log import get_logger

from gaia_vre_hub.hot import HotFile, Model

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$")]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Texts = dict[str, str]


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
    """An image of the offer; ``groups`` null means everybody.

    ``retained`` are former digests that are still where sessions run, newest first: a link can pin them.
    """

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
    retained: list[Pin] = []

    @model_validator(mode="after")
    def _launchable(self) -> Self:
        for pin in (self.offered, self.candidate, *self.retained):
            if pin is None:
                continue
            if self.kind == "system" and pin.launch is None:
                raise ValueError(f"{pin.tag}: a system image without launch")
            if self.kind == "business" and (pin.mount is None or pin.envs_dir is None):
                raise ValueError(f"{pin.tag}: a business image without mount and envs_dir")
        return self


class Composition(Model):
    """A named assembly of images and resources."""

    title: Texts = {}
    description: Texts = {}
    system: Name
    business: list[Name]
    resources: Name | None = None
    groups: list[str] | None = None


class Resources(Model):
    """What a session gets; ``memory`` in bytes, null where the host cannot limit it.

    ``time`` (seconds), ``partition`` and ``account`` are a batch system's.
    """

    title: Texts = {}
    description: Texts = {}
    cpu: float | None = None
    memory: int | None = None
    gpu: int = 0
    time: int | None = None
    partition: str | None = None
    account: str | None = None


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
    substrate: Literal["docker", "batch", "kubernetes"]
    mount_kind: str
    check: Check
    free_choice: bool
    images: dict[Name, Image]
    compositions: dict[Name, Composition] = {}
    resources: dict[Name, Resources] = {}

    @model_validator(mode="after")
    def _whole(self) -> Self:
        kinds = {name: image.kind for name, image in self.images.items()}
        for name, composition in self.compositions.items():
            wanted = {**dict.fromkeys(composition.business, "business"), composition.system: "system"}
            for image, kind in wanted.items():
                if kinds.get(image) != kind:
                    raise ValueError(f"composition {name}: there is no {kind} image {image}")
            if composition.resources is not None and composition.resources not in self.resources:
                raise ValueError(f"composition {name}: there are no resources {composition.resources}")
        return self


class ManifestFile(HotFile[Manifest]):
    """The manifest on disk.

    :ivar good: whether what is on disk is the one in use.
    :ivar written: when the one in use was written, in seconds since 1970.
    :ivar sha256: of its text.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, Manifest, required=True)
        self.good, self.written, self.sha256 = False, 0.0, ""

    def read(self, content: Manifest | None, text: bytes, written: float) -> None:
        """Metrics and log."""
        self.good = content is not None
        if content is None:
            return
        self.written, self.sha256 = written, hashlib.sha256(text).hexdigest()
        on_offer = sum(image.offered is not None for image in content.images.values())
        get_logger().info("manifest %s read: %d images on offer, sha256 %s", self.path, on_offer, self.sha256[:12])
