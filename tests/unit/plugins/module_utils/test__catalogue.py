"""Catalogues: what is right, and every way to be wrong with its line."""

from __future__ import annotations

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _catalogue

GOOD = """\
version: 1
images:
  lab:
    kind: system
    reference: registry.example.org/vre/lab:2026.11
  ocean:
    kind: business
    reference: registry.example.org/vre/ocean:2026.1
    title: {en: Ocean modelling, fr: Modélisation océanique}
    description: Regional ocean simulations.
    keywords: [croco]
    documentation: https://docs.example.org/ocean?a=1
    contact: ocean@example.org
    license: GPL-3.0-or-later
"""


def wrong_with(*texts: str) -> list[str]:
    found = _catalogue.parse((f"c{i}.yml", text) for i, text in enumerate(texts))
    return [str(problem) for problem in found.problems]


def ocean(lines: str) -> str:
    """A catalogue with one image, whose keys start in line 4."""
    return "version: 1\nimages:\n  ocean:\n" + "".join(f"    {line}\n" for line in lines.splitlines())


BASE = "kind: business\nreference: registry.example.org/vre/ocean:1\n"


def test_a_good_catalogue() -> None:
    found = _catalogue.parse([("c.yml", GOOD)])
    assert found.problems == []
    assert found.kinds() == {"lab": "system", "ocean": "business"}
    entry = found.entries["ocean"]
    assert entry.where == "c.yml:6"
    assert entry.title == {"en": "Ocean modelling", "fr": "Modélisation océanique"}
    assert entry.description == {"en": "Regional ocean simulations."}
    assert entry.reference.to_inspect == "registry.example.org/vre/ocean:2026.1"
    assert found.entries["lab"].title == {"en": "lab"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("images: [\n", "c0.yml:2: this is no YAML"),
        ("", "c0.yml:1: a catalogue must be a mapping"),
        ("- a", "c0.yml:1: a catalogue must be a mapping"),
        ("version: 2\nimages: {}\n", "c0.yml:1: this version of catalogues is not known (got 2)"),
        ("version: true\nimages: {}\n", "c0.yml:1: this version of catalogues is not known (got True)"),
        ("images: {}\n", "this version of catalogues is not known. Remedy: write version: 1."),
        ("version: 1\n", "c0.yml:1: the catalogue has no images"),
        ("version: 1\nimages: []\n", "c0.yml:2: the catalogue has no images"),
        ("version: 1\nimage:\n  ocean: {}\n", "c0.yml:2: unknown key image. Remedy: did you mean images?"),
        ("version: 1\nimages:\n  Ocean: {}\n", "c0.yml:3: this cannot be the name of an image (got 'Ocean')"),
        ("version: 1\nimages:\n  ../etc: {}\n", "c0.yml:3: this cannot be the name of an image (got '../etc')"),
        ("version: 1\nimages:\n  1: {}\n", "c0.yml:3: this cannot be the name of an image (got 1)"),
        ("version: 1\nimages:\n  ocean: x\n", "c0.yml:3: image ocean must be a mapping (got 'x')"),
        ("version: 1\nimages:\n  a: {}\n  b: {}\n  a: {}\n", "c0.yml:5: a is there twice, first in line 3"),
        (ocean(BASE + "titel: x"), "c0.yml:6: unknown key titel. Remedy: did you mean title?"),
        (ocean("reference: registry.example.org/a:1"), "c0.yml:3: image ocean: kind must be system or business"),
        (ocean("kind: busines\nreference: r.example.org/a:1"), "c0.yml:4: image ocean: kind must be"),
        (ocean("kind: business"), "c0.yml:3: this is no complete image reference"),
        (ocean("kind: business\nreference: ocean"), "c0.yml:5: this is no complete image reference (got 'ocean')"),
        (ocean("kind: business\nreference: r.example.org/a"), "c0.yml:5: the image reference has neither tag nor"),
        (ocean(BASE + "title: <b>Ocean</b>"), "c0.yml:6: image ocean: title must be plain text, without <"),
        (ocean(BASE + "title: {fr: Océan}"), "c0.yml:6: image ocean: title must have the language en"),
        (ocean(BASE + "title: 2026"), "c0.yml:6: image ocean: title must be a text (got 2026)"),
        (ocean(BASE + "description: '{{ x }}'"), "c0.yml:6: image ocean: description must be plain text"),
        (ocean(BASE + "keywords: croco"), "c0.yml:6: image ocean: keywords must be a list"),
        (ocean(BASE + "keywords: [a, 1]"), "c0.yml:6: image ocean: keywords must be a text"),
        (ocean(BASE + "documentation: javascript:alert(1)"), "c0.yml:6: image ocean: documentation must be an address"),
        (ocean(BASE + 'documentation: https://x/"><b>'), "c0.yml:6: image ocean: documentation must be an address"),
        (ocean(BASE + "contact: $(id)"), "c0.yml:6: image ocean: contact must be plain text"),
        (ocean(BASE + "license: 3"), "c0.yml:6: image ocean: license must be a text"),
        (ocean(BASE + "mount_path: opt/x"), "c0.yml:6: image ocean: mount_path must be an absolute path"),
        (ocean(BASE + "mount_path: /opt/../etc"), "c0.yml:6: image ocean: mount_path must be an absolute path"),
        (ocean(BASE + "mount_path: /opt/{username}"), "c0.yml:6: image ocean: mount_path must be an absolute path"),
        (ocean(BASE + "mount_path: /etc/x"), "c0.yml:6: image ocean: mount_path would hide a part"),
        (ocean(BASE + "mount_path: /opt/conda"), "c0.yml:6: image ocean: mount_path would hide a part"),
        (ocean(BASE + "subpath: opt/conda/envs"), "c0.yml:6: image ocean: subpath needs mount_path"),
        (ocean(BASE + "mount_path: /opt/x\nsubpath: ../x"), "c0.yml:7: image ocean: subpath must be a relative path"),
        (
            ocean("kind: system\nreference: r.example.org/a:1\nmount_path: /x"),
            "c0.yml:6: image ocean: mount_path has a",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, expected: str) -> None:
    problems = wrong_with(text)
    assert any(expected in problem for problem in problems), problems


def test_a_name_means_one_image_in_all_catalogues() -> None:
    problems = wrong_with(GOOD, ocean(BASE))
    assert len(problems) == 1
    assert problems[0].startswith("c1.yml:3: image ocean is already in another catalogue, at c0.yml:6. Remedy: rename")


def test_everything_is_told_at_once_and_the_rest_is_kept() -> None:
    found = _catalogue.parse(
        [("a.yml", "images: ["), ("b.yml", ocean("kind: x\nreference: y\ntitle: <b>")), ("c.yml", GOOD)]
    )
    assert len(found.problems) == 4
    assert found.unreadable
    assert found.refused == {"ocean"}
    assert set(found.entries) == {"lab", "ocean"}
