"""The check that the hub's host runs by itself, in jobs on each partition that resources name."""

from __future__ import annotations

import json

from testinfra.host import Host

UNIT = "gaia-vre-verify"


def test_the_timer_waits_for_the_night(host: Host) -> None:
    shown = host.check_output(f"systemctl show {UNIT}.timer --property=ActiveState,UnitFileState")
    assert shown.split() == ["ActiveState=active", "UnitFileState=enabled"]


def test_by_hand_it_tries_every_kernel_on_each_partition(host: Host) -> None:
    since = host.check_output("date -u +%Y-%m-%dT%H:%M:%SZ")
    done = host.run(f"systemctl start {UNIT}")
    journal = host.check_output(f"journalctl -u {UNIT} --since='{since.replace('T', ' ').replace('Z', ' UTC')}' -o cat")
    assert done.rc == 0, journal
    for resources in ("short", "long"):
        assert f"ocean, conda-env-ocean-ocean-py with {resources}: runs, python 3." in journal, journal
    images = json.loads(host.check_output("cat /etc/gaia-vre/checks.json"))["images"]
    assert set(images) == {"lab", "ocean", "atmosphere", "biodiversity", "geo"}
    assert all(image["ok"] and image["at"] >= since for image in images.values()), images
