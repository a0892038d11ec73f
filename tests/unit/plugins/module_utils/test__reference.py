"""References are complete and without odd characters, or refused."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _reference
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "repository", "to_inspect"),
    [
        ("r.example.org/vre/ocean:2026.1", "r.example.org/vre/ocean", "r.example.org/vre/ocean:2026.1"),
        ("localhost/ocean:1", "localhost/ocean", "localhost/ocean:1"),
        ("hub:5000/a/b/c_d--e.f:v1", "hub:5000/a/b/c_d--e.f", "hub:5000/a/b/c_d--e.f:v1"),
        ("10.0.0.1:5000/a:1", "10.0.0.1:5000/a", "10.0.0.1:5000/a:1"),
        (f"r.example.org/a@{DIGEST}", "r.example.org/a", f"r.example.org/a@{DIGEST}"),
        (f"r.example.org/a:1@{DIGEST}", "r.example.org/a", f"r.example.org/a@{DIGEST}"),
    ],
)  # fmt: skip
def test_complete_references(text: str, repository: str, to_inspect: str) -> None:
    reference = _reference.parse(text)
    assert reference.repository == repository
    assert reference.to_inspect == to_inspect
    assert reference.at(DIGEST) == f"{repository}@{DIGEST}"


@pytest.mark.parametrize(
    "text",
    [
        None,
        1,
        "",
        "ocean",
        "ocean:1",
        "vre/ocean:1",
        "registry.example.org/vre/ocean",
        "registry.example.org/Vre/ocean:1",
        "registry.example.org/vre/ocean:",
        "registry.example.org/vre/ocean:a b",
        "registry.example.org/vre/ocean:{username}",
        "registry.example.org/{username}:1",
        "registry.example.org/vre/../ocean:1",
        "registry.example.org/vre/ocean:1\n",
        "registry.example.org//ocean:1",
        "https://registry.example.org/vre/ocean:1",
        "docker://registry.example.org/vre/ocean:1",
        "registry.example.org/ocean:1;id",
        "registry.example.org/ocean:$(id)",
        "registry.example.org/ocean@sha256:12",
        f"registry.example.org/ocean@{DIGEST.upper()}",
        "-o.example.org/ocean:1",
        "registry.example.org/" + "a" * 600 + ":1",
    ],
)
def test_everything_else_is_refused(text: Any) -> None:
    with pytest.raises(VreError, match="Remedy: write registry"):
        _reference.parse(text, "catalogue.yml:1")
