"""Which sessions the check starts, and what their results mean."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.filter.check import (
    check_again,
    check_report,
    check_sessions,
    check_verdict,
)


def manifest(**images: tuple[str, bool, bool]) -> dict[str, Any]:
    """Images as ``(kind, has offered, has candidate)``."""
    return {
        "images": {
            name: {
                "kind": kind,
                "offered": {"digest": "1"} if offered else None,
                "candidate": {"digest": "2"} if candidate else None,
            }
            for name, (kind, offered, candidate) in images.items()
        }
    }


def row(image: str, ok: bool = True) -> dict[str, Any]:
    return {"image": image, "kernel": f"conda-env-{image}", "ok": ok, "error": "" if ok else "boom"}


def done(*rows: dict[str, Any], started: bool = True, error: str = "") -> dict[str, Any]:
    return {"results": list(rows), "launch_seconds": 3.0 if started else 0.0, "error": error}


def session(*images: str, candidates: tuple[str, ...] = (), system: str = "lab") -> dict[str, Any]:
    return {"system": system, "images": list(images), "candidates": list(candidates)}


@pytest.mark.parametrize(
    ("images", "scope", "sessions"),
    [
        # The first deploy: everything is new, one session tries it all.
        (
            {"lab": ("system", False, True), "a": ("business", False, True), "b": ("business", False, True)},
            "candidates",
            [session("a", "b", candidates=("lab", "a", "b"))],
        ),
        # One image is new: only it is mounted.
        (
            {"lab": ("system", True, False), "a": ("business", True, True), "b": ("business", True, False)},
            "candidates",
            [session("a", candidates=("a",))],
        ),
        # A new system image must run what is there already.
        (
            {"lab": ("system", True, True), "a": ("business", True, False)},
            "candidates",
            [session("a", candidates=("lab",))],
        ),
        ({"lab": ("system", True, False), "a": ("business", True, False)}, "candidates", []),
        ({"lab": ("system", True, False), "a": ("business", True, True)}, "offered", [session("a")]),
        ({"lab": ("system", False, True), "a": ("business", False, True)}, "offered", []),
    ],
)
def test_sessions(images: dict[str, Any], scope: str, sessions: list[Any]) -> None:
    assert check_sessions(manifest(**images), scope) == sessions


def test_a_session_that_did_not_start_is_tried_image_by_image() -> None:
    sessions = [session("a", "b", candidates=("lab", "a"))]
    assert check_again(sessions, [done(started=False)]) == [
        session("a", candidates=("lab", "a")),
        session("b", candidates=("lab",)),
    ]
    assert check_again(sessions, [done(row("a"))]) == []
    assert check_again([session("a", candidates=("a",))], [done(started=False)]) == []


def test_what_ran_is_offered_and_what_failed_is_told() -> None:
    sessions = [session("a", "b", candidates=("lab", "a", "b"))]
    verdict = check_verdict(sessions, [done(row("a"), row("b", ok=False))])
    assert verdict == {"promote": ["lab", "a"], "failed": [row("b", ok=False)]}


def test_the_second_try_counts() -> None:
    sessions = [
        session("a", "b", candidates=("a", "b")),
        session("a", candidates=("a",)),
        session("b", candidates=("b",)),
    ]
    results = [
        done(row("a", ok=False), row("b", ok=False), started=False),
        done(row("a")),
        done(row("b", ok=False), started=False),
    ]
    verdict = check_verdict(sessions, results)
    assert verdict["promote"] == ["a"]
    assert [found["image"] for found in verdict["failed"]] == ["b"]


def test_a_system_image_that_does_not_start_is_not_offered_but_told() -> None:
    verdict = check_verdict([session(candidates=("lab",))], [done(started=False, error="no such image")])
    assert verdict["promote"] == []
    assert verdict["failed"][0]["error"] == "no such image"


def test_an_image_whose_kernels_are_unknown_passes_with_its_session() -> None:
    assert check_verdict([session("a", candidates=("a",))], [done()])["promote"] == ["a"]


def test_a_system_image_in_which_nothing_runs_is_not_offered() -> None:
    verdict = check_verdict([session("a", candidates=("lab",))], [done(row("a", ok=False))])
    assert verdict["promote"] == []


def test_many_images_are_tried_in_several_sessions() -> None:
    images = {f"a{number:03}": ("business", False, True) for number in range(45)}
    sessions = check_sessions(manifest(lab=("system", False, True), **images), "candidates")
    assert [len(found["images"]) for found in sessions] == [20, 20, 5]
    assert [name for found in sessions for name in found["images"]] == sorted(images)
    assert all(found["candidates"] == ["lab", *found["images"]] for found in sessions)
    verdict = check_verdict(sessions, [done(*(row(name) for name in found["images"])) for found in sessions])
    assert verdict == {"promote": ["lab", *sorted(images)], "failed": []}


def test_the_report_says_how_each_kernel_did_and_what_is_on_offer() -> None:
    images = {
        "lab": {"kind": "system", "offered": {"version": "1"}, "candidate": None},
        "a": {"kind": "business", "offered": {"version": "1"}, "candidate": {"version": "2"}},
        "b": {"kind": "business", "offered": {"version": "1"}, "candidate": {"version": "2"}},
        "c": {"kind": "business", "offered": None, "candidate": {"version": "1"}},
    }
    runs = {
        "image": "a",
        "kernel": "ka",
        "ok": True,
        "language": "python",
        "version": "3.13",
        "seconds": 1.5,
        "error": "",
    }
    fails = {"image": "b", "environment": "b", "kernel": "kb", "ok": False, "error": "boom"}
    none = {"image": "lab", "environment": "", "kernel": "session of lab", "ok": False, "error": "no answer"}
    lines = check_report(
        {"images": images}, [{"results": [runs, fails]}], {"promote": ["a"], "failed": [fails, none]}, "candidates"
    )
    assert lines == [
        "a, ka: runs, python 3.13, 1.5 s",
        "b, kb: FAILED: boom",
        "session of lab: FAILED: no answer",
        "b 2: its check did not pass, 1 stays on offer.",
        "c 1: its check did not pass, not on offer.",
        "On offer: a 2, b 1, lab 1.",
    ]


def test_the_report_of_nothing_new() -> None:
    images = {"lab": {"kind": "system", "offered": {"version": "1"}, "candidate": None}}
    assert check_report({"images": images}, [], {}, "candidates") == [
        "Nothing is new, so nothing was tried.",
        "On offer: lab 1.",
    ]
