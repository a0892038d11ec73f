"""The launch page: the hub's options form, made from what is open to this user."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from gaia_vre_hub.access import open_compositions, open_images
from gaia_vre_hub.locale import say, text
from gaia_vre_hub.manifest import Environment, Image, Manifest, Pin, Resources

_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
MOST_PACKAGES = 6
# How a language is written, and the package that has its version; plumbing is not worth a word.
LANGUAGES = {"python": ("Python", "python"), "r": ("R", "r-base"), "julia": ("Julia", "julia")}
PLUMBING = frozenset({"ipykernel", "r-irkernel"})


def render(manifest: Manifest | None, groups: set[str], lang: str, asked: Mapping[str, Any] | None = None) -> str:
    """The form's HTML; what is not open to the user is not in it.

    :param asked: an earlier choice, possibly stale or junk: what is still open of it is chosen beforehand.
    """
    template = _templates.get_template("launch.html")

    def translate(message: str) -> str:
        return say(message, lang)

    if manifest is None:
        return template.render(t=translate, lang=lang, message="no_manifest")
    systems = open_images(manifest, groups, "system")
    business = open_images(manifest, groups, "business")
    compositions = open_compositions(manifest, groups)
    free = manifest.free_choice and bool(systems)
    return template.render(
        t=translate,
        lang=lang,
        message="" if free or compositions else "nothing",
        free=free,
        chosen=_chosen(asked or {}, list(compositions), list(business) if free else []),
        compositions=[
            {
                "name": name,
                "title": text(item.title, lang, name),
                "description": text(item.description, lang),
                "images": [_title(image, *business[image], lang) for image in item.business],
                "resources": _resources(manifest.resources.get(item.resources or ""), lang),
            }
            for name, item in compositions.items()
        ],
        systems=[{"name": name, "title": _title(name, *found, lang)} for name, found in systems.items()],
        business=[_card(name, *found, lang) for name, found in business.items()],
        resources=[
            {"name": name, "title": text(item.title, lang, name), "means": _resources(item, lang)}
            for name, item in manifest.resources.items()
        ],
    )


def _chosen(asked: Mapping[str, Any], compositions: list[str], business: list[str]) -> dict[str, Any]:
    """What is chosen when the page opens: the earlier choice where it is still open, else the first composition."""
    composition, images = asked.get("composition"), asked.get("business")
    ticked = [name for name in business if isinstance(images, list) and name in images]
    if composition not in compositions:
        composition = None if ticked or not compositions else compositions[0]
    return {
        "composition": composition,
        "business": ticked,
        "system": asked.get("system"),
        "resources": asked.get("resources"),
    }


def _title(name: str, image: Image, pin: Pin, lang: str) -> str:
    return f"{text(image.title, lang, name)} {pin.version}".rstrip()


def _card(name: str, image: Image, pin: Pin, lang: str) -> dict[str, Any]:
    return {
        "name": name,
        "title": text(image.title, lang, name),
        "version": pin.version,
        "description": text(image.description, lang),
        "size": _bytes(pin.size, lang),
        "environments": [_environment(key, found) for key, found in pin.environments.items()],
        "documentation": image.documentation if _is_link(image.documentation) else None,
    }


def _environment(name: str, environment: Environment) -> dict[str, Any]:
    """Languages with their versions, then the main packages."""
    packages = dict(environment.packages)
    languages = []
    for language in sorted({kernel.language for kernel in environment.kernels.values()}):
        written, package = LANGUAGES.get(language.lower(), (language, language))
        languages.append(f"{written} {packages.pop(package, '')}".rstrip())
    named = [f"{package} {version}" for package, version in sorted(packages.items()) if package not in PLUMBING]
    more = len(named) - MOST_PACKAGES
    return {"name": name, "languages": languages, "packages": named[:MOST_PACKAGES], "more": max(more, 0)}


def _is_link(url: str | None) -> bool:
    return url is not None and url.lower().startswith(("https://", "http://"))


def _bytes(size: int, lang: str) -> str:
    unit, amount = ("o" if lang == "fr" else "B"), float(size)
    for prefix in ("", "k", "M"):
        if amount < 1000:
            return f"{amount:.0f} {prefix}{unit}"
        amount /= 1000
    return f"{_number(round(amount, 1), lang)} G{unit}"


def _number(value: float, lang: str) -> str:
    shown = f"{value:.6g}"
    return shown.replace(".", ",") if lang == "fr" else shown


def _resources(item: Resources | None, lang: str) -> str:
    if item is None:
        return ""
    parts = []
    if item.cpu:
        parts.append(say("processors" if item.cpu >= 2 else "processor", lang, value=_number(item.cpu, lang)))
    if item.memory:
        parts.append(say("memory", lang, value=_number(round(item.memory / (1 << 30), 2), lang)))
    if item.gpu:
        parts.append(f"{item.gpu} GPU")
    return ", ".join(parts)
