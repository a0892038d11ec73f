"""A centre of a test's own beside the lab's: a copy of its inventory with more images, published on the same hub."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

CENTRE = Path(os.environ.get("GAIA_LAB_STATE", "/nonexistent")) / "inventory"


def copy_with(folder: Path, images: Mapping[str, str]) -> Path:
    """A copy of the lab's centre in ``folder``, lock included, that offers ``images`` (references by name), too."""
    shutil.copytree(CENTRE, folder, dirs_exist_ok=True)
    catalogue = yaml.safe_load((folder / "catalogue.yml").read_text())
    for name, reference in images.items():
        catalogue["images"][name] = {"kind": "business", "reference": reference, "title": {"en": name}}
    (folder / "catalogue.yml").write_text(yaml.safe_dump(catalogue, sort_keys=False))
    settings = folder / "group_vars/vre_hubs/vre.yml"
    variables: dict[str, Any] = yaml.safe_load(settings.read_text())
    variables["vre_offer"]["business"] += list(images)
    settings.write_text(yaml.safe_dump(variables, sort_keys=False))
    return folder
