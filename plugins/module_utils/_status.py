# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a centre's host offers and runs now, as data and as lines for its admin."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

Run = Callable[[Sequence[str]], "tuple[int, str]"]
UNITS = ("gaia-vre-hub.service", "gaia-vre-proxy.service", "gaia-vre-verify.timer")
FOLDERS = ("/var/lib/docker", "/var/lib/containerd", "/var/lib/gaia-vre")  # and the store of unpacked images
# Only these two of a session's variables are looked at; others hold its secrets.
RECORD, USER = "GAIA_VRE_SESSION", "JUPYTERHUB_USER"
# On a cluster: labels of sessions' pods, those of the hub's own, and the annotation with the user's name.
SESSION = {"gaia-data.org/session": "true"}
SERVICES = ({"component": "hub"}, {"component": "proxy"})
USERNAME = "hub.jupyter.org/username"


def units(run: Run) -> dict[str, str]:
    """What systemd says of each unit."""
    return {unit: run(["systemctl", "is-active", unit])[1].strip() or "unknown" for unit in UNITS}


def sessions(run: Run) -> list[dict[str, Any]]:
    """The sessions that run in Docker: ``user``, ``since``, ``composition``, ``images`` by name.

    :raises VreError: when Docker is there and does not answer.
    """
    if shutil.which("docker") is None:
        return []
    code, text = run(["docker", "ps", "--quiet", "--no-trunc"])
    if code:
        raise VreError(f"Docker does not answer: {text.strip()}", "docker ps", None, "look at journalctl -u docker")
    names = text.split()
    if not names:
        return []
    # One that ended in between makes the exit code, not the others' answers.
    shown = run(["docker", "inspect", "--format", "{{json .Config.Env}} {{.State.StartedAt}}", *names])[1]
    found = [_session(line) for line in shown.splitlines() if line.startswith("[")]
    return sorted((one for one in found if one is not None), key=lambda one: str(one["user"]))


