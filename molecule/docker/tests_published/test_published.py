"""After `publish`: the running session keeps its digest, a new one gets the newer image; `remove` spares it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from testinfra.host import Host

from gaia_lab.playbook import play
from gaia_lab.session import lab_client

OCEAN = "conda-env-ocean-ocean-py"
SHOW = "import json, os, numpy; print(json.dumps([numpy.__version__, os.environ['GAIA_VRE_SESSION']]))"


def test_the_running_session_keeps_its_digest_and_a_new_one_gets_the_new(host: Host) -> None:
    manifest = json.loads(host.file("/etc/gaia-vre/manifest.json").content_string)
    offered = manifest["images"]["ocean"]["offered"]
    assert offered["version"] == "2026.2"
    assert manifest["images"]["ocean"]["candidate"] is None

    alice = lab_client("alice")
    alice.login()
    assert alice.server() is not None, "publish ended no session"
    alice.open_session()
    before = _show(alice)
    alice.stop()
    alice.start({"choice": "free", "system": "lab", "business": ["ocean"]})
    after = _show(alice)

    assert after["digest"] == offered["digest"] != before["digest"]
    assert after["numpy"] != before["numpy"]


def test_remove_refuses_while_a_session_runs() -> None:
    alice = lab_client("alice")
    alice.login()
    if alice.server() is None:
        alice.start({"choice": "free", "system": "lab", "business": ["ocean"]})
    done = play(Path(os.environ["GAIA_LAB_STATE"]) / "inventory", "remove")
    assert done.code != 0
    assert "1 session(s) run, of " in done.text, done.text[-3000:]
    assert "docker_remove_sessions=true" in done.text
    assert done.changed == 0
    alice.open_session()
    assert not alice.run(OCEAN, "print(1)").error


def _show(client: Any) -> dict[str, str]:
    done = client.run(OCEAN, SHOW)
    assert not done.error, done.error
    numpy, record = json.loads(done.stdout)
    return {"numpy": numpy, "digest": json.loads(record)["images"]["ocean"]["digest"]}
