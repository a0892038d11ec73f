"""Which sessions the check starts, and what their results mean."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _plan


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
    kernel = f"conda-env-{image}"
    return {"image": image, "environment": image, "kernel": kernel, "ok": ok, "error": "" if ok else "boom"}


def session(
    *images: str, candidates: tuple[str, ...] = (), system: str = "lab", resources: str | None = None
) -> dict[str, Any]:
    return {"system": system, "images": list(images), "candidates": list(candidates), "resources": resources}


def done(of: dict[str, Any], *rows: dict[str, Any], started: bool = True, error: str = "") -> dict[str, Any]:
    return {**of, "results": list(rows), "launch_seconds": 3.0 if started else 0.0, "error": error}


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
    assert _plan.sessions(manifest(**images), scope) == sessions


def test_each_partition_is_tried_once() -> None:
    data = manifest(lab=("system", True, False), a=("business", True, False))
    data["resources"] = {
        "small": {"partition": "short"},
        "large": {"partition": "short"},
        "long": {"partition": "long"},
        "other": {},
    }
    assert _plan.sessions(data, "offered") == [session("a", resources=name) for name in ("small", "long", "other")]


def test_a_kernel_must_run_on_each_partition() -> None:
    results = [
        done(session("a", candidates=("a",), resources="short"), row("a", ok=False)),
        done(session("a", candidates=("a",), resources="long"), row("a")),
    ]
    assert _plan.judge(results)["promote"] == []


def test_an_image_that_is_not_there_yet_is_not_mounted() -> None:
    images = {"lab": ("system", True, True), "a": ("business", True, False), "b": ("business", False, False)}
    assert _plan.sessions(manifest(**images), "candidates") == [session("a", candidates=("lab",))]


def test_a_session_that_did_not_start_is_tried_image_by_image() -> None:
    both = session("a", "b", candidates=("lab", "a"))
    assert _plan.again([done(both, started=False)]) == [
        session("a", candidates=("lab", "a")),
        session("b", candidates=("lab",)),
    ]
    assert _plan.again([done(both, row("a"))]) == []
    assert _plan.again([done(session("a", candidates=("a",)), started=False)]) == []


def test_what_ran_is_offered_and_what_failed_is_told() -> None:
    both = session("a", "b", candidates=("lab", "a", "b"))
    verdict = _plan.judge([done(both, row("a"), row("b", ok=False))])
    assert verdict == {"promote": ["lab", "a"], "failed": [row("b", ok=False)], "unchecked": []}


def test_the_second_try_counts() -> None:
    results = [
        done(session("a", "b", candidates=("a", "b")), row("a", ok=False), row("b", ok=False), started=False),
        done(session("a", candidates=("a",)), row("a")),
        done(session("b", candidates=("b",)), row("b", ok=False), started=False),
    ]
    verdict = _plan.judge(results)
    assert verdict["promote"] == ["a"]
    assert [found["image"] for found in verdict["failed"]] == ["b"]


def test_a_kernel_must_run_in_each_system_image() -> None:
    results = [
        done(session("a", candidates=("lab", "a")), row("a", ok=False)),
        done(session("a", candidates=("new", "a"), system="new"), row("a")),
    ]
    assert _plan.judge(results) == {"promote": ["new"], "failed": [row("a", ok=False)], "unchecked": []}


def test_a_system_image_that_does_not_start_is_not_offered_but_told() -> None:
    verdict = _plan.judge([done(session(candidates=("lab",)), started=False, error="no such image")])
    assert verdict["promote"] == []
    assert [(found["kernel"], found["error"]) for found in verdict["failed"]] == [("session of lab", "no such image")]


def test_an_image_whose_kernels_are_unknown_passes_with_its_session() -> None:
    assert _plan.judge([done(session("a", candidates=("a",)))])["promote"] == ["a"]


def test_a_system_image_in_which_nothing_runs_is_not_offered() -> None:
    verdict = _plan.judge([done(session("a", candidates=("lab",)), row("a", ok=False))])
    assert verdict == {"promote": [], "failed": [row("a", ok=False)], "unchecked": []}


def test_a_new_system_image_must_run_all_that_is_on_offer() -> None:
    tried = session("a", "b", "c", candidates=("lab", "c"))
    results = [done(tried, row("a"), row("b", ok=False), row("c", ok=False))]
    assert _plan.judge(results)["promote"] == []
    assert _plan.by_image(results)["lab"][0]["error"] == "what is on offer does not run in it: conda-env-b"
    # One that is new itself holds nothing but itself.
    assert _plan.judge([done(tried, row("a"), row("b"), row("c", ok=False))])["promote"] == ["lab"]
    # The second try counts.
    again = done(session("b", candidates=("lab",)), row("b"))
    lost = done(tried, row("a", ok=False), row("b", ok=False), row("c", ok=False), started=False)
    assert _plan.judge([lost, done(session("a", candidates=("lab",)), row("a")), again])["promote"] == ["lab"]


def test_many_images_are_tried_in_several_sessions() -> None:
    images = {f"a{number:03}": ("business", False, True) for number in range(45)}
    sessions = _plan.sessions(manifest(lab=("system", False, True), **images), "candidates")
    assert [len(found["images"]) for found in sessions] == [20, 20, 5]
    assert [name for found in sessions for name in found["images"]] == sorted(images)
    assert all(found["candidates"] == ["lab", *found["images"]] for found in sessions)
    verdict = _plan.judge([done(found, *(row(name) for name in found["images"])) for found in sessions])
    assert verdict == {"promote": ["lab", *sorted(images)], "failed": [], "unchecked": []}


def test_one_broken_image_of_twenty_keeps_nineteen_on_the_way() -> None:
    names = [f"a{number:02}" for number in range(20)]
    tried = session(*names, candidates=tuple(names))
    verdict = _plan.judge([done(tried, *(row(name, ok=name != "a07") for name in names))])
    assert verdict["promote"] == [name for name in names if name != "a07"]
    assert [found["image"] for found in verdict["failed"]] == ["a07"]


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
        "starts": 1,
    }
    fails = {
        "image": "b",
        "environment": "b",
        "kernel": "kb",
        "ok": False,
        "error": "boom",
        "last_lines": "Traceback\nboom",
    }
    none = {"image": "lab", "environment": "", "kernel": "session of lab", "ok": False, "error": "no answer"}
    lines = _plan.report(
        {"images": images},
        [{"results": [runs, {**runs, "starts": 2}, fails]}],
        {"promote": ["a"], "failed": [fails, none]},
        "candidates",
    )
    assert lines == [
        "a, ka: runs, python 3.13, 1.5 s",
        "a, ka: runs, python 3.13, 1.5 s, at its second start",
        "b, kb: FAILED: boom",
        "    | Traceback",
        "    | boom",
        "session of lab: FAILED: no answer",
        "b 2: its check did not pass, 1 stays on offer.",
        "c 1: its check did not pass, not on offer.",
        "On offer: a 2, b 1, lab 1.",
    ]


def test_a_session_that_never_left_the_queue_says_nothing_of_its_images() -> None:
    ran = done(session("a", "b", candidates=("a", "b"), resources="small"), row("a"), row("b", ok=False))
    waits = done(session("a", "b", candidates=("a", "b"), resources="big"), row("a", ok=False), row("b", ok=False))
    waits |= {"launch_seconds": 0.0, "busy": True, "error": "no slot within 600 s: Job 7 is in the queue."}
    assert _plan.again([waits]) == []
    assert _plan.unchecked([ran, waits]) == ["a", "b"]
    verdict = _plan.judge([ran, waits])
    assert (verdict["promote"], verdict["unchecked"]) == ([], ["a", "b"])
    assert [found["image"] for found in verdict["failed"]] == ["b"], "it failed where it ran"
    pin = {"version": "1"}
    images = {"images": {name: {"kind": "business", "offered": pin, "candidate": pin} for name in "ab"}}
    verdict = _plan.judge([waits])
    assert verdict["failed"] == []
    lines = _plan.report(images, [waits], verdict, "candidates")
    assert lines[0] == "a, b with big: not checked, the cluster was busy: no slot within 600 s: Job 7 is in the queue."
    assert lines[1] == "a 1: it was not checked, 1 stays on offer."


def test_the_report_of_nothing_new() -> None:
    images = {"lab": {"kind": "system", "offered": {"version": "1"}, "candidate": None}}
    assert _plan.report({"images": images}, [], {}, "candidates") == [
        "Nothing is new, so nothing was tried.",
        "On offer: lab 1.",
    ]
