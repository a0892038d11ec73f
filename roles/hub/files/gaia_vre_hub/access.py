"""Who may see and launch what; the one rule for the launch page, links and REST."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from gaia_vre_hub.manifest import Composition, Image, Manifest, Pin


def in_groups(allowed: list[str] | None, groups: AbstractSet[str]) -> bool:
    """Whether somebody in ``groups`` is let in; None lets in everybody."""
    return allowed is None or not groups.isdisjoint(allowed)


def visible_images(manifest: Manifest, groups: AbstractSet[str], kind: str) -> dict[str, Image]:
    """Images of ``kind`` that are not locked to other groups, also those not on offer yet, in the offer's order."""
    return {
        name: image for name, image in manifest.images.items() if image.kind == kind and in_groups(image.groups, groups)
    }


def visible_compositions(manifest: Manifest, groups: AbstractSet[str]) -> dict[str, Composition]:
    """Compositions of which neither they nor one of their images is locked to other groups."""
    visible = {*visible_images(manifest, groups, "system"), *visible_images(manifest, groups, "business")}
    return {
        name: composition
        for name, composition in manifest.compositions.items()
        if in_groups(composition.groups, groups) and visible.issuperset([composition.system, *composition.business])
    }


def open_images(manifest: Manifest, groups: AbstractSet[str], kind: str) -> dict[str, tuple[Image, Pin]]:
    """Images of ``kind`` on offer to somebody in ``groups``, in the offer's order."""
    return {
        name: (image, image.offered)
        for name, image in visible_images(manifest, groups, kind).items()
        if image.offered is not None
    }


def not_offered(manifest: Manifest, composition: Composition) -> list[str]:
    """Names of a composition's images that are not on offer."""
    return [name for name in (composition.system, *composition.business) if manifest.images[name].offered is None]


def open_compositions(manifest: Manifest, groups: AbstractSet[str]) -> dict[str, Composition]:
    """Compositions that somebody in ``groups`` may launch now."""
    return {
        name: composition
        for name, composition in visible_compositions(manifest, groups).items()
        if not not_offered(manifest, composition)
    }
