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


def play(
    folder: Path,
    name: str,
    variables: Mapping[str, Any] | None = None,
    hosts: str = "hosts.yml",
    arguments: Sequence[str] = (),
) -> Played:
    """Run ``gaia_data.vre.<name>`` from the inventory in ``folder`` with further variables and arguments."""
    state = Path(os.environ["GAIA_LAB_STATE"])
    argv = ["ansible-playbook", "-i", hosts, "-e", f"@{state}/vars.yml", "-e", json.dumps(dict(variables or {}))]
    done = subprocess.run(
        [*argv, *arguments, f"gaia_data.vre.{name}"],
        cwd=folder,
        env={**os.environ, "ANSIBLE_FORCE_COLOR": "false", "ANSIBLE_NOCOLOR": "true"},  # molecule forces colours
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    counts = [int(number) for number in re.findall(r"^\S+ +: ok=\d+ +changed=(\d+)", done.stdout, re.MULTILINE)]
    return Played(done.returncode, " ".join(done.stdout.split()), sum(counts) if counts else None)
