"""From the launch page to a session: what one reads on the way, and where one is when it fails."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from gaia_lab.browser import START, context, log_in, shot
from gaia_lab.client import HubClient
from gaia_lab.small_hub import Hub

from .axe import violations


def started(browser: Browser, user: HubClient, **look: Any) -> Page:
    """A page on which somebody has just asked for ocean and climate."""
    page = context(browser, **look).new_page()
    log_in(page, user)
    page.check("#vre-free")
    page.check("input[value=ocean]")
    page.check("input[value=climate]")
    page.check("#vre-r-small")
    page.click(START)
    page.wait_for_url("**/hub/spawn-pending/**")
    return page


def kept(page: Page, user: HubClient) -> None:
    """The launch page has the choice of `started`."""
    page.wait_for_url(f"{user.url}/hub/spawn/**")
    for choice in ("#vre-free", "input[value=ocean]", "input[value=climate]", "#vre-r-small"):
        expect(page.locator(choice)).to_be_checked()


@pytest.mark.parametrize(
    ("look", "said"),
    [
        ({}, ["Your session is starting", "The session runs. Waiting for its Jupyter server", "Ocean modelling"]),
        (
            {"language": "fr-FR", "dark": True, "width": 360},
            ["Votre session démarre", "La session tourne. En attente de la réponse", "Modélisation océanique"],
        ),
    ],
    ids=["english", "french-dark-narrow"],
)
def test_the_progress_page_says_what_happens(
    request: pytest.FixtureRequest, browser: Browser, hub: Hub, alice: HubClient, look: Any, said: list[str]
) -> None:
    hub.write("slow", "")
    page = started(browser, alice, **look)
    for words in said:
        expect(page.locator("main")).to_contain_text(words)
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "65")
    assert "Server requested" not in page.content()
    pinned = str(page.locator(".vre-links a").nth(1).get_attribute("href"))
    assert re.fullmatch(
        r"/hub/spawn\?system=lab&business=ocean&business=climate&resources=small(&pin=[^&]+){3}", pinned
    )
    shot(page, f"progress-{request.node.callspec.id}")
    assert violations(page) == []
    (hub.folder / "slow").unlink()
    page.wait_for_url(f"**{alice.session_path}**", timeout=30_000)


def test_a_failure_is_told_and_the_choice_is_kept(browser: Browser, hub: Hub, alice: HubClient) -> None:
    hub.write("slow", "")
    page = started(browser, alice)
    hub.write("broken", "")
    (hub.folder / "slow").unlink()
    expect(page.get_by_role("heading")).to_have_text("Your session did not start", timeout=30_000)
    expect(page.get_by_role("alert")).to_contain_text("tell the administrators of this hub")
    shot(page, "progress-failed")
    assert violations(page) == []
    page.click("text=Back to the launch page")
    kept(page, alice)


def test_a_failure_at_once_is_told_in_words(browser: Browser, hub: Hub, alice: HubClient) -> None:
    hub.write("no-program", "")
    page = context(browser).new_page()
    log_in(page, alice)
    page.click(START)
    expect(page.get_by_role("alert")).to_contain_text("the hub's log has the reason. Try again")
    assert "HTTP 500" not in page.content()
    expect(page.locator("input[value='composition:coastal']")).to_be_checked()


def test_cancel(browser: Browser, hub: Hub, alice: HubClient) -> None:
    hub.write("slow", "")
    page = started(browser, alice)
    page.click("#vre-cancel")
    kept(page, alice)
    alice.stop()


def test_a_stopped_session(browser: Browser, alice: HubClient) -> None:
    page = context(browser, language="fr-FR").new_page()
    log_in(page, alice)
    page.goto(f"{alice.url}{alice.session_path}lab")
    expect(page.get_by_role("heading")).to_have_text("Votre session n'est pas en cours")
    assert violations(page) == []
