"""Sizes and times as a person reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gaia_vre_hub import words

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "english", "french"),
    [
        (timedelta(seconds=-90), "just now", "à l'instant"),
        (timedelta(seconds=59), "just now", "à l'instant"),
        (timedelta(minutes=5), "5 min ago", "il y a 5 min"),
        (timedelta(hours=3, minutes=59), "3 h ago", "il y a 3 h"),
        (timedelta(hours=47), "47 h ago", "il y a 47 h"),
        (timedelta(days=9), "9 days ago", "il y a 9 jours"),
    ],
)
def test_ago(before: timedelta, english: str, french: str) -> None:
    assert words.ago(NOW - before, NOW, "en") == english
    assert words.ago((NOW - before).replace(tzinfo=None), NOW, "fr") == french, "a time without a zone is UTC"


@pytest.mark.parametrize(
    ("amount", "english", "french"),
    [(7, "7 B", "7 o"), (55_400_000, "55 MB", "55 Mo"), (1_234_000_000, "1.2 GB", "1,2 Go")],
)
def test_size(amount: int, english: str, french: str) -> None:
    assert words.size(amount, "en") == english
    assert words.size(amount, "fr") == french


@pytest.mark.parametrize(("seconds", "shown"), [(-1, "0 min"), (59, "0 min"), (3599, "59 min"), (7504, "2 h 5 min")])
def test_lasting(seconds: float, shown: str) -> None:
    assert words.lasting(max(seconds, 0)) == shown


def test_what_programs_say_fits_a_page_and_a_log() -> None:
    assert words.line("a\x1b[2Kb\nc") == "a [2Kb c"
    assert words.line("x" * 1000) == "…" + "x" * 299
