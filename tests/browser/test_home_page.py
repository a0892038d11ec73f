"""The hub's home page: how long a session still has."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from gaia_lab.browser import context, log_in, shot
from gaia_lab.client import HubClient
from gaia_lab.small_hub import Hub

from .axe import violations

NEXT = 15_000  # milliseconds until the page has counted down
CHOICE = {"choice": "free", "system": "lab", "business": ["ocean"]}


@pytest.mark.parametrize(
    ("look", "begin", "end"),
    [
        ({}, "Your session ends at ", ", in 2 h 4 min. Save your work before."),
        (
            {"language": "fr-FR", "dark": True, "width": 360},
            "Votre session se termine à ",
            ", dans 2 h 4 min. Enregistrez votre travail avant.",
        ),
    ],
    ids=["english", "french-dark-narrow"],
)
def test_the_time_left_counts_down(
    request: pytest.FixtureRequest,
    browser: Browser,
    hub: Hub,
    alice: HubClient,
    look: dict[str, Any],
    begin: str,
    end: str,
) -> None:
    page = context(browser, **look).new_page()
    log_in(page, alice)  # before: with a session, the launch page leads there
    alice.http.headers["Accept-Language"] = look.get("language", "en")
    alice.rest({"system": "lab", "business": ["ocean"]})
    alice.wait_ready()
    hub.write("ends", str(time.time() + 7504))
    page.goto(f"{alice.url}/hub/home")
    shown = page.locator("#vre-until")
    expect(shown).to_have_text(re.compile(f"^{begin}.*2 h 5 min"))
    expect(shown).not_to_contain_text("UTC")
    shot(page, f"home-{request.node.callspec.id}")
    assert violations(page) == []
    expect(shown).to_have_text(re.compile(f"{end}$"), timeout=NEXT)


def test_without_a_script_it_is_plain_text(hub: Hub, alice: HubClient) -> None:
    alice.rest({"system": "lab", "business": ["ocean"]})
    alice.wait_ready()
    home = f"{alice.url}/hub/home"
    assert "Your session ends" not in alice.http.get(home, timeout=30).text
    hub.write("ends", str(time.time() + 330))
    said = alice.http.get(home, timeout=30).text
    assert re.search(r">Your session ends at \d{4}-\d\d-\d\d \d\d:\d\d UTC, in 5 min. Save your work before.<", said)
    assert "alert-warning" in said
    alice.stop()
    assert "Your session ends" not in alice.http.get(home, timeout=30).text
