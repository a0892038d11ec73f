"""A scientist with a browser: from the launch page to kernels of two images in JupyterLab, and what this session is.

Debian's Chromium, headless. Screenshots are in build/screenshots. What else the pages do is in tests/browser.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from gaia_lab.browser import START, chromium, context, log_in, shot
from gaia_lab.client import HubClient


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def test_two_ticked_environments_are_in_the_launcher(browser: Browser, alice: HubClient) -> None:
    page = context(browser).new_page()
    log_in(page, alice)
    shot(page, "launch-page")
    page.check("input[value=free]")
    page.check("input[value=ocean]")
    page.check("input[value=atmosphere]")
    page.click(START)
    page.wait_for_url(re.compile("/user/alice/lab"), timeout=120_000)
    for title in ("[ocean]", "[atmosphere]"):
        card = page.locator(".jp-LauncherCard", has_text=title).first
        expect(card).to_be_visible(timeout=60_000)
        loaded = "image => image.complete && image.naturalWidth > 0"
        assert card.locator("img").evaluate(loaded), f"the logo of {title} is there"
    shot(page, "launcher")
    page.locator(".jp-LauncherCard", has_text="This session").click()
    session = page.locator("main.gaia-vre-session")
    alice.open_session()
    record = json.loads(alice.run("conda-env-ocean-ocean-py", RECORD).stdout)
    assert sorted(record["images"]) == ["atmosphere", "lab", "ocean"]
    for image in record["images"].values():
        expect(session).to_contain_text(f"{image['title']}{image['version']}{image['reference']}")
    for key in ("link", "pinned_link"):
        expect(session.locator(f"#gaia-vre-session-{key}")).to_have_value(f"{alice.url}{record[key]}")
    shot(page, "session")
    page.locator("#jp-MainMenu").get_by_text("Help").click()
    expect(page.locator(".lm-Menu-item", has_text="This session")).to_be_visible()
    page.keyboard.press("Escape")
    page.locator(".jp-LauncherCard", has_text="[ocean]").first.dispatch_event("click")
    expect(page.locator(".jp-Notebook").first).to_be_visible(timeout=60_000)
    alice.stop()
    page.goto(f"{alice.url}{record['pinned_link']}")
    page.wait_for_url(re.compile("/user/alice/lab"), timeout=120_000)
    alice.open_session()
    again = json.loads(alice.run("conda-env-ocean-ocean-py", RECORD).stdout)
    assert again == record, "the link makes the very same session"


RECORD = "import os; print(os.environ['GAIA_VRE_SESSION'])"


def test_the_page_works_without_javascript_in_french_on_a_telephone(browser: Browser, bob: HubClient) -> None:
    page = context(browser, script=False, language="fr-FR", width=390).new_page()
    log_in(page, bob)
    shot(page, "launch-page-fr-narrow")
    expect(page.locator("div.vre")).to_contain_text("Mon propre choix")
    page.check("input[value=atmosphere]")
    page.click(START)
    page.wait_for_url(re.compile("/hub/spawn-pending/bob|/user/bob/"), timeout=60_000)
    bob.wait_ready()
