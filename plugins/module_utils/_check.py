# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole check: the sessions that try what the manifest has, what they showed, and its record beside the manifest.

The module session_check runs it for a play, ``_verify`` for the nightly timer.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils import _plan
from ansible_collections.gaia_data.vre.plugins.module_utils._contract import kernel_name
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._hub import Bounds, Expected, Hub, check_session
from ansible_collections.gaia_data.vre.plugins.module_utils._state import MANIFEST, State

LONGEST_LINE = 300
LONGEST_WAIT = 900


@dataclass
class Outcome:
    """What a check found.

    :param results: one for each session: the session with what :class:`_hub.Report` gives of it.
    :param promote: digests of candidates all of whose kernels ran, by image name.
    :param failed: rows of kernels that did not run.
    :param unchecked: names of images about which nothing is known, as the cluster was busy.
    :param report: lines for a person.
    """

    results: list[dict[str, Any]] = field(default_factory=list)
    promote: dict[str, str] = field(default_factory=dict)
    failed: list[dict[str, Any]] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    report: list[str] = field(default_factory=list)


def manifest(state: State) -> dict[str, Any]:
    """The manifest.

    :raises VreError: when it cannot be read.
    """
    text, place = state.read().get(MANIFEST), state.place(MANIFEST)
    try:
        if text is None:
            raise ValueError("it is not there")
        data = json.loads(text)
    except ValueError as error:
        raise VreError(f"the manifest cannot be read: {error}", place, None, "run deploy or publish") from error
    if not isinstance(data, dict) or not isinstance(data.get("images"), dict):
        raise VreError("this is no manifest", place, None, "run publish")
    return data


def expected(data: Mapping[str, Any], images: Sequence[str], candidates: Sequence[str]) -> list[Expected]:
    """Every kernel that a session of ``images`` must offer; of those among ``candidates`` the candidate's."""
    found: list[Expected] = []
    for name in images:
        pin = data["images"][name]["candidate" if name in candidates else "offered"]
        # nb_conda_kernels names an image by the folder that holds "envs".
        folder = Path(pin["envs_dir"]).parent.name
        found += [
            Expected(name, environment, kernel_name(folder, environment, kernel))
            for environment, entry in sorted(pin["environments"].items())
            for kernel in sorted(entry["kernels"])
        ]
    return found


def options(session: Mapping[str, Any]) -> dict[str, Any]:
    """The choice that the check's user sends to the hub for a session of the plan."""
    found: dict[str, Any] = {"system": session["system"], "business": list(session["images"])}
    if session["candidates"]:
        found["candidate"] = list(session["candidates"])
    if session["resources"]:
        found["resources"] = session["resources"]
    return found


def run(data: Mapping[str, Any], scope: str, hub: Hub | None, bounds: Bounds) -> Outcome:
    """Try what ``scope`` says, in as few sessions as possible; images of a session that fails are tried alone.

    :param hub: None to tell only what would be tried.
    :raises VreError: when the hub does not answer.
    """

    def result(session: Mapping[str, Any]) -> dict[str, Any]:
        wanted = expected(data, session["images"], session["candidates"])
        if hub is None:
            return {**session, "results": [vars(item) for item in wanted]}
        return {**session, **check_session(hub, options(session), wanted, bounds).result()}

    results = [result(session) for session in _plan.sessions(data, scope)]
    if hub is None:
        return Outcome(results, report=[] if results else _plan.report(data, [], {}, scope))
    results += [result(session) for session in _plan.again(results)]
    verdict = _plan.judge(results)
    promote = {name: data["images"][name]["candidate"]["digest"] for name in verdict["promote"]}
    report = _plan.report(data, results, verdict, scope)
    return Outcome(results, promote, verdict["failed"], verdict["unchecked"], report)


