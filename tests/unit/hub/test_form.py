"""The launch page: what is open, what is not and why, in two languages, with texts as texts."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from gaia_vre_hub.checks import Checks
from gaia_vre_hub.form import render
from gaia_vre_hub.locale import LANGUAGES
from gaia_vre_hub.manifest import Manifest
from gaia_vre_hub.notice import Notice

from .conftest import image, pin

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
OCEAN = {"oceanographers"}


class Inputs(HTMLParser):
    """Inputs of a page by id, and the ids that its labels and descriptions name."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, dict[str, str | None]] = {}
        self.ids: list[str] = []
        self.labels: set[str | None] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if "id" in found:
            self.ids.append(str(found["id"]))
        if tag == "label":
            self.labels.add(found.get("for"))
        if tag == "input" and found.get("type") != "hidden":
            self.found[str(found["id"])] = found


def words(page: str) -> str:
    """What is read on the page: no script, no style, no attributes."""
    page = re.sub(r"<(script|style)>.*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def checked(name: str, number: int, **more: Any) -> Checks:
    at = (NOW - timedelta(hours=3)).isoformat()
    return Checks.model_validate(
        {"version": 1, "images": {name: {"digest": f"sha256:{number:064x}", "at": at, "ok": True, **more}}}
    )


def test_what_is_locked_to_others_is_absent(manifest: Manifest) -> None:
    page = render(manifest, set(), "en")
    assert 'value="atmosphere"' in page
    for word in ("ocean", "coastal", "weather", "oceanographers"):
        assert word not in page.lower()


def test_what_is_open_is_there(manifest: Manifest) -> None:
    page = render(manifest, OCEAN, "en")
    assert 'value="composition:coastal"' in page
    assert 'value="ocean"' in page
    assert "numpy 2.3.5" in page
    assert "55 MB" in page


def test_french(manifest: Manifest) -> None:
    page = render(manifest, OCEAN, "fr")
    assert "ocean (fr)" in page
    assert "Mon propre choix" in page
    assert "My own choice" not in page


def test_texts_of_the_manifest_are_escaped(data: dict[str, Any]) -> None:
    hostile = "</script><script>alert(1)</script>'\"{{ 7 * 7 }}"
    data["images"]["atmosphere"] |= {
        "title": {"en": hostile},
        "keywords": [hostile],
        "documentation": "javascript:alert(1)",
    }
    data["resources"]["small"]["title"] = {"en": hostile}
    checks = checked("atmosphere", 1, ok=False, failed=[hostile])
    notice = Notice(version=1, text={"en": hostile})
    page = render(Manifest.model_validate(data), set(), "en", notice=notice, checks=checks, again='/x"><script>')
    assert page.count("<script>") == 1, "our own"
    assert "</script><script>" not in page
    assert "javascript:" not in page
    assert "49" not in words(page)


def test_nothing_on_offer_is_said(data: dict[str, Any]) -> None:
    data["images"]["lab"]["groups"] = ["others"]
    assert "Nothing is on offer for you yet" in render(Manifest.model_validate(data), set(), "en")
    assert "publish" in render(None, set(), "en")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_input_has_a_label_and_an_id_of_its_own(data: dict[str, Any], lang: str) -> None:
    data["images"] |= {"plain": image("plain", "system")}
    page = render(Manifest.model_validate(data), {*OCEAN, "weather"}, lang)
    inputs = Inputs(page)
    assert len(inputs.ids) == len(set(inputs.ids))
    named = {key for key, found in inputs.found.items() if found.get("aria-label")}
    assert set(inputs.found) - named <= inputs.labels
    for found in inputs.found.values():
        assert found.get("aria-describedby") in (None, *inputs.ids)


def test_what_is_not_on_offer_is_there_with_the_reason(data: dict[str, Any]) -> None:
    data["compositions"]["maps"] = {"system": "lab", "business": ["geo"]}
    manifest = Manifest.model_validate(data)
    page = render(manifest, set(), "en", now=NOW)
    assert "disabled" in Inputs(page).found["vre-business-geo"]
    assert "disabled" in Inputs(page).found["vre-c-maps"]
    assert "Not available yet: it has to pass its check first." in page
    assert "Not available: Geo is not on offer at the moment." in page
    failed = render(manifest, set(), "en", checks=checked("geo", 1, ok=False), now=NOW)
    assert "Not available: its check failed 3 h ago, and there is no former version." in failed


def test_a_first_publish_shows_what_is_being_checked(data: dict[str, Any]) -> None:
    for name in data["images"]:
        data["images"][name] |= {"offered": None, "candidate": pin(name, 1, data["images"][name]["kind"])}
    page = render(Manifest.model_validate(data), OCEAN, "en")
    assert "Nothing is on offer for you yet" in page
    assert all("disabled" in found for key, found in Inputs(page).found.items() if key.startswith("vre-business"))
    assert 'value="composition:coastal"' in page


@pytest.mark.parametrize(
    ("number", "more", "said"),
    [
        (1, {}, "✓ checked 3 h ago"),
        (1, {"ok": False, "failed": ["python3"]}, "Its last check, 3 h ago, failed (python3). It may not work."),
        (1, {"ok": False}, "Its last check, 3 h ago, failed. It may not work."),
        (2, {"ok": False}, "A newer version failed its check 3 h ago; this is the former one."),
        (2, {}, ""),
        (9, {"ok": False}, ""),
    ],
)
def test_the_last_check(manifest: Manifest, number: int, more: dict[str, Any], said: str) -> None:
    page = words(render(manifest, OCEAN, "en", checks=checked("ocean", number, **more), now=NOW))
    assert said in page
    assert said or "check" not in page.replace("pass its check", "")
    assert ("last check failed" in page) is (number == 1 and not more.get("ok", True)), "told at the composition, too"
    assert "disabled" not in Inputs(render(manifest, OCEAN, "en")).found["vre-business-ocean"]


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        ({}, {"vre-c-coastal", "vre-r"}),
        ({"composition": "coastal", "resources": "large"}, {"vre-c-coastal", "vre-r-large"}),
        ({"business": ["ocean", "gone", 7], "system": "lab"}, {"vre-free", "vre-business-ocean", "vre-r"}),
        ({"business": [], "system": "lab"}, {"vre-free", "vre-r"}),
        ({"business": ["geo"], "resources": ["<b>"]}, {"vre-free", "vre-r"}),
        ({"composition": "weather"}, {"vre-c-coastal", "vre-r"}),
        ({"business": "ocean", "composition": {"a": 1}}, {"vre-c-coastal", "vre-r"}),
    ],
)
def test_the_earlier_choice_is_chosen_where_it_is_open(
    manifest: Manifest, asked: dict[str, Any], chosen: set[str]
) -> None:
    inputs = Inputs(render(manifest, OCEAN, "en", asked)).found
    assert chosen <= {key for key, found in inputs.items() if "checked" in found}
    assert sum("checked" in found for key, found in inputs.items() if found.get("name") == "resources") == 1
    assert sum("checked" in found for key, found in inputs.items() if found.get("name") == "choice") == 1


