"""Runs a module of the collection on a host of a centre, beside whatever else runs."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

from gaia_lab.errors import LabError


def module(folder: Path, host: str, name: str, options: dict[str, Any]) -> subprocess.Popen[str]:
    """A module begins on a host of the inventory in ``folder``."""
    argv = ["ansible", "-i", "hosts.yml", host, "-m", f"gaia_data.vre.{name}", "-a", json.dumps(options)]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "true", "ANSIBLE_FORCE_COLOR": "false"}
    return subprocess.Popen(argv, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)


def result(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What it said at its end.

    :raises LabError: when that was an error of its code.
    """
    told = process.communicate()[0]
    if "Traceback" in told:
        raise LabError(told)
    how, _sep, what = told.partition("=>")
    found: dict[str, Any] = yaml.safe_load(what) if what else {"msg": told}
    return {"failed": "FAILED!" in how, **found}
