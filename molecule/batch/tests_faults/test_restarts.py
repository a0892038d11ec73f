"""The hub starts again: jobs that run and jobs that still wait are kept, and their users see what they saw."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from testinfra.host import Host

from gaia_lab.busy import full
from gaia_lab.client import ClientError, HubClient
from gaia_lab.crowd import crowd
from gaia_lab.trouble import changed, ready

from .conftest import JOBS, ONE, computes, page, restart, until

CROWD = 5
WAITS = "is in the queue"


def test_a_session_that_runs_is_kept(host: Host, running: HubClient) -> None:
    job = host.check_output(JOBS)
    restart(host, running)
    until(lambda: (running.server() or {}).get("ready", False))
    assert host.check_output(JOBS) == job
    running.open_session()


@pytest.fixture
def waiting(host: Host, alice: HubClient) -> Iterator[HubClient]:
    """Alice, whose job waited in the queue when the hub ended, and still does."""
    with full():
        assert alice.post_form(ONE).status_code == 302
        until(lambda: bool(host.check_output(f"{JOBS} --states=PENDING")))
        job = host.check_output(JOBS)
        restart(host, alice)
        assert host.check_output(f"{JOBS} --states=PENDING") == job
        yield alice


def test_a_job_that_waits_outlives_restarts_and_becomes_a_session(host: Host, waiting: HubClient) -> None:
    job = host.check_output(JOBS)
    assert WAITS in page(waiting, "spawn-pending/alice"), "without JavaScript"
    assert next(event for event in waiting.progress() if WAITS in str(event.get("message")))
    assert "Your session is starting" in page(waiting, "spawn/alice"), "the launch page leads there"
    restart(host, waiting)  # and once more
    assert host.check_output(JOBS) == job
    host.check_output("scancel --user=bob")
    waiting.wait_ready()
    waiting.open_session()
    computes(waiting)
    assert host.check_output(JOBS) == job
    restart(host, waiting)
    until(lambda: (waiting.server() or {}).get("ready", False))
    computes(waiting)
    assert host.check_output(JOBS) == job


def test_it_can_be_cancelled_as_before(host: Host, waiting: HubClient) -> None:
    assert WAITS in page(waiting, "spawn-pending/alice")
    waiting.stop()
    assert host.check_output(JOBS) == ""
    assert waiting.launch_page()


def test_its_end_is_told_as_before(host: Host, waiting: HubClient) -> None:
    host.check_output(f"scancel {host.check_output(JOBS)}")
    with pytest.raises(ClientError, match="The job was cancelled"):
        waiting.wait_ready()
    assert "The job was cancelled" in page(waiting, "spawn-pending/alice")
    assert waiting.server() is None


def test_a_job_that_began_while_the_hub_was_away_becomes_a_session(host: Host, alice: HubClient) -> None:
    with full() as fill:
        assert alice.post_form(ONE).status_code == 302
        until(lambda: bool(host.check_output(f"{JOBS} --states=PENDING")))
        job = host.check_output(JOBS)
        with changed(host, "systemctl stop gaia-vre-hub", "systemctl start gaia-vre-hub"):
            host.check_output(f"scancel {fill}")
            until(lambda: bool(host.check_output(f"{JOBS} --states=RUNNING")))
            time.sleep(10)
        restart(host, alice)
    until(partial(ready, alice))
    alice.open_session()
    computes(alice)
    assert host.check_output(JOBS) == job


@pytest.fixture
def roomy(host: Host) -> Iterator[None]:
    """The two nodes take more jobs than they have processors."""
    host.check_output("scontrol update PartitionName=short OverSubscribe=FORCE:2")
    yield
    host.check_output("scontrol update PartitionName=short OverSubscribe=NO")


@pytest.mark.usefixtures("roomy")
def test_five_sessions_are_kept_and_usable(host: Host) -> None:
    users = crowd(CROWD, cluster=True)
    jobs = "squeue --noheader --states=RUNNING --format='%u %i' | grep ^crowd | sort"
    try:
        with ThreadPoolExecutor(CROWD) as pool:
            list(pool.map(lambda user: user.start(ONE), users))
        before = host.check_output(jobs)
        assert len(before.splitlines()) == CROWD
        restart(host, *users)
        for user in users:
            until(partial(ready, user))
            user.open_session()
            computes(user)
        assert host.check_output(jobs) == before
    finally:
        for user in users:
            user.stop()