@pytest.mark.parametrize("drain", [False, True])
def test_a_notice_and_a_drain_are_told(manifest: Manifest, drain: bool) -> None:
    notice = Notice(version=1, text={"en": "Upgrade at noon.", "fr": "Mise à jour à midi."}, drain=drain, until=NOW)
    page = render(manifest, OCEAN, "fr", notice=notice)
    assert ('role="alert"' in page) is drain
    assert "Mise à jour à midi." in page
    assert '<time datetime="2026-11-25T12:00:00Z">25/11/2026 12:00 UTC</time>' in page
    assert "role=" in render(None, set(), "en", notice=notice), "also where there is nothing to choose"


def test_resources_say_what_they_mean(data: dict[str, Any]) -> None:
    data["resources"] = {
        "small": {"cpu": 1.5, "memory": 2 << 30, "description": {"en": "For trying out."}},
        "large": {"cpu": 4, "memory": None, "gpu": 1},
        "open": {"cpu": None, "memory": None},
    }
    data["compositions"]["weather"]["resources"] = "large"
    page = words(render(Manifest.model_validate(data), OCEAN, "en"))
    assert "1.5 processor, 2 GiB of memory For trying out." in page
    assert "4 processors, 1 GPU, memory shared with everybody" in page
    assert "processors and memory shared with everybody on this machine" in page
    assert "for a choice of your own: 1.5 processor, 2 GiB of memory." in page


def test_the_pins_of_a_link_are_those_on_offer(manifest: Manifest) -> None:
    page = render(manifest, OCEAN, "en")
    found = Inputs(page).found
    digest = "sha256:" + "0" * 63 + "1"
    assert json.loads(str(found["vre-c-coastal"]["data-pins"])) == [
        f"{name}@{digest}" for name in ("lab", "ocean", "atmosphere")
    ]
    assert json.loads(str(found["vre-business-geo"]["data-pins"])) == []
    candidate = manifest.images["ocean"].candidate
    assert candidate is not None
    assert candidate.digest not in page


def test_a_search_is_there_when_there_is_something_to_search(data: dict[str, Any]) -> None:
    data["images"]["atmosphere"]["keywords"] = ["air"]
    assert 'id="vre-search"' not in render(Manifest.model_validate(data), set(), "en")
    data["images"] |= {f"more-{number}": image(f"more-{number}") for number in range(5)}
    page = render(Manifest.model_validate(data), set(), "en")
    assert 'id="vre-search"' in page
    assert '<button type="button" aria-pressed="false">air</button>' in page
    assert '<div class="vre-tools" role="search" hidden>' in page, "without JavaScript it is not there"
