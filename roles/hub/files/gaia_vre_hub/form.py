"""The launch page: the hub's options form, made from what is open to this user."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2

from gaia_vre_hub.access import open_compositions, open_images
from gaia_vre_hub.locale import say, text
from gaia_vre_hub.manifest import Image, Manifest, Pin, Resources
from gaia_vre_hub.options import Chooser

_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
MOST_PACKAGES = 6


def render(manifest: Manifest | None, user: str, groups: set[str], lang: str) -> str:
    """The form's HTML; what is not open to the user is not in it."""
    if manifest is None:
        return _templates.get_template("launch.html").render(t=_translator(lang), lang=lang, message="no_manifest")
    chooser = Chooser(manifest, user, groups, lang)
    systems = open_images(manifest, chooser.groups, "system")
    business = open_images(manifest, chooser.groups, "business")
    compositions = open_compositions(manifest, chooser.groups)
    free = manifest.free_choice and bool(systems)
    return _templates.get_template("launch.html").render(
        t=_translator(lang),
        lang=lang,
        message="" if free or compositions else "nothing",
        free=free,
        compositions=[
            {
                "name": name,
                "title": text(item.title, lang, name),
                "description": text(item.description, lang),
                "images": [_card(image, *business[image], lang=lang) for image in item.business],
                "resources": _resources(manifest.resources.get(item.resources or ""), lang),
            }
            for name, item in compositions.items()
        ],
        systems=[_card(name, image, pin, lang=lang) for name, (image, pin) in systems.items()],
        business=[_card(name, image, pin, lang=lang) for name, (image, pin) in business.items()],
        resources=[
            {"name": name, "title": text(item.title, lang, name), "means": _resources(item, lang)}
            for name, item in manifest.resources.items()
        ],
    )


def _translator(lang: str) -> Any:
    return lambda key: say(key, lang)


def _card(name: str, image: Image, pin: Pin, *, lang: str) -> dict[str, Any]:
    packages: dict[str, str] = {}
    for environment in pin.environments.values():
        packages.update(environment.packages)
    known = sorted(packages.items(), key=lambda item: (item[0] != "python", item[0]))
    return {
        "name": name,
        "title": text(image.title, lang, name),
        "description": text(image.description, lang),
        "version": pin.version,
        "size": _bytes(pin.size, lang),
        "packages": [f"{package} {version}" for package, version in known if package != "ipykernel"][:MOST_PACKAGES],
        "documentation": image.documentation if _is_link(image.documentation) else None,
    }


def _is_link(url: str | None) -> bool:
    return url is not None and url.startswith(("https://", "http://"))


def _bytes(size: int, lang: str) -> str:
    unit, amount = ("o" if lang == "fr" else "B"), float(size)
    for prefix in ("", "k", "M", "G"):
        if amount < 1000 or prefix == "G":
            return f"{amount:.0f} {prefix}{unit}"
        amount /= 1000
    raise AssertionError("unreachable")


def _resources(item: Resources | None, lang: str) -> str:
    if item is None:
        return ""
    parts = []
    if item.cpu:
        parts.append(f"{item.cpu:g} {say('processors', lang)}")
    if item.memory:
        parts.append(f"{item.memory / (1 << 30):g} Gi{'o' if lang == 'fr' else 'B'} {say('memory', lang)}")
    if item.gpu:
        parts.append(f"{item.gpu} GPU")
    return ", ".join(parts)
