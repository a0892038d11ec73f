"""Accessibility rules: axe-core, from the package that ``axe/package-lock.json`` pins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from gaia_lab.small_hub import npm_packages

PACKAGE = Path(__file__).with_name("axe")


def violations(page: Page) -> list[str]:
    """What axe finds to be serious: rule, and the element."""
    page.add_script_tag(path=npm_packages(PACKAGE) / "axe-core/axe.min.js")
    found: dict[str, Any] = page.evaluate("axe.run()")
    assert len(found["passes"]) > 15, "axe has looked"
    return [
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}"
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
