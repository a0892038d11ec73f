"""Runs a playbook of the collection in a lab, as its admin would: from the centre's folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gaia_lab.errors import LabError
from gaia_lab.process import kill_family

PLAIN = {"ANSIBLE_FORCE_COLOR": "false", "ANSIBLE_NOCOLOR": "true"}  # molecule forces colours


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
    done = subprocess.run(
        _command(name, variables, hosts, arguments),
        cwd=folder,
        env={**os.environ, **PLAIN, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    counts = [int(number) for number in re.findall(r"^\S+ +: ok=\d+ +changed=(\d+)", done.stdout, re.MULTILINE)]
    return Played(done.returncode, " ".join(done.stdout.split()), sum(counts) if counts else None)


def kill(
    folder: Path,
    name: str,
    task: str,
    variables: Mapping[str, Any] | None = None,
    when: Callable[[], object] = lambda: True,
) -> None:
    """Run the same, and kill it with all of its processes when it comes to a task.

    :param when: looked at from then on, until something is so.
    :raises LabError: when it never does.
    """
    running = subprocess.Popen(
        _command(name, variables),
        cwd=folder,
        env={**os.environ, **PLAIN, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with running:
        said = ""
        for line in running.stdout or ():
            said += line
            if task in line:
                break
        while not when() and running.poll() is None:
            time.sleep(0.05)
        kill_family(running.pid)
    if task not in said:
        raise LabError(f"{name} did not come to a task {task}: {said[-3000:]}")


def _command(
    name: str, variables: Mapping[str, Any] | None, hosts: str = "hosts.yml", arguments: Sequence[str] = ()
) -> list[str]:
    state = Path(os.environ["GAIA_LAB_STATE"])
    given = ["-e", f"@{state}/vars.yml", "-e", json.dumps(dict(variables or {}))]
    return ["ansible-playbook", "-i", hosts, *given, *arguments, f"gaia_data.vre.{name}"]