def jobs(lines: Sequence[str], manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The same for sessions that are jobs.

    :param lines: of each job ``NAME USER JOB DIGEST,DIGEST… SINCE``, digests without their ``sha256:``, or the
        beginnings of them.
    """
    pins = {
        pin["digest"].partition(":")[2]: (name, pin)
        for name, image in manifest["images"].items()
        for pin in (image.get("offered"), image.get("candidate"), *(image.get("retained") or []))
        if pin
    }
    found = []
    for line in lines:
        _name, user, job, digests, since = (*line.split(None, 4), "", "", "", "", "")[:5]
        images = {}
        for begin in re.findall(r"[0-9a-f]{4,64}", digests):
            digest = next((digest for digest in pins if digest.startswith(begin)), begin)
            name, pin = pins.get(digest, ("an image that is not in the manifest", {"version": ""}))
            images[name] = {"version": pin["version"], "digest": f"sha256:{digest}"}
        found.append({"user": f"{user} (job {job})", "since": since, "composition": None, "images": images})
    return sorted(found, key=lambda one: str(one["user"]))


def pods(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same for sessions that are pods.

    :param found: pods with the label of sessions, as the cluster's API has them.
    """
    sessions = []
    for pod in found:
        metadata, state = pod["metadata"], pod.get("status") or {}
        if state.get("phase") not in ("Pending", "Running"):
            continue
        variables = {one["name"]: one.get("value", "") for one in pod["spec"]["containers"][0].get("env") or ()}
        # The kubelet takes a doubled sign for one.
        record = str(variables.get(RECORD, "")).replace("$$", "$")
        user = (metadata.get("annotations") or {}).get(USERNAME, variables.get(USER, ""))
        since = state.get("startTime") or metadata["creationTimestamp"]
        session = _described(record, str(user), str(since))
        if session is not None:
            sessions.append(session)
    return sorted(sessions, key=lambda one: str(one["user"]))


def services(found: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What the cluster says of the hub's own pods."""
    return {pod["metadata"]["name"]: _state(pod) for pod in found}


def _state(pod: Mapping[str, Any]) -> str:
    status = pod.get("status") or {}
    containers = status.get("containerStatuses") or ()
    waits = next((one["state"]["waiting"] for one in containers if "waiting" in (one.get("state") or {})), None)
    if waits is not None:
        return f"waits: {waits.get('reason', '')} {waits.get('message', '')}".strip()
    ready = containers and all(one.get("ready") for one in containers)
    restarts = sum(int(one.get("restartCount") or 0) for one in containers)
    words = str(status.get("phase", "unknown")).lower()
    words += "" if ready or words != "running" else ", not ready"
    return f"{words}, {restarts} restart(s)" if restarts else words


def _session(line: str) -> dict[str, Any] | None:
    text, _sep, since = line.rpartition(" ")
    variables = dict(item.partition("=")[::2] for item in json.loads(text))
    return _described(variables.get(RECORD, ""), variables.get(USER, ""), since)


def _described(record: str, user: str, since: str) -> dict[str, Any] | None:
    """A session by its record; None for something else that runs here."""
    try:
        told = json.loads(record)
        images = {str(name): dict(image) for name, image in told["images"].items()}
    except (LookupError, ValueError, TypeError, AttributeError):
        return None
    return {"user": user, "since": since, "composition": told.get("composition"), "images": images}


def disks(store: str) -> list[dict[str, Any]]:
    """Bytes ``free`` and ``total`` where images and the hub's state lie, each file system once.

    :param store: folder of the unpacked images.
    """
    found: dict[int, dict[str, Any]] = {}
    for folder in (*FOLDERS, store):
        if Path(folder).is_dir():
            usage = shutil.disk_usage(folder)
            device = Path(folder).stat().st_dev
            found.setdefault(device, {"path": folder, "free": usage.free, "total": usage.total})
    return list(found.values())


def parsed(text: str) -> dict[str, Any]:
    """A text of the hub's that is JSON; empty when it is none, or junk."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def images(manifest: Mapping[str, Any], checks: Mapping[str, Any]) -> dict[str, Any]:
    """Of each image its pins and its last check."""

    def short(pin: Mapping[str, Any] | None) -> dict[str, Any] | None:
        return {key: pin.get(key) for key in ("version", "digest")} if pin else None

    return {
        name: {
            "offered": short(image.get("offered")),
            "candidate": short(image.get("candidate")),
            "retained": [short(pin) for pin in image.get("retained") or []],
            "check": (checks.get("images") or {}).get(name),
        }
        for name, image in manifest["images"].items()
    }


def report(
    manifest: Mapping[str, Any],
    checks: Mapping[str, Any],
    notice: Mapping[str, Any],
    running: Sequence[Mapping[str, Any]],
    now: datetime,
) -> list[str]:
    """Lines on the offer and who uses it."""
    known = manifest["images"]
    checked = checks.get("images") or {}
    lines = [f"Substrate {manifest.get('substrate')}, mount kind {manifest.get('mount_kind')}."]
    if notice.get("drain"):
        lines.append("Drained: no new session can start.")
    if notice.get("text"):
        texts = notice["text"]
        lines.append(f"Announced: {texts.get('en') or next(iter(texts.values()))}")
    for name, image in known.items():
        if image.get("offered"):
            lines.append(f"Offered: {_pin(name, image['offered'])}, {_check(checked.get(name), image['offered'], now)}")
    for name, image in known.items():
        stays = f"{image['offered']['version']} stays on offer" if image.get("offered") else "not on offer"
        if image.get("candidate"):
            state = _check(checked.get(name), image["candidate"], now)
            lines.append(f"Candidate: {_pin(name, image['candidate'])}, {state}; {stays}")
        elif not image.get("offered"):
            lines.append(f"Not here (yet): {name}; run publish")
        lines += [f"Retained: {_pin(name, pin)}" for pin in image.get("retained") or []]
    for name, composition in (manifest.get("compositions") or {}).items():
        lacks = [part for part in (composition["system"], *composition["business"]) if not known[part].get("offered")]
        state = f"cannot be launched, as {', '.join(lacks)} is not on offer" if lacks else "can be launched"
        lines.append(f"Composition {name}: {state}")
    return [*lines, *_use(running, now)]


def _pin(name: str, pin: Mapping[str, Any]) -> str:
    return f"{name} {pin.get('version', '')}".strip() + f" at {str(pin['digest'])[:19]}"


def _check(found: Mapping[str, Any] | None, pin: Mapping[str, Any], now: datetime) -> str:
    """The last check of just this digest."""
    known = [found, *found.get("former", [])] if found else []
    found = next((entry for entry in known if entry.get("digest") == pin["digest"]), None)
    if found is None:
        return "not checked yet"
    when = ago(str(found["at"]), now)
    if found["ok"]:
        return f"checked {when}"
    return f"check FAILED {when}: {', '.join(found.get('failed') or [])}: {found.get('error', '')}"


def _use(running: Sequence[Mapping[str, Any]], now: datetime) -> list[str]:
    lines = [f"Sessions: {len(running)}"]
    used: Counter[str] = Counter()
    for session in running:
        pins = [_pin(name, image) for name, image in session["images"].items()]
        used.update(pins)
        chosen = f"composition {session['composition']}" if session["composition"] else "own choice"
        lines.append(f"  {session['user']}: {chosen}, since {ago(str(session['since']), now)}: {', '.join(pins)}")
    return lines + [
        f"Used by {count}: {pin}" for pin, count in sorted(used.items(), key=lambda item: (-item[1], item[0]))
    ]


def ago(when: str, now: datetime) -> str:
    """How long ago a time in ISO 8601 was, in words."""
    try:
        then = datetime.fromisoformat(when[:19].rstrip("Z")).replace(tzinfo=timezone.utc)
    except ValueError:
        return "at an unknown time"
    seconds = max(0, int((now - then).total_seconds()))
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return "just now"


def size(number: int) -> str:
    """Bytes as people read them."""
    return f"{number / 1e9:.1f} GB"


def cluster_report(version: str, namespace: str, found: Mapping[str, str]) -> list[str]:
    """Lines on the hub's own pods."""
    states = ", ".join(f"{name} {state}" for name, state in found.items()) or "no hub runs there"
    return [f"Kubernetes {version}, namespace {namespace}: {states}"]


def host_report(hub: str, services: Mapping[str, str], found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines on the host's JupyterHub, services and disks."""
    lines = [
        ", ".join([f"JupyterHub {hub or 'is not installed'}", *(f"{name} {state}" for name, state in services.items())])
    ]
    return lines + [f"Disk of {disk['path']}: {size(disk['free'])} free of {size(disk['total'])}" for disk in found]
