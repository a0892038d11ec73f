"""The launch page: the hub's options form, made from what is open to this user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2

from gaia_vre_hub import words
from gaia_vre_hub.access import not_offered, visible_compositions, visible_images
from gaia_vre_hub.checks import Checked, Checks
from gaia_vre_hub.locale import say, text
from gaia_vre_hub.manifest import Composition, Environment, Image, Manifest, Pin
from gaia_vre_hub.notice import Notice

Names = Sequence[str]
_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
MOST_PACKAGES = 6
MOST_KEYWORDS = 12
# With fewer cards than this, one look is quicker than a search.
SEARCH_FROM = 5
# How a language is written, and the package that has its version; plumbing is not worth a word.
LANGUAGES = {"python": ("Python", "python"), "r": ("R", "r-base"), "julia": ("Julia", "julia")}
NOT_CHECKED = {"level": "", "text": "", "at": ""}
PLUMBING = frozenset({"ipykernel", "r-irkernel"})


def render(
    manifest: Manifest | None,
    groups: AbstractSet[str],
    lang: str,
    asked: Mapping[str, Any] | None = None,
    *,
    unusable: AbstractSet[str] = frozenset(),
    notice: Notice | None = None,
    checks: Checks | None = None,
    page: str = "/hub/spawn",
    again: str = "",
    now: datetime | None = None,
) -> str:
    """The form's HTML; what is locked to other groups is not in it.

    :param asked: an earlier choice, possibly stale or junk: what is still open of it is chosen beforehand.
    :param unusable: names of images on offer that no session can have now.
    :param page: the launch page's path, for links.
    :param again: a link to the earlier choice with the versions that it was pinned to, where there is one.
    """
    template = _templates.get_template("launch.html")

    def translate(message: str, **values: str) -> str:
        return say(message, lang, **values)

    context: dict[str, Any] = {"t": translate, "lang": lang, "notice": notice_shown(notice, lang)}
    if manifest is None:
        return template.render(context, centre="", message="no_manifest", cards=False)
    cards = _Cards(manifest, groups, lang, unusable, checks or Checks(version=1), now or datetime.now(UTC))
    systems = cards.images("system")
    business = cards.images("business")
    compositions = cards.compositions()
    free = manifest.free_choice and bool(_ready(systems))
    ready = _ready(compositions)
    default = next(iter(manifest.resources.values()), None)
    return template.render(
        context,
        centre=text(manifest.centre.title, lang),
        message="" if free or ready else "nothing",
        cards=bool(compositions or (manifest.free_choice and business)),
        free=free,
        chosen=_chosen(
            asked or {}, ready, _ready(business) if free else None, _ready(systems), list(manifest.resources)
        ),
        compositions=compositions,
        systems=[card for card in systems if not card["reason"]],
        business=business if manifest.free_choice else [],
        keywords=_keywords(business if manifest.free_choice else compositions),
        search=len(compositions) + (len(business) if manifest.free_choice else 0) >= SEARCH_FROM,
        default_means=words.resources(default, lang),
        resources=[
            {
                "name": name,
                "title": text(item.title, lang, name),
                "description": text(item.description, lang),
                "means": words.resources(item, lang),
            }
            for name, item in manifest.resources.items()
        ],
        page=page,
        again=again,
    )


def notice_shown(notice: Notice | None, lang: str) -> dict[str, Any] | None:
    """The admins' announcement as templates show it."""
    if notice is None:
        return None
    until = notice.until
    return {
        "text": text(notice.text, lang),
        "drain": notice.drain,
        "until": words.moment(until, lang) if until else "",
        "machine": words.machine(until) if until else "",
    }


