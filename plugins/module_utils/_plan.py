# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sessions the check starts, and what their results mean. Pure functions.

A result is a session (``system``, ``images``, ``candidates``, ``resources``) with what :class:`_hub.Report` gives of
it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# Images in one session: a failed start is tried again image by image, and a hub takes no choice of hundreds.
MOST = 20


def sessions(manifest: Mapping[str, Any], scope: str) -> list[dict[str, Any]]:
    """The sessions that try every kernel once on each partition that resources name, as few as possible.

    :param scope: ``candidates`` for what is new, ``offered`` for what users may launch now.
    """
    return [
        {**session, "resources": resources} for resources in _places(manifest) for session in _images(manifest, scope)
    ]


def _places(manifest: Mapping[str, Any]) -> list[str | None]:
    """Resources by name, one for each partition; None where sessions run in one place only."""
    found: dict[str | None, str] = {}
    for name, resources in (manifest.get("resources") or {}).items():
        found.setdefault(resources.get("partition"), name)
    return list(found.values()) if len(found) > 1 else [None]


def _images(manifest: Mapping[str, Any], scope: str) -> list[dict[str, Any]]:
    images = manifest["images"]
    system = [name for name, image in images.items() if image["kind"] == "system"]
    business = [name for name, image in images.items() if image["kind"] == "business"]
    if scope == "offered":
        mounted = [name for name in business if images[name]["offered"]]
        return [session for name in system if images[name]["offered"] for session in _sessions(name, mounted, [])]
    candidates = [name for name in business if images[name]["candidate"]]
    # A new system image must run what is there already, too.
    new = [name for name in system if images[name]["candidate"]]
    if new or not candidates:
        there = [name for name in business if images[name]["candidate"] or images[name]["offered"]]
        return [session for name in new for session in _sessions(name, there, [name, *candidates])]
    usable = [name for name in system if images[name]["offered"]]
    return [session for name in usable[:1] for session in _sessions(name, candidates, candidates)]


def _sessions(system: str, images: Sequence[str], candidates: Sequence[str]) -> list[dict[str, Any]]:
    """All of ``images`` under one system image; without any, the system image alone."""
    parts = [images[start : start + MOST] for start in range(0, len(images), MOST)] or [images]
    return [_session(system, part, [name for name in candidates if name == system or name in part]) for part in parts]


def _session(system: str, images: Sequence[str], candidates: Sequence[str]) -> dict[str, Any]:
    return {"system": system, "images": list(images), "candidates": list(candidates)}


