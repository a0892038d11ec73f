# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the role check: which sessions to start, and what their results mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# Images in one session: a failed start is tried again image by image, and a hub takes no choice of hundreds.
MOST = 20


def check_sessions(manifest: Mapping[str, Any], scope: str) -> list[dict[str, Any]]:
    """The sessions that try every kernel once, as few as possible.

    :param scope: ``candidates`` for what is new, ``offered`` for what users may launch now.
    """
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
        return [session for name in new for session in _sessions(name, business, [name, *candidates])]
    usable = [name for name in system if images[name]["offered"]]
    return [session for name in usable[:1] for session in _sessions(name, candidates, candidates)]


def _sessions(system: str, images: Sequence[str], candidates: Sequence[str]) -> list[dict[str, Any]]:
    """All of ``images`` under one system image; without any, the system image alone."""
    parts = [images[start : start + MOST] for start in range(0, len(images), MOST)] or [images]
    return [_session(system, part, [name for name in candidates if name == system or name in part]) for part in parts]


def _session(system: str, images: Sequence[str], candidates: Sequence[str]) -> dict[str, Any]:
    return {"system": system, "images": list(images), "candidates": list(candidates)}


def check_again(sessions: Sequence[Mapping[str, Any]], results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Sessions with one image each, for those that did not start: one bad image must not hide the good ones."""
    found = []
    for session, result in zip(sessions, results):
        if result.get("launch_seconds") or len(session["images"]) < 2:
            continue
        for name in session["images"]:
            kept = [candidate for candidate in session["candidates"] if candidate in (name, session["system"])]
            found.append(_session(session["system"], [name], kept))
    return found


def check_verdict(sessions: Sequence[Mapping[str, Any]], results: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """``promote``: candidates all of whose kernels ran; ``failed``: the rows of kernels that did not.

    A candidate without kernels of its own, as a system image, passes when a session with it started in which not
    every kernel failed. A session that did not start and had no kernel to blame is a row of its system image.
    """
    rows: dict[str, list[Mapping[str, Any]]] = {}
    candidates: dict[str, None] = {}
    started: set[str] = set()
    failed: list[Mapping[str, Any]] = []
    for session, result in zip(sessions, results):
        candidates.update(dict.fromkeys(session["candidates"]))
        if result.get("launch_seconds"):
            if not result["results"] or any(row["ok"] for row in result["results"]):
                started.update([session["system"], *session["images"]])
        elif not result["results"]:
            failed.append(_no_session(session["system"], result.get("error") or "the session did not start"))
        for row in result["results"]:
            rows.setdefault(row["image"], []).append(row)
    # An image that was tried again alone is judged by that session.
    latest = {name: _latest(found) for name, found in rows.items()}
    failed += [row for found in latest.values() for row in found if not row["ok"]]
    promote = [
        name for name in candidates if (all(row["ok"] for row in latest[name]) if name in latest else name in started)
    ]
    return {"promote": promote, "failed": failed}


def _no_session(system: str, error: str) -> dict[str, Any]:
    return {"image": system, "environment": "", "kernel": f"session of {system}", "ok": False, "error": error}


def _latest(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return list({row["kernel"]: row for row in rows}.values())


def check_report(
    manifest: Mapping[str, Any], results: Sequence[Mapping[str, Any]], verdict: Mapping[str, Any], scope: str
) -> list[str]:
    """Lines for a person: how each kernel did, what is on offer now, what is not and why.

    :param manifest: as it was before the check.
    :param verdict: of ``check_verdict``; empty when nothing was to be tried.
    """
    images, passed = manifest["images"], set(verdict.get("promote", []) if scope == "candidates" else [])
    lines = [_row_line(row) for result in results for row in result.get("results", [])]
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
            held.append(f"{name} {image['candidate']['version']}: its check did not pass, {stays}.")
    return [*lines, *held, f"On offer: {', '.join(on_offer) or 'nothing'}."]


def _row_line(row: Mapping[str, Any]) -> str:
    done = f"runs, {row['language']} {row['version']}, {row['seconds']} s" if row["ok"] else f"FAILED: {row['error']}"
    return f"{row['image']}, {row['kernel']}: {done}"


class FilterModule:
    """The filters, by name."""

    def filters(self) -> dict[str, Any]:
        """As Ansible asks for them."""
        return {
            "check_sessions": check_sessions,
            "check_again": check_again,
            "check_verdict": check_verdict,
            "check_report": check_report,
        }
