"""How long a session has, and why it ended: told in words, once, on the page that its user meets next."""

from __future__ import annotations

import re
import time

from testinfra.host import Host

from gaia_lab.client import HubClient
from gaia_lab.trouble import changed

from .conftest import JOBS, ONE, computes, page, restart, until

NOTICED = 100  # seconds; the hub looks at sessions every minute, and Slurm at time limits every half
NODE = "squeue --noheader --user=alice --format=%B"


def gone(client: HubClient) -> bool:
    """Whether the hub has seen that the session has ended."""
    return client.server() is None


def test_the_time_left_is_on_the_hubs_page(running: HubClient) -> None:
    shown = page(running, "home")
    assert re.search(r"Your session ends at 2\d{3}-\d\d-\d\d \d\d:\d\d UTC, in \d min\.", shown), shown[:2000]


def test_a_restart_forgets_neither_the_time_nor_the_language(host: Host, alice: HubClient) -> None:
    alice.http.headers["Accept-Language"] = "fr"
    alice.start(ONE)
    assert "Votre session se termine à" in page(alice, "home")
    restart(host, alice)
    until(lambda: "Votre session se termine à" in page(alice, "home"))


def test_a_session_whose_time_is_up_is_told_once(host: Host, alice: HubClient) -> None:
    alice.start(ONE)
    host.check_output(f"scontrol update JobId={host.check_output(JOBS)} EndTime=now")
    until(lambda: gone(alice), NOTICED)
    assert "Your last session has ended. The job reached its time limit." in page(alice, "spawn/alice")
    assert "has ended" not in page(alice, "spawn/alice")
    alice.start(ONE)


def test_a_session_that_was_cancelled_is_told_where_it_was(host: Host, alice: HubClient) -> None:
    alice.http.headers["Accept-Language"] = "fr"
    alice.start(ONE)
    host.check_output(f"scancel {host.check_output(JOBS)}")
    until(lambda: gone(alice), NOTICED)
    restart(host, alice, login=False)  # a restart forgets nothing
    shown = page(alice, "user/alice/lab")
    assert "Votre dernière session s'est terminée. Le job a été annulé." in shown
    assert "Votre session n'est pas en cours" in shown
    assert "s'est terminée. Le job" not in page(alice, "spawn/alice")


def test_a_session_that_ended_while_the_hub_was_away_is_told(host: Host, alice: HubClient) -> None:
    alice.start(ONE)
    with changed(host, "systemctl stop gaia-vre-hub", "systemctl start gaia-vre-hub"):
        host.check_output(f"scancel {host.check_output(JOBS)}")
        time.sleep(10)  # a job that still ends is one that runs
    restart(host, alice, login=False)
    until(lambda: gone(alice))
    assert "Your last session has ended. The job was cancelled." in page(alice, "spawn/alice")


def test_a_user_who_stops_is_told_nothing(alice: HubClient) -> None:
    alice.start(ONE)
    alice.stop()
    assert "has ended" not in page(alice, "spawn/alice")


def test_a_node_that_fails_is_told_and_another_one_takes_over(host: Host, alice: HubClient) -> None:
    alice.start(ONE)
    node = host.check_output(NODE)
    down = f"scontrol update NodeName={node} State=DOWN Reason=test"
    with changed(host, down, f"scontrol update NodeName={node} State=RESUME"):
        shown = ""

        def told() -> bool:
            nonlocal shown
            shown = page(alice, "home")  # which looks at the session at once
            return "has ended" in shown

        until(told)
        assert "Your last session has ended. The machine that ran the job failed. Start again." in shown
        alice.start(ONE)
        assert host.check_output(NODE) != node
        computes(alice)
    until(lambda: "down" not in host.check_output(f"sinfo --noheader --nodes={node} --format=%T"))


def test_a_stop_that_the_scheduler_does_not_take_is_told_and_made_good(host: Host, alice: HubClient) -> None:
    alice.start(ONE)
    job = host.check_output(JOBS)
    with changed(host, "systemctl stop slurmctld", "systemctl start slurmctld"):
        alice.stop(wait=180)
        told = f"Job {job} of yours is not stopped yet"
        assert told in page(alice, "spawn/alice")
        assert told in page(alice, "spawn/alice"), "as long as it is so"
        restart(host, alice)
        assert told in page(alice, "spawn/alice"), "a hub that starts again goes on"
    until(lambda: host.check_output(f"{JOBS} --job={job} || true") == "", 90)
    time.sleep(1)
    assert "is not stopped yet" not in page(alice, "spawn/alice")
    alice.start(ONE)