class _Cards:
    """What is on the page's cards, for one user at one moment."""

    def __init__(
        self,
        manifest: Manifest,
        groups: AbstractSet[str],
        lang: str,
        unusable: AbstractSet[str],
        checks: Checks,
        now: datetime,
    ) -> None:
        self.manifest, self.groups, self.lang, self.unusable, self.now = manifest, groups, lang, unusable, now
        self.checks = checks.images

    def images(self, kind: str) -> list[dict[str, Any]]:
        """A card for each image that is not locked to others; with a reason where it cannot be chosen."""
        found = visible_images(self.manifest, self.groups, kind)
        return [self._image(name, image, pin) for name, image in found.items() if (pin := _shown(image))]

    def _image(self, name: str, image: Image, pin: Pin) -> dict[str, Any]:
        environments = [_environment(key, found) for key, found in pin.environments.items()]
        return {
            "name": name,
            "title": text(image.title, self.lang, name),
            "version": pin.version,
            "description": text(image.description, self.lang),
            "size": words.size(pin.size, self.lang),
            "environments": environments,
            "documentation": image.documentation if _is_link(image.documentation) else None,
            "keywords": image.keywords,
            "words": " ".join(word for found in environments for word in found["rest"]),
            "pins": [f"{name}@{pin.digest}"] if image.offered else [],
            "reason": self._reason(name, image),
            "check": self._check(name, image),
        }

    def compositions(self) -> list[dict[str, Any]]:
        """The same for compositions."""
        found = visible_compositions(self.manifest, self.groups)
        return [self._composition(name, composition) for name, composition in found.items()]

    def _composition(self, name: str, item: Composition) -> dict[str, Any]:
        images = {key: self.manifest.images[key] for key in (item.system, *item.business)}
        away = {*not_offered(self.manifest, item), *self.unusable}
        absent = [text(image.title, self.lang, key) for key, image in images.items() if key in away]
        recommended = item.resources or next(iter(self.manifest.resources), "")
        return {
            "name": name,
            "title": text(item.title, self.lang, name),
            "description": text(item.description, self.lang),
            "images": [
                {
                    "title": _title(key, images[key], self.lang),
                    "failed": self._check(key, images[key])["level"] == "bad",
                }
                for key in item.business
            ],
            "resources": words.resources(self.manifest.resources.get(recommended), self.lang),
            "keywords": sorted({keyword for image in images.values() for keyword in image.keywords}),
            "words": " ".join(
                package
                for image in images.values()
                if image.offered
                for environment in image.offered.environments.values()
                for package in environment.packages
            ),
            "pins": [f"{key}@{image.offered.digest}" for key, image in images.items() if image.offered],
            "reason": say("unavailable_images", self.lang, value=", ".join(absent)) if absent else "",
        }

    def _reason(self, name: str, image: Image) -> str:
        """Why an image cannot be chosen; empty when it can."""
        if image.offered:
            return say("unavailable_store", self.lang) if name in self.unusable else ""
        checked = self.checks.get(name)
        if checked and not checked.ok and image.candidate and checked.digest == image.candidate.digest:
            return say("unavailable_failed", self.lang, value=self._ago(checked))
        return say("unavailable_waits", self.lang)

    def _check(self, name: str, image: Image) -> dict[str, str]:
        """What the last check says about the offered version: ``level`` ok, note or bad, and words."""
        last = self.checks.get(name)
        if last is None or image.offered is None:
            return NOT_CHECKED
        if not last.ok and image.candidate and last.digest == image.candidate.digest:
            return self._told("note", say("newer_failed", self.lang, value=self._ago(last)), last)
        checked = last.of(image.offered.digest)
        if checked is None:
            return NOT_CHECKED
        if checked.ok:
            return self._told("ok", say("checked", self.lang, value=self._ago(checked)), checked)
        failed = f" ({', '.join(checked.failed[:3])})" if checked.failed else ""
        return self._told("bad", say("check_failed", self.lang, value=self._ago(checked), failed=failed), checked)

    def _told(self, level: str, told: str, checked: Checked) -> dict[str, str]:
        return {"level": level, "text": told, "at": words.moment(checked.at, self.lang)}

    def _ago(self, checked: Checked) -> str:
        return words.ago(checked.at, self.now, self.lang)


def _chosen(
    asked: Mapping[str, Any], ready: Names, business: Names | None, systems: Names, resources: Names
) -> dict[str, Any]:
    """What is chosen when the page opens: the earlier choice where it is still open, else the first composition.

    :param business: names of images that may be ticked; None without free choice.
    """
    images = asked.get("business")
    own = business is not None and (isinstance(images, list) or _open(asked, "system", systems) is not None)
    composition = _open(asked, "composition", ready) or (None if own or not ready else ready[0])
    return {
        "composition": composition,
        "business": [name for name in business or () if isinstance(images, list) and name in images],
        "system": _open(asked, "system", systems) or next(iter(systems), None),
        "resources": _open(asked, "resources", resources),
    }


def _open(asked: Mapping[str, Any], key: str, names: Names) -> str | None:
    """The name that was asked for, where it is still open."""
    return next((name for name in names if name == asked.get(key)), None)


def _ready(cards: list[dict[str, Any]]) -> Names:
    """Names of the cards that can be chosen."""
    return [card["name"] for card in cards if not card["reason"]]


def _shown(image: Image) -> Pin | None:
    """The version that a card is about."""
    return image.offered or image.candidate


def _title(name: str, image: Image, lang: str) -> str:
    pin = _shown(image)
    return f"{text(image.title, lang, name)} {pin.version if pin else ''}".rstrip()


def _keywords(cards: list[dict[str, Any]]) -> list[str]:
    """The most frequent keywords, in alphabetical order."""
    counted = Counter(keyword for card in cards for keyword in card["keywords"])
    return sorted(keyword for keyword, _count in counted.most_common(MOST_KEYWORDS))


def _environment(name: str, environment: Environment) -> dict[str, Any]:
    """Languages with their versions, then the main packages."""
    packages = dict(environment.packages)
    languages = []
    for language in sorted({kernel.language for kernel in environment.kernels.values()}):
        written, package = LANGUAGES.get(language.lower(), (language, language))
        languages.append(f"{written} {packages.pop(package, '')}".rstrip())
    named = sorted(package for package in packages if package not in PLUMBING)
    return {
        "name": name,
        "languages": languages,
        "packages": [f"{package} {packages[package]}".rstrip() for package in named[:MOST_PACKAGES]],
        "rest": named[MOST_PACKAGES:],
    }


def _is_link(url: str | None) -> bool:
    return url is not None and url.lower().startswith(("https://", "http://"))
