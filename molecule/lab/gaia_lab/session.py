"""Start or stop a test user's session: ``python -m gaia_lab.session start alice business=ocean``.

Works in a lab (``lab run``), where ``GAIA_LAB_STATE`` names the folder of ``lab.json``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from gaia_lab.client import HubClient


def lab_client(user: str, language: str = "en", url: str | None = None) -> HubClient:
    """A logged-out client of the running lab's hub for one of its test users.

    :param url: address of another hub of the lab; ``GAIA_LAB_HUB_URL`` names one for a whole run of tests.
    :raises KeyError: outside ``lab run``, or for a user that the lab does not have.
    """
    lab = json.loads((Path(os.environ["GAIA_LAB_STATE"]) / "lab.json").read_text())
    address = url or os.environ.get("GAIA_LAB_HUB_URL") or lab["hub_url"]
    return HubClient(address, user, lab["users"][user]["password"], lab["ca"], language)


def visit(user: str) -> Iterator[HubClient]:
    """A test user who is logged in, with no session before and after; for fixtures, by ``yield from``."""
    client = lab_client(user)
    client.login()
    client.stop()
    yield client
    client.stop()


def main(arguments: list[str]) -> int:
    """Entry point; ``start USER KEY=VALUE…`` or ``stop USER``."""
    verb, user, *pairs = arguments
    client = lab_client(user)
    client.login()
    if verb == "stop":
        client.stop()
        return 0
    options: dict[str, list[str]] = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        options.setdefault(key, []).append(value)
    answer = client.query(options)
    if answer.status_code != 302:
        print(f"the hub answered {answer.status_code}: {answer.text[:1000]}", file=sys.stderr)
        return 1
    client.wait_ready()
    client.open_session()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
