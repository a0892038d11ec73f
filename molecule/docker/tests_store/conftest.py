"""Two centres: the hub whose engine mounts images, and one whose engine cannot, so that they are unpacked."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gaia_lab.centre import Centre
from gaia_lab.client import HubClient

STATE = Path(os.environ["GAIA_LAB_STATE"])


@pytest.fixture(scope="session")
def unpacking() -> Centre:
    """The centre whose engine cannot mount images; not deployed yet."""
    folder = STATE / "old"
    shutil.copytree(STATE / "inventory", folder, dirs_exist_ok=True)
    (folder / "hosts.yml").write_text("vre_hubs:\n  hosts:\n    old.example.org:\n")
    certificate = {"certificate": f"{STATE}/old.pem", "key": f"{STATE}/old.key"}
    variables = {"hub_url": "https://old.example.org", "hub_tls": certificate}
    return Centre("old", "directory", folder, variables)


@pytest.fixture(scope="session", params=["image", "directory"])
def centre(request: pytest.FixtureRequest) -> Centre:
    """Each of them, where the newer ocean is on offer."""
    if request.param == "directory":
        found: Centre = request.getfixturevalue("unpacking")
        return found
    hub = Centre("hub", "image", STATE / "inventory")
    hub.play("clean")  # what other folders of tests have left
    return hub


@pytest.fixture
def alice(centre: Centre) -> HubClient:
    """An oceanographer at work with what is on offer."""
    client = centre.client("alice")
    if client.server() is None:
        client.start({"choice": "free", "system": "lab", "business": ["ocean"]})
    client.open_session()
    return client
