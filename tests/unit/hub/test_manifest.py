"""The manifest's file: read when it changes, the last good one kept; its schema is published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils._manifest import dump
from gaia_vre_hub.access import open_compositions, open_images
from gaia_vre_hub.locale import language
from gaia_vre_hub.manifest import Manifest, ManifestFile
from gaia_vre_hub.schema import schema

ROOT = Path(__file__).resolve().parents[3]


def test_a_new_manifest_is_taken_at_once(tmp_path: Path, data: dict[str, Any]) -> None:
    path = tmp_path / "manifest.json"
    file = ManifestFile(str(path))
    assert file.current() is None
    path.write_text(dump(data))
    current = file.current()
    assert current is not None
    assert current.free_choice
    new = tmp_path / "new"
    new.write_text(dump({**data, "free_choice": False}))
    new.rename(path)
    current = file.current()
    assert current is not None
    assert not current.free_choice


@pytest.mark.parametrize("junk", ["", "{", "[]", '{"version": 2}', '{"version": 1, "images": {"<b>": {}}}'])
def test_junk_keeps_the_last_good_one(tmp_path: Path, data: dict[str, Any], junk: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(dump(data))
    file = ManifestFile(str(path))
    good = file.current()
    path.write_text(junk)
    assert file.current() is good
    path.unlink()
    assert file.current() is good


def test_the_published_schema_is_that_of_the_models() -> None:
    published = (ROOT / "docs/manifest.schema.json").read_text()
    assert json.loads(published) == json.loads(schema()), (
        "run python -m gaia_vre_hub.schema > docs/manifest.schema.json"
    )


def test_groups_open_images_and_compositions(manifest: Manifest) -> None:
    assert list(open_images(manifest, set(), "business")) == ["atmosphere"]
    assert list(open_images(manifest, {"oceanographers"}, "business")) == ["ocean", "atmosphere"]
    assert list(open_compositions(manifest, {"oceanographers"})) == ["coastal"]
    assert list(open_compositions(manifest, {"weather"})) == ["weather"]


@pytest.mark.parametrize(
    ("header", "lang"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("fr-FR,fr;q=0.9,en;q=0.8", "fr"),
        ("en-GB,fr;q=0.5", "en"),
        ("de,fr;q=0.1", "fr"),
        ("de", "en"),
        ("fr;q=0, en;q=0.1", "en"),
        ("fr;q=junk", "en"),
        (";;;,,", "en"),
    ],
)
def test_the_browser_s_language(header: str, lang: str) -> None:
    assert language(header) == lang
