# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's runtime can do, from its own words; and the mount kind that follows, with the reason."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils import _engine
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, last_line
from ansible_collections.gaia_data.vre.plugins.module_utils._store import layout

TIMEOUT = 60
# The first Engine API with mounts of type image. Source: Docker Engine 28.0 release notes.
MOUNT_API = (1, 48)
# Docker 20.10, the first with control groups of version 2. Source: its release notes.
BIND_API = (1, 41)
CONTAINERD_STORE = "io.containerd.snapshotter.v1"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
ENABLE_STORE = (
    'set {"features": {"containerd-snapshotter": true}} in /etc/docker/daemon.json and restart docker; images that the '
    "engine has now are hidden until it is set back"
)


def docker_words(run: Any = _engine.call) -> tuple[dict[str, Any], dict[str, Any]]:
    """What ``docker version`` and ``docker info`` say.

    :raises VreError: when Docker is absent or its engine does not answer.
    """
    found: list[dict[str, Any]] = []
    for verb in ("version", "info"):
        done = run(verb, "--format", "{{json .}}", timeout=TIMEOUT)
        try:
            data = json.loads(done.stdout)
        except ValueError:
            data = {}
        if done.returncode or not isinstance(data, dict) or (verb == "version" and not data.get("Server")):
            raise VreError(
                f"the Docker engine does not answer: {last_line(done.stderr or '')}",
                where="docker",
                remedy="start it (systemctl start docker), and run as a user that may use its socket",
            )
        found.append(data)
    return found[0], found[1]


def wrong_with_store(store: str) -> str:
    """Why sessions cannot be mounted from a folder of this host, with the remedy; empty when they can."""
    remedy = "Remedy: set images_store_dir to a folder of a local disk"
    try:
        layout.check(store)
    except VreError as error:
        return str(error)
    there = next(path for path in (Path(store), *Path(store).parents) if path.exists())
    if not there.is_dir():
        return f"{there} is no folder. {remedy}"
    flags = os.statvfs(there).f_flag
    if flags & os.ST_RDONLY:
        return f"{there} cannot be written. {remedy}"
    if flags & os.ST_NOEXEC:
        return f"programs in {there} cannot be run (noexec). {remedy}"
    for folder in (there, *there.parents):
        status = folder.stat()
        if status.st_uid != 0 or status.st_mode & stat.S_IWOTH:
            message = f"{folder} is not root's alone, so somebody else could change what sessions get"
            return f"{message}. {remedy} below folders that only root can write"
    return ""


def docker_capabilities(
    version: dict[str, Any], info: dict[str, Any], store: str = layout.DEFAULT, store_reason: str = ""
) -> dict[str, Any]:
    """Capabilities of a Docker engine.

    :param version: output of ``docker version --format '{{json .}}'``.
    :param info: output of ``docker info --format '{{json .}}'``.
    :param store: folder of the unpacked images.
    :param store_reason: of :func:`wrong_with_store`.
    """
    server = version["Server"]
    api = str(server.get("ApiVersion", "0"))
    status = {str(key): str(value) for key, value in info.get("DriverStatus") or []}
    containerd = CONTAINERD_STORE in status.get("driver-type", "")
    machine = str(info.get("Architecture", ""))
    image_reason = _image_reason(str(server.get("Version", "")), api, containerd, str(info.get("Driver", "")))
    directory_reason = _directory_reason(str(server.get("Version", "")), api) or store_reason
    mount_kinds = {
        "image": {"usable": image_reason == "", "reason": image_reason or _usable(api)},
        "directory": {
            "usable": directory_reason == "",
            "reason": directory_reason or f"images are unpacked into {store} and mounted from there",
        },
    }
    kind, reason = preferred(mount_kinds)
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
        "reason": reason,
    }


def preferred(mount_kinds: Mapping[str, Mapping[str, Any]]) -> tuple[str | None, str]:
    """The first kind that is usable, or None; and why, with why not those before it."""
    kind = next((name for name, measured in mount_kinds.items() if measured["usable"]), None)
    reasons = list(dict.fromkeys(str(measured["reason"]) for measured in mount_kinds.values()))
    if kind == next(iter(mount_kinds)):
        return kind, reasons[0]
    return kind, (". Instead: " if kind else ". Also: ").join(reasons)


def _usable(api: str) -> str:
    return f"API {api} mounts images, and the containerd image store keeps them over a restart of the engine"


def _numbers(api: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", api)[:2])


def _directory_reason(version: str, api: str) -> str:
    if _numbers(api) < BIND_API:
        return f"Docker {version} (API {api}) is too old for sessions. Remedy: install Docker 20.10 or newer"
    return ""


def _image_reason(version: str, api: str, containerd: bool, driver: str) -> str:
    """Why images cannot be mounted, with the remedy; empty when they can."""
    if _numbers(api) < MOUNT_API:
        return f"Docker {version} (API {api}) cannot mount images. Remedy: install Docker 28 or newer"
    if not containerd:
        return (
            f"Docker {version} keeps images in the graph driver {driver}, which empties image mounts when the engine "
            f"restarts (moby#50999). Remedy: {ENABLE_STORE}"
        )
    return ""
