"""Runs a playbook of the collection in a lab, as its admin would: from the centre's folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Played:
    """How a run ended.

    :param code: exit code of ansible-playbook.
    :param text: all that it printed, with every run of white space as one blank.
    :param changed: number of changed tasks over all hosts, None when no host was reached.
    """

    code: int
    text: str
    changed: int | None


def oldest_core() -> Mapping[str, str]:
    """What runs plays on the oldest ansible-core that we promise, made by ``tools/setup oldest``."""
    root = Path(os.environ["GAIA_VRE_ROOT"])
    (packages,) = (root / "build/venv-oldest/lib").glob("python3.*/site-packages")
    return {
        "PATH": f"{root}/build/venv-oldest/bin:{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": f"{root}/build/collections:{packages}",
    }


def play(
    folder: Path,
    name: str,
    variables: Mapping[str, Any] | None = None,
    hosts: str = "hosts.yml",
    environment: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
) -> Played:
    """Run ``gaia_data.vre.<name>`` from the inventory in ``folder`` with further variables and arguments."""
    state = Path(os.environ["GAIA_LAB_STATE"])
    # molecule forces colours
    plain = {**os.environ, "ANSIBLE_FORCE_COLOR": "false", "ANSIBLE_NOCOLOR": "true", **(environment or {})}
    argv = ["ansible-playbook", "-i", hosts, "-e", f"@{state}/vars.yml", "-e", json.dumps(dict(variables or {}))]
    done = subprocess.run(
        [*argv, *arguments, f"gaia_data.vre.{name}"],
        cwd=folder,
        env=plain,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    counts = [int(number) for number in re.findall(r"^\S+ +: ok=\d+ +changed=(\d+)", done.stdout, re.MULTILINE)]
    return Played(done.returncode, " ".join(done.stdout.split()), sum(counts) if counts else None)
