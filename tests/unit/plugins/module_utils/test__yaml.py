"""YAML with lines."""

from __future__ import annotations

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _yaml
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreErrors

TEXT = """\
version: 1
images:
  ocean:
    kind: business
    keywords: [a, b]
"""


def test_every_key_knows_its_line() -> None:
    document = _yaml.load(TEXT, "c.yml")
    assert document.data["images"]["ocean"]["keywords"] == ["a", "b"]
    assert document.where("images", "ocean", "kind") == "c.yml:4"
    assert document.where("images", "ocean", "keywords", 1) == "c.yml:5"
    assert document.where("images", "ocean", "reference") == "c.yml:3"
    assert document.where() == "c.yml:1"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [1\nb: 2", 2),
        ("a: 1\n b: 2", 2),
        ("a: 1\n---\nb: 2", 2),
        ("a: *b", 1),
        ("a: 1\nb: !!python/object:os.system {}", 2),
        ("a: 1\n\tb: 2", 2),
    ],
)
def test_bad_yaml_is_told_with_its_line(text: str, line: int) -> None:
    with pytest.raises(VreErrors, match=rf"^c\.yml:{line}: this is no YAML: "):
        _yaml.load(text, "c.yml")


def test_control_characters_are_told() -> None:
    with pytest.raises(VreErrors, match="this is no YAML"):
        _yaml.load("a: \x00", "c.yml")


def test_a_key_that_is_there_twice_is_told_with_both_lines() -> None:
    with pytest.raises(VreErrors, match=r"c\.yml:3: a is there twice, first in line 1"):
        _yaml.load("a: 1\nb: 2\na: 3\n", "c.yml")


def test_aliases_neither_multiply_nor_loop() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60))
    assert _yaml.load(bomb, "c.yml").where("a59") == "c.yml:60"
    assert _yaml.load("a: &a {b: *a}", "c.yml").where("a", "b") == "c.yml:1"


def test_what_is_written_reads_the_same_and_has_no_aliases() -> None:
    shared = {"en": "Océan → mer: 'x'"}
    data = {"b": shared, "a": shared, "version": "2026.1", "list": ["x", 1, None]}
    text = _yaml.dump(data)
    assert _yaml.load(text, "x").data == data
    assert "&" not in text
    assert text.index("b:") < text.index("a:")
    assert "Océan →" in text
