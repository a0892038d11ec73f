"""The check that the hub's host runs by itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from testinfra.host import Host

from gaia_lab.centre import CENTRE
from gaia_lab.playbook import play

UNIT = "gaia-vre-verify"
NOTHING_OFFERED = """
import json, sys
data = json.load(open(sys.argv[1]))
for image in data["images"].values():
    image.update(offered=None, candidate=None, retained=[])
json.dump(data, open(sys.argv[2], "w"))
"""


def test_the_timer_waits_for_the_night(host: Host) -> None:
    shown = host.check_output(f"systemctl show {UNIT}.timer --property=ActiveState,UnitFileState,TimersCalendar")
    assert "ActiveState=active" in shown
    assert "UnitFileState=enabled" in shown
    assert "OnCalendar=*-*-* 03:00:00" in shown


def test_by_hand_it_tries_everything_and_its_journal_reads_well(host: Host, checks: Callable[[], Any]) -> None:
    since = host.check_output("date +%s")
    time.sleep(1)
    done = host.run(f"systemctl start {UNIT}")
    journal = host.check_output(f"journalctl -u {UNIT} --since=@{since} -o cat --no-pager")
    assert done.rc == 0, journal
    for word in ("ocean, conda-env-ocean-ocean-py: runs, python 3.", "On offer: ", "lab 2026.11"):
        assert word in journal, journal
    results = checks()
    offered = {
        name: image["offered"]["digest"]
        for name, image in json.loads(host.file("/etc/gaia-vre/manifest.json").content_string)["images"].items()
        if image["offered"]
    }
    assert {name: results[name]["digest"] for name in offered} == offered
    assert all(results[name]["ok"] for name in offered), results
    now = host.check_output("date -u +%Y-%m-%dT%H:%M")
    assert all(results[name]["at"][:14] == f"{now}:00"[:14] for name in offered)
    file = host.file("/etc/gaia-vre/checks.json")
    assert (file.user, file.mode) == ("root", 0o644)


def test_it_reads_what_came_while_it_waited_for_another_check(host: Host, checks: Callable[[], Any]) -> None:
    """Here a manifest without anything on offer, put in place by its name as publish does."""
    manifest, kept, before = "/etc/gaia-vre/manifest.json", "/root/manifest.json", checks()
    host.check_output(f"cp --preserve {manifest} {kept}")
    since = host.check_output("date +%s")
    host.check_output("systemd-run --unit=holder flock /opt/gaia-vre/lib sleep 300")
    try:
        time.sleep(1)
        host.check_output(f"systemctl start --no-block {UNIT}")
        time.sleep(2)
        assert host.run(f"systemctl is-active {UNIT}").stdout.strip() == "activating"
        host.check_output(
            f"cp --preserve {kept} {manifest}.new && python3 -c %s {kept} {manifest}.new", NOTHING_OFFERED
        )
        host.check_output(f"mv {manifest}.new {manifest} && systemctl stop holder")
        host.check_output(f"while [ $(systemctl is-active {UNIT}) = activating ]; do sleep 0.2; done")
    finally:
        host.run("systemctl stop holder")
        host.check_output(f"mv {kept} {manifest}")
    assert "On offer: nothing." in host.check_output(f"journalctl -u {UNIT} --since=@{since} -o cat --no-pager")
    assert checks() == before


def test_it_has_little_to_lose(host: Host) -> None:
    shown = host.check_output(f"systemctl show {UNIT}.service")
    assert "DynamicUser=yes" in shown
    token = host.file("/etc/gaia-vre/secrets/check_token").content_string.strip()
    assert token not in shown
    journal = host.check_output(f"journalctl -u {UNIT} --no-pager")
    assert token not in journal
    # As its user nothing of the configuration can be read, not even listed.
    looked = host.run("systemd-run --quiet --wait --pipe --property=DynamicUser=yes ls /etc/gaia-vre")
    assert "Permission denied" in looked.stderr + looked.stdout


def test_a_hub_that_is_down_is_told(host: Host, checks: Callable[[], Any]) -> None:
    before = checks()
    host.check_output("systemctl stop gaia-vre-proxy")
    try:
        assert host.run(f"systemctl start {UNIT}").rc != 0
        journal = host.check_output(f"journalctl -u {UNIT} -n 20 -o cat --no-pager")
        assert "the hub gave no answer" in journal
        assert "Remedy: check hub_url and that gaia-vre-hub runs" in journal
        assert "Traceback" not in journal
        assert checks() == before, "no answer is no result"
    finally:
        host.check_output("systemctl start gaia-vre-proxy gaia-vre-hub")


def test_a_time_that_is_none_is_refused() -> None:
    done = play(CENTRE, "deploy", {"check_timer": "every full moon"})
    assert done.code != 0
    assert "check_timer is no time of systemd (got every full moon)" in done.text, done.text[-3000:]
    assert 'Remedy: write it as in "*-*-* 03:00"' in done.text
    assert done.changed == 0


def test_without_a_time_there_is_no_timer_but_the_check_by_hand(host: Host) -> None:
    off = play(CENTRE, "deploy", {"check_timer": ""})
    assert off.code == 0, off.text[-3000:]
    assert not host.file(f"/etc/systemd/system/{UNIT}.timer").exists
    assert not host.service(f"{UNIT}.timer").is_running
    assert host.file(f"/etc/systemd/system/{UNIT}.service").exists
    again = play(CENTRE, "deploy", {"check_timer": ""})
    assert (again.code, again.changed) == (0, 0), again.text[-3000:]
    on = play(CENTRE, "deploy")
    assert on.code == 0, on.text[-3000:]
    assert host.service(f"{UNIT}.timer").is_running
