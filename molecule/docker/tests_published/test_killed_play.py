"""A play that was killed after it wrote the hub's configuration and before it restarted the hub: the next one does."""

from __future__ import annotations

import os
from pathlib import Path

from testinfra.host import Host

from gaia_lab.playbook import play
from gaia_lab.session import lab_client

CENTRE = Path(os.environ["GAIA_LAB_STATE"]) / "inventory"
OCEAN = "conda-env-ocean-ocean-py"


def test_the_next_play_restarts_the_hub_and_no_session_ends(host: Host) -> None:
    alice = lab_client("alice")
    alice.login()
    if alice.server() is None:
        alice.start({"choice": "free", "system": "lab", "business": ["ocean"]})
    sessions = host.check_output("docker ps --quiet")
    config = "/etc/gaia-vre/jupyterhub_config.py"
    host.check_output(f"cp -p {config} /root/config && echo '# former' >>{config} && systemctl restart gaia-vre-hub")
    before = host.service("gaia-vre-hub").systemd_properties["MainPID"]
    host.check_output(f"mv /root/config {config}")  # as it is to be, but the hub read the former one

    first = play(CENTRE, "deploy")
    assert (first.code, first.changed) == (0, 1), first.text[-3000:]
    assert host.service("gaia-vre-hub").systemd_properties["MainPID"] != before
    second = play(CENTRE, "deploy")
    assert (second.code, second.changed) == (0, 0), second.text[-3000:]

    assert host.check_output("docker ps --quiet") == sessions != ""
    alice.login()
    alice.open_session()
    assert not alice.run(OCEAN, "print(1)").error
