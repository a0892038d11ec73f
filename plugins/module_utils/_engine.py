# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a Docker engine, by its own command."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, last_line

TIMEOUT = 300
TRIES = 5
# What engines and their clients say of a name that they have no image of, or that cannot be one.
ABSENT = re.compile(r"no such image|invalid reference format", re.IGNORECASE)
# Source: docker/go-units, HumanSize.
UNITS = ["", "k", "M", "G", "T", "P"]
SIZE = re.compile(r"([0-9.]+)([kMGTP]?)B")


def call(*words: str, timeout: float = TIMEOUT) -> subprocess.CompletedProcess[str]:
    """Run docker; whether it failed is the caller's to see.

    :param timeout: seconds that it may take.
    :raises VreError: when it is not there, or takes longer.
    """
    try:
        return subprocess.run(  # pylint: disable=ansible-bad-function
            ["docker", *words], capture_output=True, text=True, check=False, timeout=timeout
        )
    except FileNotFoundError as error:
        remedy = "install Docker 28 or newer, or set docker_install: true"
        raise VreError("Docker is not installed on this host", "docker", None, remedy) from error
    except subprocess.TimeoutExpired as error:
        remedy = "see journalctl -u docker"
        raise VreError(f"the Docker engine gave no answer within {timeout} s", "docker", None, remedy) from error


def containers(tries: int = TRIES) -> list[dict[str, Any]]:
    """Every container, running or not, as ``docker inspect`` tells it.

    :param tries: how often to ask. On a busy host one may end between its listing and its inspection.
    :raises VreError: when the engine does not tell every one: then nothing is known about what is in use.
    """
    listed = call("ps", "--all", "--quiet", "--no-trunc")
    if listed.returncode:
        raise _silent(listed)
    if not listed.stdout.split():
        return []
    told = call("inspect", "--type", "container", *listed.stdout.split())
    if told.returncode == 0:
        found: list[dict[str, Any]] = json.loads(told.stdout)
        return found
    if tries > 1:
        return containers(tries - 1)
    raise _silent(told)


def image(name: str) -> str | None:
    """Id of an image, or None when the engine does not have it.

    :raises VreError: when the engine does not tell.
    """
    told = call("image", "inspect", "--format", "{{.Id}}", name)
    if told.returncode and not ABSENT.search(told.stderr):
        raise _silent(told)
    return told.stdout.strip() if told.returncode == 0 else None


def _silent(done: subprocess.CompletedProcess[str]) -> VreError:
    message = f"the Docker engine does not tell what is in use, so nothing is removed: {last_line(done.stderr)}"
    remedy = "start it (systemctl start docker; journalctl -u docker says more), then clean again"
    return VreError(message, "docker", None, remedy)


def sizes() -> dict[str, int]:
    """Bytes by id that only this image has; to four digits, as the engine's command tells no more."""
    told = call("system", "df", "--verbose", "--format", "{{json .Images}}")
    images = json.loads(told.stdout) if told.returncode == 0 and told.stdout.strip() else []
    return {str(one.get("ID")): bytes_of(str(one.get("UniqueSize"))) for one in images or []}


def bytes_of(text: str) -> int:
    """Bytes of a size as Docker's commands write it, such as ``213.9MB``; 0 for none."""
    found = SIZE.fullmatch(text)
    return round(float(found[1]) * 1000 ** UNITS.index(found[2])) if found else 0


def remove(reference: str) -> str:
    """Remove a reference, and the image with its last one; gives the engine's words when it refuses, else nothing.

    Never by force and never by id, which engines allow for an image that is mounted.
    """
    told = call("image", "rm", reference)
    return last_line(told.stderr) if told.returncode else ""
