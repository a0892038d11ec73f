"""Proxy and hub start again only where something that they read changed."""

from __future__ import annotations

import json

import pytest
import yaml
from testinfra.host import Host

from gaia_lab.centre import CENTRE, processes, run


@pytest.fixture
def other_offer() -> dict[str, object]:
    """The centre's offer with another title."""
    variables = yaml.safe_load((CENTRE / "group_vars/vre_hubs/vre.yml").read_text())
    variables["vre_offer"]["resources"]["small"]["title"] = {"en": "Tiny"}
    return {"vre_offer": variables["vre_offer"]}


def test_another_offer_and_touched_files_restart_nothing(host: Host, other_offer: dict[str, object]) -> None:
    before = processes(host)
    host.check_output("touch /etc/gaia-vre/jupyterhub_config.py /opt/gaia-vre/lib/gaia_vre_hub/*.py")
    assert run(variables=other_offer).changed == 1
    assert "Tiny" in host.file("/etc/gaia-vre/manifest.json").content_string
    assert processes(host) == before


@pytest.mark.usefixtures("survives")
def test_another_setting_of_the_hub_restarts_the_hub_alone(host: Host) -> None:
    before = processes(host)
    dry = run(variables={"hub_cull_timeout": 7300}, check=True)
    assert "gaia-vre-hub.service starts again: what it reads changes" in dry.text
    assert processes(host) == before
    assert run(variables={"hub_cull_timeout": 7300}).changed == 3  # the offer as it was, the setting, the restart
    after = processes(host)
    assert after["gaia-vre-hub"] != before["gaia-vre-hub"]
    assert after["gaia-vre-proxy"] == before["gaia-vre-proxy"]
    assert run().changed == 2


def test_each_start_is_logged_in_the_journal_and_sessions_are_bounded(host: Host) -> None:
    for unit in ("gaia-vre-hub", "gaia-vre-proxy"):
        assert host.service(unit).systemd_properties["StandardOutput"] == "journal"
    assert "JupyterHub is now running" in host.check_output("journalctl -u gaia-vre-hub -o cat | tail -200")
    (session,) = json.loads(host.check_output("docker inspect gaia-vre-alice"))
    assert session["HostConfig"]["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "2"}
