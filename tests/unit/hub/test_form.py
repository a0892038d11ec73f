"""The launch page: what is open, in two languages, with texts as texts."""

from __future__ import annotations

from typing import Any

from gaia_vre_hub.form import render
from gaia_vre_hub.manifest import Manifest


def test_what_is_closed_is_absent(manifest: Manifest) -> None:
    page = render(manifest, set(), "en")
    assert 'value="atmosphere"' in page
    for word in ("ocean", "coastal", "weather", "geo", "oceanographers"):
        assert word not in page.lower()


def test_what_is_open_is_there(manifest: Manifest) -> None:
    page = render(manifest, {"oceanographers"}, "en")
    assert 'value="composition:coastal"' in page
    assert 'value="ocean"' in page
    assert "numpy 2.3.5" in page
    assert "55 MB" in page


def test_french(manifest: Manifest) -> None:
    page = render(manifest, {"oceanographers"}, "fr")
    assert "ocean (fr)" in page
    assert "Mon propre choix" in page
    assert "My own choice" not in page


def test_texts_of_the_manifest_are_escaped(data: dict[str, Any]) -> None:
    data["images"]["atmosphere"] |= {
        "title": {"en": "<script>alert(1)</script>"},
        "documentation": "javascript:alert(1)",
    }
    page = render(Manifest.model_validate(data), set(), "en")
    assert "<script>" not in page
    assert "javascript:" not in page


def test_nothing_on_offer_is_said(data: dict[str, Any]) -> None:
    data["images"]["lab"]["groups"] = ["others"]
    assert "Nothing is on offer for you yet" in render(Manifest.model_validate(data), set(), "en")
    assert "publish" in render(None, set(), "en")


def test_every_input_has_a_label(manifest: Manifest) -> None:
    page = render(manifest, {"oceanographers", "weather"}, "en")
    assert page.count("<label") >= page.count('type="radio"') + page.count('type="checkbox"') + page.count("<select")
