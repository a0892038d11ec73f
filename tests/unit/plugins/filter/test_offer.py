"""What is wrong in the inventory is told without a host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.filter.offer import lock_behind, offer_problems

DIGEST = "sha256:" + "a" * 64
CENTRE = {"name": "example"}


def lock(platform: str = "linux/amd64") -> dict[str, Any]:
    platforms = {platform: {"digest": DIGEST, "size": 1}}
    common = {"digest": DIGEST, "platforms": platforms, "version": "1", "title": {"en": "T"}}
    return {
        "version": 1,
        "images": {
            "lab": {"kind": "system", "reference": "registry.example.org/vre/lab:1", **common},
            "ocean": {
                "kind": "business",
                "reference": "registry.example.org/vre/ocean:1",
                "mount_path": "/opt/gaia/ocean",
                "environments": {"ocean": {"kernels": {"python3": {}}, "packages": {}}},
                **common,
            },
        },
    }


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
def test_what_fits_has_no_problems(platform: str) -> None:
    assert offer_problems(lock(platform), {"system": ["lab"], "business": ["ocean"]}, CENTRE, "gaia-vre-check") == []


@pytest.mark.parametrize(
    ("content", "offer", "word"),
    [
        (lock(), {"system": ["lab"], "business": ["oceam"]}, "oceam"),
        (lock(), {"system": ["lab"], "busines": ["ocean"]}, "busines"),
        (lock(), [], "offer"),
        ("text", {"system": ["lab"]}, "lock"),
        (None, {"system": ["lab"]}, "lock"),
    ],
)
def test_what_does_not_fit_is_told(content: Any, offer: Any, word: str) -> None:
    problems = offer_problems(content, offer, CENTRE, "gaia-vre-check")
    assert any(word in problem for problem in problems), problems


def test_a_catalogue_that_went_on_is_told_with_its_line(tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue.yml"
    catalogue.write_text(
        "images:\n"
        "  lab: {kind: system, reference: registry.example.org/vre/lab:1}\n"
        "  ocean:\n"
        "    kind: business\n"
        "    reference: registry.example.org/vre/ocean:2\n"
        "  new: {kind: business, reference: registry.example.org/vre/new:1}\n"
    )
    (line,) = lock_behind(lock(), [str(catalogue)])
    assert line.startswith(f"{catalogue}:5: ocean is registry.example.org/vre/ocean:2 here and ")
    assert "run gaia_data.vre.lock" in line


@pytest.mark.parametrize("text", ["", "images: []", "images: {ocean: 1}", "{", "images: {ocean: {reference: [}"])
def test_a_catalogue_that_cannot_be_read_is_passed_over(tmp_path: Path, text: str) -> None:
    catalogue = tmp_path / "catalogue.yml"
    catalogue.write_text(text)
    assert lock_behind(lock(), [str(catalogue), str(tmp_path / "none.yml")]) == []
