"""A scientist with a browser: two ticked environments are in the launcher, and both run.

What is the same everywhere is in molecule/docker.
"""

from __future__ import annotations

import re

from playwright.sync_api import expect

from gaia_lab.browser import START, chromium, context, log_in, shot
from gaia_lab.client import HubClient


def test_two_ticked_environments_are_in_the_launcher_and_run(alice: HubClient) -> None:
    with chromium() as browser:
        page = context(browser).new_page()
        log_in(page, alice)
        page.check("input[value=free]")
        page.check("input[value=ocean]")
        page.check("input[value=atmosphere]")
        page.click(START)
        page.wait_for_url(re.compile("/hub/spawn-pending/alice|/user/alice/lab"), timeout=180_000)
        shot(page, "kubernetes-progress")
        page.wait_for_url(re.compile("/user/alice/lab"), timeout=360_000)
        for title in ("[ocean]", "[atmosphere]"):
            expect(page.locator(".jp-LauncherCard", has_text=title).first).to_be_visible(timeout=180_000)
        shot(page, "kubernetes-launcher")
        page.locator(".jp-LauncherCard", has_text="[ocean]").first.dispatch_event("click")
        expect(page.locator(".jp-Notebook").first).to_be_visible(timeout=180_000)
    alice.open_session()
    for image in ("ocean", "atmosphere"):
        done = alice.run(f"conda-env-{image}-{image}-py", "import sys; print(sys.prefix)")
        assert done.stdout.strip() == f"/opt/gaia/{image}/envs/{image}"
