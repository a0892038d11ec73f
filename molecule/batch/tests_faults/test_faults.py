"""What fails on a cluster, and what the user is told: within seconds, in words, and no other session ends."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from testinfra.host import Host

from gaia_lab.busy import full
from gaia_lab.centre import run
from gaia_lab.client import ClientError, HubClient
from gaia_lab.session import lab_client
from gaia_lab.trouble import changed

from .conftest import JOBS, OCEAN, ONE, SOON


def store_file(host: Host, name: str) -> str:
    """The file of an image that is on offer."""
    manifest: Any = json.loads(host.check_output("cat /etc/gaia-vre/manifest.json"))
    return f"/shared/gaia-vre/{manifest['images'][name]['offered']['digest'][7:]}.squashfs"


def told(client: HubClient, fields: dict[str, Any]) -> str:
    """What a user reads of a session that does not start."""
    started = time.monotonic()
    with pytest.raises(ClientError) as caught:
        client.start(fields)
    assert time.monotonic() - started < SOON
    return str(caught.value)


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        ("truncate --size=-4096 {file}", "cut off"),
        ("chmod 0000 {file}", "unreadable"),
        ("rm {file}", "deleted"),
        ("cp /etc/passwd {file}", "replaced"),
    ],
)
def test_a_damaged_image_is_named_on_the_page_and_holds_no_other(
    host: Host, alice: HubClient, damage: str, what: str
) -> None:
    file = store_file(host, "ocean")
    host.check_output(f"cp --preserve {file} /shared/kept")
    with changed(host, damage.format(file=file), f"cp --preserve /shared/kept {file} && chmod 0644 {file}"):
        page = alice.launch_page()
        assert "its file is missing or damaged" in page, what
        answer = alice.rest({"system": "lab", "business": ["ocean"]})
        assert (answer.status_code, "Ocean modelling is not ready" in answer.json()["message"]) == (503, True)
        assert host.check_output(JOBS) == ""
        alice.start(ONE)
        alice.stop()
    assert "its file is missing or damaged" not in alice.launch_page()


def test_publish_brings_a_damaged_image_again(host: Host, alice: HubClient) -> None:
    file = store_file(host, "ocean")
    before = host.check_output(f"sha256sum {file}")
    host.check_output(f"truncate --size=-4096 {file}")
    assert run("publish").changed == 1
    assert host.check_output(f"sha256sum {file}") == before, "the same bytes for the same digest"
    alice.start({"choice": "free", "system": "lab", "business": ["ocean"]})
    assert alice.run(OCEAN, "print(42)").stdout.strip() == "42"


def test_a_node_without_fuse_is_told_in_words(alice: HubClient, nodes: list[Host]) -> None:
    with (
        changed(nodes[0], "chmod 0600 /dev/fuse", "chmod 0666 /dev/fuse"),
        changed(nodes[1], "chmod 0600 /dev/fuse", "chmod 0666 /dev/fuse"),
    ):
        said = told(alice, ONE)
    assert "The machine of the job cannot mount images" in said
    assert "It said: " in said


def test_a_job_that_is_cancelled_while_it_starts_is_told_at_once(host: Host, alice: HubClient) -> None:
    """batchspawner 1.3.0 waits for its port until start_timeout, here an hour."""
    assert alice.post_form(ONE).status_code == 302
    deadline = time.monotonic() + SOON
    while not (job := host.check_output(f"{JOBS} --states=RUNNING")):
        assert time.monotonic() < deadline
    host.check_output(f"scancel {job}")
    started = time.monotonic()
    with pytest.raises(ClientError, match="The job was cancelled"):
        alice.wait_ready()
    assert time.monotonic() - started < SOON


def test_a_full_cluster_is_told_and_waiting_can_be_cancelled(host: Host, alice: HubClient) -> None:
    with full():
        assert alice.post_form(ONE).status_code == 302
        for event in alice.progress():
            if "is in the queue" in str(event.get("message")) and "has not looked" not in str(event.get("message")):
                assert any(why in event["message"] for why in ("processors and memory are free", "come first"))
                break
        assert host.check_output(f"{JOBS} --states=PENDING")
        alice.stop()
        assert host.check_output(JOBS) == ""


def test_a_scheduler_that_is_down_ends_no_session_and_is_told(host: Host, running: HubClient, bob: HubClient) -> None:
    assert running.server()
    with changed(host, "systemctl stop slurmctld", "systemctl start slurmctld"):
        said = told(bob, ONE)
        assert "The scheduler did not take the job" in said
        time.sleep(35)  # the hub looks at sessions every 30 s
        assert running.server(), "the hub has not given it up"
    bob.start(ONE)


def test_a_user_without_an_account_on_the_cluster_is_told(host: Host) -> None:
    host.check_output("id carol >/dev/null 2>&1 || useradd carol; echo carol:pass-word | chpasswd")
    carol = lab_client("alice")
    carol.user, carol.password = "carol", "pass-word"
    try:
        carol.login()
        answer = carol.rest({"system": "lab", "business": ["atmosphere"]})
        assert answer.status_code == 403
        assert "no account that may submit jobs" in answer.json()["message"]
    finally:
        host.check_output("userdel carol")


def test_a_home_that_cannot_be_written_is_told(host: Host, alice: HubClient) -> None:
    with changed(host, "chmod 0500 /home/alice", "chmod 0700 /home/alice"):
        said = told(alice, ONE)
    assert "The job could not write into your home" in said


def test_clean_keeps_what_a_job_uses(running: HubClient) -> None:
    assert running.server()
    assert "0 image(s)" in run("clean").text
