"""A scientist with a browser: the launch page, two environments ticked, both kernels in JupyterLab's launcher.

Debian's Chromium, headless. Screenshots are in build/screenshots.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from gaia_lab.client import HubClient

SHOTS = Path(os.environ["GAIA_VRE_ROOT"]) / "build/screenshots"
CHROMIUM = "/usr/bin/chromium"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, "--disable-component-update"])
        yield found
        found.close()


def log_in(
    browser: Browser, user: HubClient, *, script: bool = True, language: str = "en-GB", width: int = 1200
) -> Page:
    """A page of the launch form, logged in as the user would."""
    context = browser.new_context(
        ignore_https_errors=True,  # the lab's authority is not Chromium's; the other tests check the certificate
        java_script_enabled=script,
        locale=language,
        viewport={"width": width, "height": 900},
    )
    page = context.new_page()
    page.goto(f"{user.url}/hub/login?next=/hub/spawn")
    page.fill("#username_input", user.user)
    page.fill("#password_input", user.password)
    page.click("#login_submit")
    expect(page.locator("div.vre")).to_be_visible(timeout=30_000)
    return page


def shot(page: Page, name: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def test_two_ticked_environments_are_in_the_launcher(browser: Browser, alice: HubClient) -> None:
    page = log_in(browser, alice)
    shot(page, "launch-page")
    page.check("input[value=free]")
    page.check("input[value=ocean]")
    page.check("input[value=atmosphere]")
    page.locator("form#spawn_form input[type=submit], form#spawn_form button[type=submit]").first.click()
    page.wait_for_url(re.compile("/user/alice/lab"), timeout=120_000)
    for title in ("[ocean]", "[atmosphere]"):
        card = page.locator(".jp-LauncherCard", has_text=title).first
        expect(card).to_be_visible(timeout=60_000)
        loaded = "image => image.complete && image.naturalWidth > 0"
        assert card.locator("img").evaluate(loaded), f"the logo of {title} is there"
    shot(page, "launcher")
    page.locator(".jp-LauncherCard", has_text="[ocean]").first.click()
    expect(page.locator(".jp-Notebook").first).to_be_visible(timeout=60_000)


def test_the_page_works_without_javascript_in_french_on_a_telephone(browser: Browser, bob: HubClient) -> None:
    page = log_in(browser, bob, script=False, language="fr-FR", width=390)
    shot(page, "launch-page-fr-narrow")
    expect(page.locator("div.vre")).to_contain_text("Mon propre choix")
    expect(page.locator("#noscript")).to_be_hidden()  # JupyterHub's "requires JavaScript" is not true here
    width = page.locator("div.vre").bounding_box()
    assert width is not None
    assert width["width"] <= 390, "nothing sticks out of a narrow screen"
    page.check("input[value=atmosphere]")
    page.locator("form#spawn_form input[type=submit], form#spawn_form button[type=submit]").first.click()
    page.wait_for_url(re.compile("/hub/spawn-pending/bob|/user/bob/"), timeout=60_000)
    bob.wait_ready()


def test_the_page_in_the_dark(browser: Browser, alice: HubClient) -> None:
    page = log_in(browser, alice)
    page.evaluate("document.documentElement.setAttribute('data-bs-theme', 'dark')")
    shot(page, "launch-page-dark")
    page.check("input[value=free]")
    expect(page.locator("input[value=ocean]")).to_be_visible()
