"""The launch page in Chromium: what one sees, by mouse, keyboard or without JavaScript, and what axe says to it."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from gaia_lab.browser import START, context, log_in, shot
from gaia_lab.client import HubClient
from gaia_lab.small_hub import Hub

from .axe import violations
from .offer import digest, offer, pin

LOOKS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"dark": True},
    "narrow": {"width": 360},
    "french": {"language": "fr-FR"},
    "french-dark-narrow": {"language": "fr-FR", "dark": True, "width": 360},
}


IN_SIGHT = """() => {
    const box = document.activeElement.getBoundingClientRect();
    return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2) === document.activeElement;
}"""


def opened(browser: Browser, user: HubClient, **look: Any) -> Page:
    page = context(browser, **look).new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page's script: {error}"))
    log_in(page, user)
    return page


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_axe_finds_nothing(request: pytest.FixtureRequest, browser: Browser, alice: HubClient, look: Any) -> None:
    page = opened(browser, alice, **look)
    page.click("label[for=vre-free]")
    page.check("input[value=ocean]")
    page.fill("#vre-search", "a")
    page.locator(".vre-link summary").click()
    shot(page, f"launch-{request.node.callspec.id}")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= look.get("width", 1200), "nothing sticks out"


def test_axe_finds_an_offence(browser: Browser, alice: HubClient) -> None:
    page = opened(browser, alice)
    page.evaluate("document.querySelector('label[for=vre-search]').remove()")
    page.evaluate("document.querySelector('#vre-search').removeAttribute('placeholder')")
    assert [line.split(":")[0] for line in violations(page)] == ["label"]


def test_what_is_locked_to_others_is_not_in_the_source(browser: Browser, hub: Hub, alice: HubClient) -> None:
    bob = hub.user("bob")
    page = opened(browser, bob)
    source = page.content().lower()
    for word in ("ocean", "croco", "coastal", digest("ocean", "2026.2"), digest("ocean", "2026.1")):
        assert word not in source
    expect(page.locator("input[value='composition:shore']")).to_be_enabled()
    assert "shoreline" not in opened(browser, alice).content().lower()


def test_the_hub_s_content_security_policy_is_kept_and_nothing_comes_from_elsewhere(
    browser: Browser, alice: HubClient
) -> None:
    policies = [
        alice.http.get(f"{alice.url}/hub/{path}", timeout=30).headers["Content-Security-Policy"]
        for path in ("home", "spawn")
    ]
    assert policies == ["frame-ancestors 'none'; report-uri /hub/security/csp-report"] * 2
    page = context(browser).new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    log_in(page, alice)
    assert [url for url in asked if not url.startswith((alice.url, "data:"))] == []


def test_cards_tell_what_is_in_them_and_how_they_were_checked(browser: Browser, alice: HubClient) -> None:
    page = opened(browser, alice)
    page.click("label[for=vre-free]")
    card = page.locator(".vre-card", has=page.locator("input[value=ocean]"))
    for said in ("2026.2", "Python 3.13.1", "xarray 2026.10", "198 MB", "checked 3 h ago", "Documentation", "2 more"):
        expect(card).to_contain_text(said)
    expect(page.locator(".vre-card", has=page.locator("input[value=climate]"))).to_contain_text("may not work")
    newer = page.locator(".vre-card", has=page.locator("input[value=biodiversity]"))
    expect(newer).to_contain_text("this is the former one")
    expect(page.locator("input[value=geo]")).to_be_disabled()
    expect(page.locator("input[value='composition:atlas']")).to_be_disabled()


def test_search_and_keywords(browser: Browser, alice: HubClient) -> None:
    page = opened(browser, alice)
    shown = page.locator(".vre-own .vre-card:visible")
    expect(shown).to_have_count(0)  # closed, but what is searched for is found
    page.fill("#vre-search", "XGCM")
    expect(shown).to_have_count(1)
    expect(page.locator("input[value='composition:coastal']")).to_be_visible()
    expect(page.locator("input[value='composition:atlas']")).to_be_hidden()
    page.check("input[value=ocean]")
    expect(page.locator("#vre-free")).to_be_checked()  # a tick is a choice of one's own
    page.fill("#vre-search", "")
    page.click("button:text-is('climate')")
    expect(page.locator("input[value=climate]")).to_be_visible()
    expect(page.locator("input[value=ocean]")).to_be_visible()  # it is ticked
    expect(page.locator("input[value=geo]")).to_be_hidden()
    page.fill("#vre-search", "nowhere")
    expect(page.locator(".vre-tools [role=status]")).to_contain_text("Nothing here matches")
    page.locator("#vre-search").press("Enter")
    assert alice.server() is None
    page.click("button:text-is('climate')")
    page.locator("#vre-search").press("Escape")
    expect(page.locator(".vre-card:visible")).to_have_count(2 + 1 + 5 + 3)


def test_accents_do_not_matter(browser: Browser, alice: HubClient) -> None:
    page = opened(browser, alice, language="fr-FR")
    page.fill("#vre-search", "modelisation OCEANIQUE")
    expect(page.locator("input[value=ocean]")).to_be_visible()
    expect(page.locator("input[value=climate]")).to_be_hidden()


def test_the_link_is_that_of_the_choice(browser: Browser, alice: HubClient) -> None:
    page = opened(browser, alice)
    field = page.locator("#vre-link")
    assert field.input_value() == f"{alice.url}/hub/spawn?composition=coastal"
    page.click("label[for=vre-r-small]")
    page.locator(".vre-link summary").click()
    page.check("#vre-pin")
    query = parse_qs(urlsplit(field.input_value()).query)
    assert query["resources"] == ["small"]
    versions = {"lab": "2026.11", "ocean": "2026.2", "atmosphere": "2026.1"}
    assert query["pin"] == [f"{name}@{digest(name, version)}" for name, version in versions.items()]
    page.click("label[for=vre-free]")
    expect(page.locator("#vre-summary")).to_have_text("Your session: JupyterLab · no environment is ticked · Small")
    page.check("input[value=climate]")
    page.uncheck("#vre-pin")
    expect(page.locator("#vre-summary")).to_have_text("Your session: Climate statistics · Small")
    assert field.input_value() == f"{alice.url}/hub/spawn?system=lab&business=climate&resources=small"
    page.click("text=Copy")
    expect(page.locator(".vre-link [role=status]")).to_have_text("Copied")
    page.goto(field.input_value())
    page.wait_for_url(f"**{alice.session_path}**", timeout=30_000)
    record = json.loads(alice.http.get(f"{alice.url}{alice.session_path}", timeout=30).json()["GAIA_VRE_SESSION"])
    assert f"{alice.url}{record['link']}" == f"{alice.url}/hub/spawn?system=lab&business=climate&resources=small"
    alice.stop()
    page.goto(f"{alice.url}/hub/spawn")
    for remembered in ("#vre-free", "input[value=climate]", "#vre-r-small"):
        expect(page.locator(remembered)).to_be_checked()


def test_a_pinned_link_starts_a_former_version_and_the_page_says_so(browser: Browser, alice: HubClient) -> None:
    former = digest("ocean", "2026.1")
    page = opened(browser, alice)
    page.goto(f"{alice.url}/hub/spawn?business=ocean&pin=ocean@{former}")
    page.wait_for_url(f"**{alice.session_path}**", timeout=30_000)
    record = json.loads(alice.http.get(f"{alice.url}{alice.session_path}", timeout=30).json()["GAIA_VRE_SESSION"])
    assert record["images"]["ocean"]["version"] == "2026.1"
    assert f"pin=ocean@{former}" in record["pinned_link"]
    alice.stop()
    page.goto(f"{alice.url}/hub/spawn")
    assert former not in page.locator("form").evaluate("form => new URLSearchParams(new FormData(form)).toString()")
    assert page.get_by_text("Start those versions again").get_attribute("href") == record["pinned_link"]
    shot(page, "launch-after-pinned-link")


def test_by_keyboard_alone(browser: Browser, alice: HubClient) -> None:
    page = opened(browser, alice)

    def focused() -> str:
        return str(page.evaluate("document.activeElement.id || document.activeElement.type"))

    def tab_to(wanted: str) -> list[str]:
        """Tab on until ``wanted`` has the focus; gives the way."""
        way = []
        for _step in range(40):
            page.keyboard.press("Tab")
            way.append(focused())
            if way[-1] == wanted:
                assert page.evaluate(IN_SIGHT), f"{wanted} is in sight"
                return way
        raise AssertionError(f"{wanted} is not reached by Tab: {way}")

    tab_to("vre-search")
    tab_to("vre-c-coastal")
    page.keyboard.press("ArrowDown")  # radio buttons go by arrow; what is not available is passed over
    assert focused() == "vre-free"
    way = tab_to("vre-business-ocean")
    assert way == ["vre-business-ocean"]
    page.keyboard.press("Space")
    tab_to("vre-business-climate")
    page.keyboard.press("Space")
    tab_to("vre-r")
    page.keyboard.press("ArrowRight")
    assert focused() == "vre-r-small"
    tab_to("submit")
    expect(page.locator("#vre-summary")).to_have_text("Your session: Ocean modelling + Climate statistics · Small")
    shot(page, "launch-keyboard")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{alice.session_path}**", timeout=30_000)
    record = json.loads(alice.http.get(f"{alice.url}{alice.session_path}", timeout=30).json()["GAIA_VRE_SESSION"])
    assert sorted(record["images"]) == ["climate", "lab", "ocean"]


@pytest.mark.parametrize("language", ["en-GB", "fr-FR"])
def test_without_javascript(browser: Browser, alice: HubClient, language: str) -> None:
    page = opened(browser, alice, script=False, language=language, width=390)
    for needs_script in (".vre-tools", ".vre-link", "#noscript"):
        expect(page.locator(needs_script)).to_be_hidden()
    page.check("#vre-free")
    page.check("input[value=atmosphere]")
    shot(page, f"launch-noscript-{language[:2]}")
    page.click(START)
    page.wait_for_url(f"**{alice.session_path}**", timeout=30_000)  # the progress page leads on by itself
    record = json.loads(alice.http.get(f"{alice.url}{alice.session_path}", timeout=30).json()["GAIA_VRE_SESSION"])
    assert sorted(record["images"]) == ["atmosphere", "lab"]


def test_a_notice_and_a_drain(browser: Browser, hub: Hub, alice: HubClient) -> None:
    notice = {
        "version": 1,
        "text": {"en": "The hub is upgraded tonight.", "fr": "Le hub est mis à jour ce soir."},
        "until": "2026-11-25T20:00:00Z",
    }
    hub.write("notice.json", notice)
    page = opened(browser, alice)
    expect(page.get_by_role("status").filter(has_text="upgraded tonight")).to_be_visible()
    expect(page.locator(START)).to_be_enabled()
    hub.write("notice.json", {**notice, "drain": True})
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("No new session can be started at the moment")
    expect(page.locator(START)).to_be_disabled()
    expect(page.locator(START)).to_have_accessible_description(
        "No new session can be started at the moment. Sessions that run go on."
    )
    assert violations(page) == []
    shot(page, "launch-drain")


def test_a_page_that_was_opened_before(browser: Browser, hub: Hub, alice: HubClient) -> None:
    page = opened(browser, alice)
    page.click("label[for=vre-free]")
    page.check("input[value=climate]")
    new = offer()
    new["images"]["climate"] |= {
        "offered": None,
        "candidate": pin("climate", "2026.1", {"julia": "1.11"}, "julia-1.11"),
    }
    hub.offer(new)
    page.click(START)
    expect(page.get_by_role("alert")).to_contain_text("There is no Climate statistics here (any more)")
    expect(page.locator("input[value=climate]")).to_be_disabled()
    expect(page.locator("#vre-free")).to_be_checked()  # what is left of the choice stays
    shot(page, "launch-refused")
    assert alice.server() is None


def test_two_hundred_images(browser: Browser, hub: Hub, alice: HubClient) -> None:
    many = offer()
    for number in range(200):
        many["images"][f"more-{number}"] = {
            **many["images"]["atmosphere"],
            "title": {"en": f"Environment {number}"},
            "keywords": [f"word{number % 30}"],
        }
    hub.offer(many)
    page = opened(browser, alice)
    assert page.locator(".vre-keywords button").count() == 12
    started = time.monotonic()
    page.fill("#vre-search", "environment 19")
    expect(page.locator("input[value=more-190]")).to_be_visible()
    assert time.monotonic() - started < 2
    found = [number for number in range(200) if "19" in f"{number} word{number % 30}"]
    expect(page.locator(".vre-own .vre-card:visible")).to_have_count(len(found))