def again(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Sessions with one image each, for those that did not start: one bad image must not hide the good ones."""
    found = []
    for result in results:
        if result["launch_seconds"] or result.get("busy") or len(result["images"]) < 2:
            continue
        for name in result["images"]:
            kept = [candidate for candidate in result["candidates"] if candidate in (name, result["system"])]
            found.append({**_session(result["system"], [name], kept), "resources": result["resources"]})
    return found


def by_image(results: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """The rows of each image that was tried: its kernels, or its session where it has none of its own.

    A kernel that was tried again under the same system image and with the same resources is judged by that. A system
    image runs when one of its sessions started in which not every kernel failed; a candidate, when all that is on offer
    runs in it, too. A session whose job never left the queue says nothing.
    """
    rows: dict[str, dict[tuple[tuple[str, str | None], str], Mapping[str, Any]]] = {}
    results = [result for result in results if not result.get("busy")]
    for result in results:
        system = (result["system"], result["resources"])
        for row in result["results"]:
            rows.setdefault(row["image"], {})[system, row["kernel"]] = row
        started = bool(result["launch_seconds"])
        useful = started and (not result["results"] or any(row["ok"] for row in result["results"]))
        error = result["error"] or ("" if started else "the session did not start")
        kernels = {row["image"] for row in result["results"]}
        for name in (system[0], *(image for image in result["images"] if image not in kernels)):
            own = rows.setdefault(name, {})
            if useful or (system, "") not in own:
                own[system, ""] = _session_row(name, useful, error or ("" if useful else "every kernel failed in it"))
    candidates = {name for result in results for name in result["candidates"]}
    for system in {(result["system"], result["resources"]) for result in results}:
        if system[0] not in candidates:
            continue
        broken = [
            row["kernel"]
            for name in rows.keys() - candidates
            for (under, _kernel), row in rows[name].items()
            if under == system and not row["ok"]
        ]
        if broken and rows[system[0]][system, ""]["ok"]:
            error = f"what is on offer does not run in it: {', '.join(sorted(broken))}"
            rows[system[0]][system, ""] = _session_row(system[0], False, error)
    return {name: list(found.values()) for name, found in rows.items()}


def _session_row(name: str, ok: bool, error: str) -> dict[str, Any]:
    kernel = f"session of {name}"
    return {"image": name, "environment": "", "kernel": kernel, "ok": ok, "error": "" if ok else error}


def judge(results: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """``promote``: candidates that run; ``failed``: the rows of what does not; ``unchecked``: of :func:`unchecked`.

    A session that failed is told by its kernels, or by its system image where it has none.
    """
    rows, left = by_image(results), unchecked(results)
    candidates = dict.fromkeys(name for result in results for name in result["candidates"])
    kernels = [row for found in rows.values() for row in found if not row["ok"] and row["environment"]]
    alone = [row for found in rows.values() for row in found if not row["ok"] and not row["environment"]]
    return {
        "promote": [name for name in candidates if name not in left and all(row["ok"] for row in rows[name])],
        "failed": kernels or alone,
        "unchecked": left,
    }


def unchecked(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of images that were to be tried in a session whose job never left the queue."""
    names = [
        name
        for result in results
        if result.get("busy")
        for name in result["candidates"] or [result["system"], *result["images"]]
    ]
    return list(dict.fromkeys(names))


def report(
    manifest: Mapping[str, Any], results: Sequence[Mapping[str, Any]], verdict: Mapping[str, Any], scope: str
) -> list[str]:
    """Lines for a person: how each kernel did, what is on offer now, what is not and why.

    :param manifest: as it was before the check.
    :param verdict: of :func:`judge`; empty when nothing was to be tried.
    """
    images, passed = manifest["images"], set(verdict.get("promote", []) if scope == "candidates" else [])
    lines = [line for result in results for line in _session_lines(result)]
    lines += [f"{row['kernel']}: FAILED: {row['error']}" for row in verdict.get("failed", []) if not row["environment"]]
    if not results:
        lines.append("Nothing is new, so nothing was tried.")
    on_offer, held = [], []
    for name, image in sorted(images.items()):
        pin = image["candidate"] if name in passed and image["candidate"] else image["offered"]
        if pin:
            on_offer.append(f"{name} {pin['version']}".strip())
        if image["candidate"] and name not in passed:
            stays = f"{image['offered']['version']} stays on offer" if image["offered"] else "not on offer"
            why = "it was not checked" if name in verdict.get("unchecked", []) else "its check did not pass"
            held.append(f"{name} {image['candidate']['version']}: {why}, {stays}.")
    return [*lines, *held, f"On offer: {', '.join(on_offer) or 'nothing'}."]


def _session_lines(result: Mapping[str, Any]) -> list[str]:
    if result.get("busy"):
        where = f" with {result['resources']}" if result.get("resources") else ""
        return [f"{', '.join(unchecked([result]))}{where}: not checked, the cluster was busy: {result['error']}"]
    return [line for row in result["results"] for line in _row_lines(row, result)]


def _row_lines(row: Mapping[str, Any], result: Mapping[str, Any]) -> list[str]:
    what = f"{row['image']}, {row['kernel']}" + (f" with {result['resources']}" if result.get("resources") else "")
    if row["ok"]:
        again = "" if row["starts"] == 1 else ", at its second start"
        return [f"{what}: runs, {row['language']} {row['version']}, {row['seconds']} s{again}"]
    last = [f"    | {line}" for line in str(row.get("last_lines", "")).splitlines()]
    return [f"{what}: FAILED: {row['error']}", *last]
