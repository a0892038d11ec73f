# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's runtime can do, from its own words; and the mount kind that follows, with the reason."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

# The first Engine API with mounts of type image. Source: Docker Engine 28.0 release notes.
MOUNT_API = (1, 48)
CONTAINERD_STORE = "io.containerd.snapshotter.v1"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
ENABLE_STORE = (
    'set {"features": {"containerd-snapshotter": true}} in /etc/docker/daemon.json and restart docker; images that the '
    "engine has now are hidden until it is set back"
)


def docker_words(run: Any = subprocess.run) -> tuple[dict[str, Any], dict[str, Any]]:
    """What ``docker version`` and ``docker info`` say.

    :raises VreError: when Docker is absent or its engine does not answer.
    """
    found: list[dict[str, Any]] = []
    for verb in ("version", "info"):
        try:
            done = run(  # pylint: disable=ansible-bad-function
                ["docker", verb, "--format", "{{json .}}"], capture_output=True, text=True, check=False, timeout=60
            )
        except FileNotFoundError as error:
            raise VreError(
                "Docker is not installed on this host",
                where="docker",
                remedy="install Docker 28 or newer, or set docker_install: true",
            ) from error
        except subprocess.TimeoutExpired as error:
            raise VreError(
                "the Docker engine gave no answer within 60 s", where="docker", remedy="see journalctl -u docker"
            ) from error
        try:
            data = json.loads(done.stdout)
        except ValueError:
            data = {}
        if done.returncode or not isinstance(data, dict) or (verb == "version" and not data.get("Server")):
            words = (done.stderr or "").strip().splitlines()[-1:] or ["it said nothing"]
            raise VreError(
                f"the Docker engine does not answer: {words[0]}",
                where="docker",
                remedy="start it (systemctl start docker), and run as a user that may use its socket",
            )
        found.append(data)
    return found[0], found[1]


def docker_capabilities(version: dict[str, Any], info: dict[str, Any]) -> dict[str, Any]:
    """Capabilities of a Docker engine.

    :param version: output of ``docker version --format '{{json .}}'``.
    :param info: output of ``docker info --format '{{json .}}'``.
    """
    server = version["Server"]
    api = str(server.get("ApiVersion", "0"))
    status = {str(key): str(value) for key, value in info.get("DriverStatus") or []}
    containerd = CONTAINERD_STORE in status.get("driver-type", "")
    machine = str(info.get("Architecture", ""))
    image_reason = _image_reason(str(server.get("Version", "")), api, containerd, str(info.get("Driver", "")))
    mount_kinds = {
        "image": {"usable": image_reason == "", "reason": image_reason or _usable(api)},
        "directory": {"usable": False, "reason": "the store of unpacked images is not part of this version"},
    }
    kind = "image" if not image_reason else None
    return {
        "substrate": "docker",
        "version": str(server.get("Version", "")),
        "api_version": api,
        "image_store": "containerd" if containerd else "graphdriver",
        "storage_driver": str(info.get("Driver", "")),
        "cgroup": {
            "version": str(info.get("CgroupVersion", "")),
            "memory": bool(info.get("MemoryLimit")),
            "cpu": bool(info.get("CpuCfsQuota")) and bool(info.get("CpuCfsPeriod")),
        },
        "platform": f"linux/{ARCHITECTURES.get(machine, machine)}",
        "mount_kinds": mount_kinds,
        "mount_kind": kind,
        "reason": mount_kinds["image"]["reason"],
    }


def _usable(api: str) -> str:
    return f"API {api} mounts images, and the containerd image store keeps them over a restart of the engine"


def _image_reason(version: str, api: str, containerd: bool, driver: str) -> str:
    """Why images cannot be mounted, with the remedy; empty when they can."""
    numbers = tuple(int(number) for number in re.findall(r"\d+", api)[:2])
    if numbers < MOUNT_API:
        return f"Docker {version} (API {api}) cannot mount images. Remedy: install Docker 28 or newer"
    if not containerd:
        return (
            f"Docker {version} keeps images in the graph driver {driver}, which empties image mounts when the engine "
            f"restarts (moby#50999). Remedy: {ENABLE_STORE}"
        )
    return ""
