# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cleaning asks of a Docker engine, by its own command."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

TIMEOUT = 300


def _docker(*words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # pylint: disable=ansible-bad-function
            ["docker", *words], capture_output=True, text=True, check=False, timeout=TIMEOUT
        )
    except FileNotFoundError as error:
        raise VreError("Docker is not installed on this host", "docker", None, "run gaia_data.vre.deploy") from error
    except subprocess.TimeoutExpired as error:
        remedy = "see journalctl -u docker"
        raise VreError(f"the Docker engine gave no answer within {TIMEOUT} s", "docker", None, remedy) from error


def containers() -> list[dict[str, Any]]:
    """Every container, running or not, as ``docker inspect`` tells it.

    :raises VreError: when the engine does not answer: then nothing is known about what is in use.
    """
    listed = _docker("ps", "--all", "--quiet", "--no-trunc")
    found: list[dict[str, Any]] = []
    if listed.returncode == 0 and listed.stdout.split():
        told = _docker("inspect", "--type", "container", *listed.stdout.split())
        # One that ended meanwhile is missing; the others are told.
        found = json.loads(told.stdout or "[]")
    if listed.returncode:
        words = (listed.stderr.strip().splitlines() or ["it said nothing"])[-1]
        remedy = "start it (systemctl start docker)"
        raise VreError(f"the Docker engine does not answer: {words}", "docker", None, remedy)
    return found


def image(name: str) -> tuple[str, int] | None:
    """Id and size in bytes of an image, or None when the engine does not have it."""
    told = _docker("image", "inspect", "--format", "{{.Id}} {{.Size}}", name)
    if told.returncode:
        return None
    number, size = told.stdout.split()
    return number, int(size)


def remove(reference: str) -> str:
    """Remove a reference, and the image with its last one; gives the engine's words when it refuses, else nothing.

    Never by force and never by id, which engines allow for an image that is mounted.
    """
    told = _docker("image", "rm", reference)
    return (told.stderr.strip().splitlines() or ["it said nothing"])[-1] if told.returncode else ""
