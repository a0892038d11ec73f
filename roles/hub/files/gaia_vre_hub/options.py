"""What a user may send, by form, link or REST: a choice of names from the manifest, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from gaia_vre_hub.access import in_groups, open_compositions
from gaia_vre_hub.errors import Refused
from gaia_vre_hub.locale import say, text
from gaia_vre_hub.manifest import Image, Manifest, Pin, Resources

KEYS = ("composition", "system", "business", "resources", "candidate", "pin")
MOST = 100
LONGEST = 40
# "ocean@sha256:…": this digest of an image, where it is still at hand.
PINNED = re.compile(r"([a-z0-9-]{1,40})@(sha256:[0-9a-f]{64})")


@dataclass(frozen=True)
class Choice:
    """A checked choice: pins by image name, in the manifest's order.

    :ivar wish: the name of the resources, where the user asked for some and did not take what is recommended.
    """

    system: str
    images: dict[str, Pin]
    composition: str | None = None
    resources: Resources | None = None
    wish: str | None = None

    @property
    def launch(self) -> Pin:
        """The system image's pin."""
        return self.images[self.system]

    @property
    def business(self) -> list[Pin]:
        """The business images' pins."""
        return [pin for name, pin in self.images.items() if name != self.system]


@dataclass(frozen=True)
class Chooser:
    """Checks what one user sends, and answers in one language."""

    manifest: Manifest
    user: str
    groups: AbstractSet[str]
    lang: str = "en"

    def choose(self, options: Any) -> Choice:
        """The choice that ``options`` stand for.

        :raises Refused: 400 for what is not well-formed or unknown, 403 for what is not open to the user.
        """
        if not isinstance(options, Mapping):
            raise self._refused(400, "shape", key="user_options")
        for key in options:
            if key not in KEYS:
                raise self._refused(400, "unknown_key", value=_short(key))
        composition = self._name(options, "composition")
        system = self._name(options, "system")
        business = self._names(options, "business")
        candidates = self._candidates(options)
        pinned = self._pinned(options)
        wish = self._wish(options)
        if composition is not None:
            if system is not None or "business" in options:
                raise self._refused(400, "both")
            return self._composition(composition, wish, pinned)
        if system is None and "business" not in options:
            raise self._refused(400, "empty")
        if not self.manifest.free_choice and not self._checks:
            raise self._refused(403, "no_free_choice")
        for name in (*candidates, *pinned):
            if name != system and name not in business:
                raise self._refused(400, "unknown", value=_short(name))
        chosen = {system: self._pin(system, "system", candidates, pinned)} if system else self._first_system()
        for name in business:
            chosen[name] = self._pin(name, "business", candidates, pinned)
        return self._choice(chosen, None, wish, None)

    @property
    def _checks(self) -> bool:
        return self.user == self.manifest.check.user

    def _refused(self, status: int, message: str, **values: str) -> Refused:
        return Refused(status, message, say(message, self.lang, **values))

    def _name(self, options: Mapping[str, Any], key: str) -> str | None:
        value = options.get(key)
        if value is not None and (not isinstance(value, str) or not value or len(value) > LONGEST):
            raise self._refused(400, "shape", key=key)
        return value

    def _names(self, options: Mapping[str, Any], key: str) -> list[str]:
        value = options.get(key)
        if value is None:
            return []
        if (
            isinstance(value, str)
            or not isinstance(value, Sequence)
            or len(value) > MOST
            or not all(isinstance(name, str) and 0 < len(name) <= LONGEST for name in value)
            or len(set(value)) != len(value)
        ):
            raise self._refused(400, "shape", key=key)
        return list(value)

    def _candidates(self, options: Mapping[str, Any]) -> list[str]:
        if "candidate" in options and not self._checks:
            raise self._refused(400, "unknown_key", value="candidate")
        return self._names(options, "candidate")

    def _pinned(self, options: Mapping[str, Any]) -> dict[str, str]:
        """Digests by image name."""
        values = options.get("pin")
        if values is None:
            return {}
        if isinstance(values, str) or not isinstance(values, Sequence) or len(values) > MOST:
            raise self._refused(400, "shape", key="pin")
        found: dict[str, str] = {}
        for value in values:
            match = PINNED.fullmatch(value) if isinstance(value, str) else None
            if match is None or match[1] in found:
                raise self._refused(400, "shape", key="pin")
            found[match[1]] = match[2]
        return found

    def _wish(self, options: Mapping[str, Any]) -> str | None:
        name = self._name(options, "resources")
        if name is not None and name not in self.manifest.resources:
            raise self._refused(400, "unknown", value=_short(name))
        return name

    def _image(self, name: str, kind: str) -> Image:
        image = self.manifest.images.get(name)
        if image is None or image.kind != kind:
            raise self._refused(400, "unknown", value=_short(name))
        if not self._checks and not in_groups(image.groups, self.groups):
            raise self._refused(403, "closed", value=name)
        return image

    def _pin(
        self, name: str, kind: str, candidates: Sequence[str] = (), pinned: Mapping[str, str] = MappingProxyType({})
    ) -> Pin:
        image = self._image(name, kind)
        pin = image.candidate if name in candidates else image.offered
        if name in pinned:
            return self._version(name, image, pinned[name])
        if pin is None:
            raise self._refused(400, "unknown", value=text(image.title, self.lang, name))
        return pin

    def _version(self, name: str, image: Image, digest: str) -> Pin:
        """The pin with this digest, which was on offer once and is still at hand."""
        for pin in (image.offered, *image.retained):
            if pin is not None and pin.digest == digest:
                return pin
        title = text(image.title, self.lang, name)
        raise self._refused(400, "unknown_version", value=title, digest=digest[:19])

    def _first_system(self) -> dict[str, Pin]:
        for name, image in self.manifest.images.items():
            if image.kind == "system" and image.offered and (self._checks or in_groups(image.groups, self.groups)):
                return {name: image.offered}
        raise self._refused(403, "nothing")

    def _composition(self, name: str, wish: str | None, pinned: Mapping[str, str]) -> Choice:
        composition = self.manifest.compositions.get(name)
        if composition is None:
            raise self._refused(400, "unknown", value=_short(name))
        if name not in open_compositions(self.manifest, self.groups):
            if in_groups(composition.groups, self.groups):
                for image in (composition.system, *composition.business):
                    self._pin(image, self.manifest.images[image].kind)
            raise self._refused(403, "closed", value=name)
        chosen = {
            image: self._pin(image, self.manifest.images[image].kind, (), pinned)
            for image in (composition.system, *composition.business)
        }
        for image in pinned:
            if image not in chosen:
                raise self._refused(400, "unknown", value=image)
        return self._choice(chosen, name, wish, composition.resources)

    def _choice(
        self, chosen: dict[str, Pin], composition: str | None, wish: str | None, recommended: str | None
    ) -> Choice:
        images = {name: chosen[name] for name in self.manifest.images if name in chosen}
        system = next(name for name in images if self.manifest.images[name].kind == "system")
        name = wish or recommended or next(iter(self.manifest.resources), None)
        return Choice(system, images, composition, self.manifest.resources[name] if name else None, wish)


