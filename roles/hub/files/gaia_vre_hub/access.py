"""Who may launch what; the one rule for the launch page, links and REST."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from gaia_vre_hub.manifest import Composition, Image, Manifest, Pin


def in_groups(allowed: list[str] | None, groups: AbstractSet[str]) -> bool:
    """Whether somebody in ``groups`` is let in; None lets in everybody."""
    return allowed is None or not groups.isdisjoint(allowed)


def open_images(manifest: Manifest, groups: AbstractSet[str], kind: str) -> dict[str, tuple[Image, Pin]]:
    """Images of ``kind`` on offer to somebody in ``groups``, in the offer's order."""
    return {
        name: (image, image.offered)
        for name, image in manifest.images.items()
        if image.kind == kind and image.offered is not None and in_groups(image.groups, groups)
    }


def open_compositions(manifest: Manifest, groups: AbstractSet[str]) -> dict[str, Composition]:
    """Compositions whose own groups and every image of which are open to somebody in ``groups``."""
    usable = {*open_images(manifest, groups, "system"), *open_images(manifest, groups, "business")}
    return {
        name: composition
        for name, composition in manifest.compositions.items()
        if in_groups(composition.groups, groups) and usable.issuperset([composition.system, *composition.business])
    }
