"""Hub, engine, manifest and database fail: no session is lost, and it is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import pytest
from testinfra.host import Host

from gaia_lab.client import ClientError, HubClient
from gaia_lab.playbook import play

from .conftest import CENTRE, Work, now, published, said_by_hub

MANIFEST = "/etc/gaia-vre/manifest.json"
STATE = "/var/lib/gaia-vre"
DATABASE = f"{STATE}/jupyterhub.sqlite"
FREE = {"choice": "free", "system": "lab", "business": ["atmosphere"]}


def test_a_killed_hub_comes_back(host: Host, work: Work, bob: HubClient) -> None:
    before = host.service("gaia-vre-hub").systemd_properties["MainPID"]
    host.check_output(f"kill -9 {before}")
    work.goes_on()
    end = time.monotonic() + 60
    while host.service("gaia-vre-hub").systemd_properties["MainPID"] in (before, "0"):
        assert time.monotonic() < end
        time.sleep(0.5)
    work.hub_answers()
    bob.start(FREE)


@pytest.mark.parametrize(
    "how", ["systemctl restart docker", "kill -9 $(systemctl show --value --property=MainPID docker)"], ids=str
)
def test_sessions_outlive_the_engine(host: Host, work: Work, bob: HubClient, how: str) -> None:
    host.check_output(how)
    work.goes_on()
    end = time.monotonic() + 60
    while host.run("docker info").rc:
        assert time.monotonic() < end
        time.sleep(0.5)
    done = work.user.run("conda-env-ocean-ocean-py", "import numpy; print(numpy.__version__)")
    assert done.stdout, done.error
    bob.start(FREE)


@pytest.mark.parametrize("junk", ["{", "", '{"version": 7}'], ids=["cut off", "empty", "of another version"])
def test_a_spoilt_manifest_leaves_the_last_good_one_in_use(host: Host, work: Work, bob: HubClient, junk: str) -> None:
    good, since = host.file(MANIFEST).content_string, now(host)
    host.run(f"printf %s '{junk}' > {MANIFEST}")
    bob.start(FREE)
    assert f"{MANIFEST} is not usable, the last good one stays in use" in said_by_hub(host, since)
    work.goes_on()
    done = published()
    assert done.code == 0, done.text[-3000:]
    assert "the manifest that was there is not usable" in done.text
    assert "Nothing is new, so nothing was tried." in done.text, "what was on offer stays on offer"
    assert json.loads(host.file(MANIFEST).content_string)["images"] == json.loads(good)["images"]


def test_a_locked_database_delays_and_loses_nothing(host: Host, work: Work, bob: HubClient) -> None:
    hold = (
        f"/opt/gaia-vre/hub/bin/python -c \"import sqlite3, time; c = sqlite3.connect('{DATABASE}'); "
        "c.execute('BEGIN EXCLUSIVE'); print('held', flush=True); time.sleep(4); c.rollback()\""
    )
    held = threading.Thread(target=host.check_output, args=(hold,))
    held.start()
    time.sleep(1)
    work.goes_on()
    held.join()
    work.hub_answers()
    bob.start(FREE)


@pytest.fixture
def small_state(host: Host, work: Work) -> Iterator[None]:
    """The hub's state on a file system of 8 MB."""
    host.check_output(f"systemctl stop gaia-vre-hub && cp -a {STATE} /root/state")
    try:
        host.check_output(f"mount -t tmpfs -o size=8m,mode=0750 tmpfs {STATE} && cp -a /root/state/. {STATE}/")
        host.check_output(f"chown gaia-vre: {STATE} && systemctl start gaia-vre-hub")
        work.hub_answers()
        yield
    finally:
        host.check_output(f"systemctl stop gaia-vre-hub; rm -f {STATE}/full; cp -a {STATE}/. /root/state/")
        host.check_output(f"umount {STATE} && cp -a /root/state/. {STATE}/ && rm -r /root/state")
        host.check_output("systemctl start gaia-vre-hub")
        work.hub_answers()


@pytest.mark.usefixtures("small_state")
def test_a_full_disk_refuses_new_sessions_and_keeps_those_that_run(host: Host, work: Work, bob: HubClient) -> None:
    host.run(f"dd if=/dev/zero of={STATE}/full bs=4k")
    with pytest.raises(ClientError):
        bob.start(FREE)
    work.goes_on()
    host.check_output(f"rm {STATE}/full")
    work.hub_answers()
    bob.login()
    bob.start(FREE)


@pytest.fixture
def damaged(host: Host, work: Work) -> Iterator[None]:
    """The hub's database is no database any more."""
    host.check_output(f"systemctl stop gaia-vre-hub && cp -a {DATABASE} /root/database")
    try:
        host.check_output(
            f"dd if=/dev/urandom of={DATABASE} bs=4k count=4 conv=notrunc && systemctl start gaia-vre-hub"
        )
        yield
    finally:
        host.check_output(f"systemctl stop gaia-vre-hub; mv /root/database {DATABASE} && systemctl start gaia-vre-hub")
        work.hub_answers()


@pytest.mark.usefixtures("damaged")
def test_a_damaged_database_ends_no_session_and_deploy_says_what_to_do(work: Work) -> None:
    done = play(CENTRE, "deploy", {"hub_health_retries": 10})
    assert done.code != 0
    assert "file is not a database" in done.text, done.text[-3000:]
    assert "Remedy" in done.text
    work.goes_on()