def _short(value: object) -> str:
    """What a user sent, fit for a sentence and for a line of the log: short, and without control characters."""
    sent = str(value)
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in sent[:LONGEST])
    return shown if len(sent) <= LONGEST else shown + "…"


def from_form(data: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """``user_options`` of a posted launch page; fields of a way that was not taken are dropped."""
    fields = {key: list(values) for key, values in data.items()}
    choice = (fields.pop("choice", None) or [""])[0]
    kind, _sep, name = choice.partition(":")
    found: dict[str, Any] = {}
    if kind == "composition":
        found["composition"] = name
        fields.pop("system", None)
        fields.pop("business", None)
    elif kind == "free":
        found["business"] = fields.pop("business", [])
    elif choice:
        found["choice"] = choice
    return {**from_query(fields), **found}


def from_query(data: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """``user_options`` of a link; a list stays one only where a list is meant."""
    found: dict[str, Any] = {}
    for key, values in data.items():
        if key == "_xsrf":
            continue  # the hub's own: in the address of a page that was posted and is opened again
        if key in ("business", "candidate", "pin"):
            found[key] = list(values)
        elif len(values) == 1 and values[0] == "":
            continue  # a select that was left alone
        else:
            found[key] = values[0] if len(values) == 1 else list(values)
    return found
