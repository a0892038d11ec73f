"""Messages for people."""

from __future__ import annotations

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors


def test_a_problem_says_where_what_and_the_remedy() -> None:
    error = VreError("the image is gone", "catalogue.yml:3", "ocean", "push it")
    assert str(error) == "catalogue.yml:3: the image is gone (got 'ocean'). Remedy: push it."


def test_a_question_keeps_its_mark() -> None:
    assert str(VreError("no such name", remedy="did you mean ocean?")) == "no such name. Remedy: did you mean ocean?"


def test_a_long_value_is_shortened() -> None:
    assert len(str(VreError("too long", value="x" * 5000))) < 300


def test_one_problem_stands_alone_and_several_are_listed() -> None:
    one, two = VreError("a"), VreError("b")
    assert str(VreErrors([one])) == "a."
    assert str(VreErrors([one, two])) == "2 problems:\n- a.\n- b."
