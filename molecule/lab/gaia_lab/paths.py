"""Where the lab keeps things: all of it below one folder that ``GAIA_VRE_CACHE`` moves."""

from __future__ import annotations

import os
import re
from pathlib import Path

from gaia_lab.errors import LabError


def cache() -> Path:
    """The folder of everything downloaded, built or running."""
    path = Path(os.environ.get("GAIA_VRE_CACHE") or Path.home() / ".cache" / "gaia-vre")
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()


def labs() -> Path:
    """The folder of running labs."""
    path = cache() / "labs"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def lab_dir(name: str) -> Path:
    """The folder of one lab; the name is checked, the folder is not made."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name):
        raise LabError(f"{name!r} is no name for a lab: lower-case letters, digits and dashes, at most 31")
    return labs() / name
