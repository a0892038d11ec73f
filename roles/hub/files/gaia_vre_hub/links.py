"""The link that makes the same choice again: by names, or pinned to digests."""

from __future__ import annotations

from urllib.parse import urlencode

from gaia_vre_hub.options import Choice


def link(page: str, choice: Choice, *, pinned: bool = False) -> str:
    """The address that launches ``choice``; the launch page's script makes the same.

    :param page: the launch page's path, such as ``/hub/spawn``.
    :param pinned: whether each image is named by its digest too, so that the link means these versions for ever.
    """
    fields: list[tuple[str, str]] = []
    if choice.composition is not None:
        fields.append(("composition", choice.composition))
    else:
        fields.append(("system", choice.system))
        fields += [("business", name) for name in choice.images if name != choice.system]
    if choice.wish is not None:
        fields.append(("resources", choice.wish))
    if pinned:
        fields += [("pin", f"{name}@{pin.digest}") for name, pin in choice.images.items()]
    return f"{page}?{urlencode(fields, safe='@:')}"
