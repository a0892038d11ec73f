"""Debian's Chromium, headless, as somebody who uses the hub; screenshots go to build/screenshots."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from gaia_lab.client import HubClient

SHOTS = Path(__file__).resolve().parents[3] / "build/screenshots"
CHROMIUM = "/usr/bin/chromium"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-sync",
    "--disable-component-update",
]
START = "form#spawn_form button[type=submit]"


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that ends with the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


def context(
    browser: Browser, *, script: bool = True, language: str = "en-GB", width: int = 1200, dark: bool = False
) -> BrowserContext:
    """A browser of one person, with nothing of anybody else in it."""
    return browser.new_context(
        ignore_https_errors=True,  # the lab's authority is not Chromium's; other tests check the certificate
        java_script_enabled=script,
        locale=language,
        viewport={"width": width, "height": 900},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )


def log_in(page: Page, user: HubClient) -> None:
    """Log in by the form; ends on the launch page."""
    page.goto(f"{user.url}/hub/login?next=/hub/spawn")
    page.fill("#username_input", user.user)
    page.fill("#password_input", user.password)
    page.click("#login_submit")
    expect(page.locator("div.vre")).to_be_visible(timeout=30_000)


def shot(page: Page, name: str) -> None:
    """A picture of the whole page, to be looked at."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    size = page.viewport_size
    height = page.evaluate("document.documentElement.scrollHeight")
    if size is not None:
        page.set_viewport_size({**size, "height": height})  # as tall as the page, or what sticks to an edge is amid it
    page.screenshot(path=SHOTS / f"{name}.png")
    if size is not None:
        page.set_viewport_size(size)
