"""Plain texts and names."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _text


@pytest.mark.parametrize("text", ["Ocean modelling", "L'océan & l'atmosphère", "100 % (R)", "温度", "a" * 120])
def test_plain_text_is_taken(text: str) -> None:
    assert _text.wrong_with_text(text, 120) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "must be a text"),
        (3, "must be a text"),
        ("", "empty"),
        ("  ", "empty"),
        ("a" * 121, "longer than 120"),
        ("a\nb", "control"),
        ("a\x00b", "control"),
        ("a\u202eb", "control"),
        ("a\u2028b", "control"),
        ("\ud800", "control"),
        ("<b>", "without <"),
        ("a > b", "without >"),
        ("{{ 7 * 7 }}", "without {{"),
        ("{% raw %}", "without {%"),
        ("${HOME}", "without ${"),
        ("$(id)", "without $("),
        ("`id`", "without `"),
        ("a\\b", "without \\"),
    ],
)
def test_hostile_text_is_refused(text: Any, words: str) -> None:
    wrong = _text.wrong_with_text(text, 120)
    assert wrong
    assert words in wrong


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"fr": "Océan"}, "language en"),
        ({"en": "Ocean", "english": "Ocean"}, "two-letter"),
        ({"en": "Ocean", 1: "Ocean"}, "two-letter"),
        ({"en": "Ocean", "fr": "<i>"}, "in language fr"),
        ({}, "language en"),
    ],
)
def test_texts_by_language_are_checked(texts: Any, words: str) -> None:
    wrong = _text.wrong_with_texts(texts, 120)
    assert wrong
    assert words in wrong


@pytest.mark.parametrize(
    ("value", "normal"),
    [
        (None, {}),
        (" Ocean ", {"en": "Ocean"}),
        ({"fr": "Océan", "de": "Meer", "en": "Ocean"}, {"en": "Ocean", "de": "Meer", "fr": "Océan"}),
    ],
)
def test_texts_become_normal(value: Any, normal: dict[str, str]) -> None:
    assert list(_text.normal_texts(value).items()) == list(normal.items())


@pytest.mark.parametrize("name", ["ocean", "a", "a-1", "1", "a" * 40])
def test_names(name: str) -> None:
    assert _text.is_name(name)


@pytest.mark.parametrize("name", ["A", "-a", "a-", "a" * 41, "a.b", "../a", "a\n", "", "é", 1, None])
def test_no_names(name: Any) -> None:
    assert not _text.is_name(name)


def test_a_close_name_is_suggested() -> None:
    assert _text.suggest("ocaen", ["ocean", "atmosphere"]) == "did you mean ocean?"
    assert _text.suggest("zzz", ["b", "a"]) == "known names: a, b"
    assert _text.suggest("zzz", []) == "there are no known names"