@contextmanager
def alone(longest: float = LONGEST_WAIT) -> Iterator[None]:
    """One check at a time, as all of them share one user; what is new is read when it is ours.

    The lock is on the library beside the releases: any user can open that folder, and it stays when a release goes.

    :param longest: seconds to wait for another one.
    :raises VreError: when another one still runs then.
    """
    beside = Path(sys.prefix).parent
    number = os.open(beside / "lib" if (beside / "lib").is_dir() else beside, os.O_RDONLY)
    try:
        end = time.monotonic() + longest
        while True:
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > end:
                    remedy = "wait for it: a play of somebody else, or gaia-vre-verify.service"
                    raise VreError(f"another check runs since {longest:.0f} s", "this host", None, remedy) from error
                time.sleep(0.5)
        yield
    finally:
        os.close(number)


def token(path: str) -> str:
    """The service's token.

    :raises VreError: when the file cannot be read.
    """
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise VreError(f"the token of the check cannot be read: {error}", where=path, remedy="run deploy") from error


def settled(state: State, scope: str, hub: Hub | None, bounds: Bounds) -> tuple[dict[str, Any], Outcome]:
    """What a check finds, and the manifest that it was of.

    Another play may change that meanwhile, and the hub then refuses what it had: what failed is tried again.

    :raises VreError: when the manifest cannot be read, or the hub does not answer.
    """
    while True:
        data = manifest(state)
        outcome = run(data, scope, hub, bounds)
        if not outcome.failed:
            return data, outcome
        after = _digests(manifest(state), scope)
        if all(after.get(name) == digest for name, digest in _digests(data, scope).items()):
            return data, outcome


def _digests(data: Mapping[str, Any], scope: str) -> dict[str, str]:
    """What ``scope`` has, by image."""
    which = "candidate" if scope == "candidates" else "offered"
    return {name: image[which]["digest"] for name, image in data["images"].items() if image.get(which)}


def record(data: Mapping[str, Any], scope: str, outcome: Outcome, before: str) -> str:
    """The text of ``checks.json``: what this check found of each image, beside what earlier ones found of others.

    :param data: the manifest as it was when the check began.
    :param before: the present text; what cannot be read is made anew.
    """
    try:
        former = json.loads(before)["images"]
        kept = {name: entry for name, entry in former.items() if name in data["images"]}
    except (ValueError, LookupError, TypeError, AttributeError):
        kept = {}
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    for name, rows in _plan.by_image(outcome.results).items():
        image = data["images"][name]
        pin = image["candidate" if scope == "candidates" else "offered"]
        if not pin:
            continue  # on offer, and only tried with a candidate, which no user has
        failed = [row for row in rows if not row["ok"]]
        if name in outcome.unchecked and not failed:
            continue  # in one place it ran, in another nobody knows
        kept[name] = {
            "digest": pin["digest"],
            "at": now,
            "ok": not failed,
            "kernels": len([row for row in rows if row["environment"]]),
            "failed": [row["kernel"] for row in failed],
            "error": _line(failed[0]) if failed else "",
            "former": _former(image, pin["digest"], kept.get(name)),
        }
    return json.dumps({"version": 1, "images": dict(sorted(kept.items()))}, indent=1) + "\n"


def _former(image: Mapping[str, Any], digest: str, last: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """What is known of other digests that are still staged, newest first: a rollback brings one of them back."""
    pins = [image.get("offered"), image.get("candidate"), *image.get("retained", [])]
    staged = {pin["digest"] for pin in pins if pin} - {digest}
    known = [last, *last.get("former", [])] if last else []
    return [
        {key: value for key, value in entry.items() if key != "former"} for entry in known if entry["digest"] in staged
    ]


def _line(row: Mapping[str, Any]) -> str:
    """One line that says why a kernel failed: the last of what it said, else the error."""
    lines = (row.get("last_lines") or "").split("\n")
    text = " ".join((lines[-1] or str(row["error"])).split())
    return text if len(text) <= LONGEST_LINE else text[: LONGEST_LINE - 1] + "…"
