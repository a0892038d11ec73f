"""Nobody loses a session because the hub was down or the clock jumped."""

from __future__ import annotations

from datetime import timedelta

from gaia_vre_hub.culler import Patience

LIMIT = 7200.0


class Time:
    """A wall clock and a monotonic one, in seconds."""

    def __init__(self) -> None:
        self.wall, self.steady = 1_800_000_000.0, 50.0

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


def judge(patience: Patience, idle: float | None) -> bool:
    return patience(inactive=None if idle is None else timedelta(seconds=idle), inactive_limit=LIMIT, server={})


def test_an_idle_session_ends_after_the_limit() -> None:
    time = Time()
    patience = Patience(lambda: time.wall, lambda: time.steady)
    time.passes(LIMIT)
    assert judge(patience, LIMIT)
    assert not judge(patience, LIMIT - 1)
    assert not judge(patience, None)


def test_a_culler_that_has_just_started_ends_nothing() -> None:
    time = Time()
    patience = Patience(lambda: time.wall, lambda: time.steady)
    time.passes(LIMIT / 2)
    assert not judge(patience, 10 * LIMIT)
    time.passes(LIMIT / 2)
    assert judge(patience, 10 * LIMIT)


def test_after_a_jump_of_the_clock_it_watches_anew() -> None:
    time = Time()
    patience = Patience(lambda: time.wall, lambda: time.steady)
    time.passes(LIMIT)
    for jump in (86_400, -86_400):
        time.wall += jump
        assert not judge(patience, 86_400 + LIMIT)
        time.passes(LIMIT)
        assert judge(patience, 86_400 + LIMIT)


def test_a_clock_that_is_slewed_does_not_matter() -> None:
    time = Time()
    patience = Patience(lambda: time.wall, lambda: time.steady)
    for _round in range(10):
        time.passes(LIMIT / 10)
        time.wall += 30
        judge(patience, LIMIT)
    assert judge(patience, LIMIT)
