"""A scientist with a browser on a cluster: waits in the queue, reads why, gets two images and the time that is left.

Debian's Chromium, headless. Screenshots are in build/screenshots. What is the same everywhere is in molecule/docker.
"""

from __future__ import annotations

import re

from playwright.sync_api import expect

from gaia_lab.browser import START, chromium, context, log_in, shot
from gaia_lab.busy import full
from gaia_lab.client import HubClient


def test_a_session_waits_in_the_queue_and_has_two_ticked_environments(alice: HubClient) -> None:
    with chromium() as browser:
        page = context(browser).new_page()
        log_in(page, alice)
        page.check("input[value=free]")
        page.check("input[value=ocean]")
        page.check("input[value=atmosphere]")
        with full():
            page.click(START)
            page.wait_for_url(re.compile("/hub/spawn-pending/alice"), timeout=60_000)
            expect(page.locator("body")).to_contain_text(
                re.compile(r"Job \d+ is in the queue\. .*processors and memory are free"), timeout=30_000
            )
            shot(page, "batch-queue")
        page.wait_for_url(re.compile("/user/alice/lab"), timeout=120_000)
        for title in ("[ocean]", "[atmosphere]"):
            expect(page.locator(".jp-LauncherCard", has_text=title).first).to_be_visible(timeout=60_000)
        page.goto(f"{alice.url}/hub/home")
        expect(page.locator("body")).to_contain_text(re.compile(r"Your session ends at .*\d:\d\d.*, in \d+ min\."))
        shot(page, "batch-home")
