"""HTCondor runs sessions: as jobs of their users, with no token that others can read, and what fails is told."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import testinfra
from testinfra.host import Host

from gaia_lab.centre import STATE
from gaia_lab.client import ClientError, HubClient
from gaia_lab.errors import LabError
from gaia_lab.trouble import changed, restart, until

OCEAN, ATMOSPHERE = "conda-env-ocean-ocean-py", "conda-env-atmosphere-atmosphere-py"
BOTH = {"choice": "free", "system": "lab", "business": ["ocean", "atmosphere"]}
ONE = {"choice": "free", "system": "lab", "business": ["atmosphere"]}
SHOW = "import json, os, sys, numpy; print(json.dumps([numpy.__version__, sys.prefix, os.getuid(), os.uname()[1]]))"
TOKEN = "import json, os; print(json.dumps(os.environ['JUPYTERHUB_API_TOKEN']))"
RUNNING, ANY = "JobStatus == 2", "JobStatus < 3"
SOON, BUSY = 30, 300  # seconds; the second for HTCondor and the hub on a busy machine


def shown(client: HubClient, kernel: str, code: str) -> Any:
    done = client.run(kernel, code)
    assert not done.error, done.error
    return json.loads(done.stdout)


def jobs(host: Host, how: str = ANY) -> str:
    """The numbers of alice's jobs."""
    return str(host.check_output(f"condor_q alice -constraint '{how}' -autoformat ClusterId"))


@pytest.fixture(scope="module")
def node() -> Host:
    """The node."""
    return testinfra.get_host("ssh://root@node1.example.org", ssh_config=str(STATE / "ssh_config"))


def test_two_ticked_images_give_kernels_of_both_under_the_users_own_uid(host: Host, alice: HubClient) -> None:
    alice.start(BOTH)
    told = "Owner RequestCpus RequestMemory AllowedJobDuration"
    assert host.check_output(f"condor_q {jobs(host, RUNNING)} -autoformat {told}") == "alice 1 1024 600"
    ocean, atmosphere = shown(alice, OCEAN, SHOW), shown(alice, ATMOSPHERE, SHOW)
    assert ocean[0] != atmosphere[0], "the two images hold different versions of numpy"
    assert ocean[1:] == ["/opt/gaia/ocean/envs/ocean", int(host.check_output("id -u alice")), "node1.example.org"]
    assert atmosphere[1] == "/opt/gaia/atmosphere/envs/atmosphere"
    alice.stop()
    assert jobs(host) == ""


def test_no_token_is_where_others_look(host: Host, node: Host, alice: HubClient) -> None:
    """A job's environment is in its ad, which HTCondor shows to everybody: so ours is not in there."""
    alice.start(ONE)
    token = shown(alice, ATMOSPHERE, TOKEN)
    job = jobs(host)
    as_bob = "runuser -u bob -- "
    ad = host.check_output(f"{as_bob}condor_q -allusers -long {job}")
    assert 'Owner = "alice"' in ad, "others see the job"
    seen = {
        "ad": ad,
        "ads of machines": host.check_output(f"{as_bob}condor_status -any -long"),
        "/proc of the node": node.run(
            f"{as_bob}sh -c 'cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline' 2>/dev/null"
        ).stdout,
        "command lines": node.check_output("ps axww -o args") + host.check_output("ps axww -o args"),
        "logs": host.check_output("cat /var/log/condor/*; journalctl --no-pager"),
        "logs of the node": node.check_output("cat /var/log/condor/*; journalctl --no-pager"),
        "queue": host.run("grep -ra JUPYTERHUB_API_TOKEN /var/lib/condor").stdout,
        "homes": host.run(f"grep -rlF {token} /home /shared").stdout,
    }
    assert [name for name, text in seen.items() if token in text] == []
    assert (seen["queue"], seen["homes"]) == ("", "")
    assert host.check_output("find /home/alice -name '.gaia-vre-*.env'") == "", "the job removed it"
    assert host.run(f"{as_bob}cat /home/alice/.gaia-vre-session-{job}.log").rc != 0
    alice.stop()
    history = host.check_output(f"{as_bob}condor_history -long {job}")
    assert token not in history


def test_what_the_job_keeps_for_a_moment_is_the_users_alone(host: Host, alice: HubClient) -> None:
    """Until the job has begun, its variables are in a file; here it cannot begin."""
    with full(host):
        assert alice.post_form(ONE).status_code == 302
        waits(alice)
        kept = host.check_output("find /home/alice -name '.gaia-vre-*.env' -printf '%u %m\\n'")
        assert kept == "alice 600"
        assert jobs(host, "JobStatus == 1")
        alice.stop()
        assert jobs(host) == ""
    host.check_output("rm /home/alice/.gaia-vre-*.env")


@contextmanager
def full(host: Host) -> Iterator[None]:
    """A cluster on which nothing is free."""
    lines = ["executable = /bin/sleep", "arguments = 600", "transfer_executable = false", "request_cpus = 2", "queue"]
    submit = f"cd /home/bob && printf '%s\\n' {shlex.join(lines)} | runuser -u bob -- condor_submit -terse"
    job = host.check_output(submit).split(".")[0]
    try:
        try:
            until(lambda: host.check_output(f"condor_q {job} -autoformat JobStatus") == "2", BUSY)
        except LabError as error:
            told = host.run(f"condor_q {job} -better-analyze; condor_status").stdout
            raise LabError(f"the job that fills the cluster does not run: {error}\n{told}") from error
        yield
    finally:
        host.check_output(f"condor_rm {job}")


def test_a_job_that_is_removed_while_it_starts_is_told_at_once(host: Host, alice: HubClient) -> None:
    assert alice.post_form(ONE).status_code == 302
    deadline = time.monotonic() + BUSY
    while not (job := jobs(host, RUNNING)):
        assert time.monotonic() < deadline
    host.check_output(f"condor_rm {job}")
    started = time.monotonic()
    with pytest.raises(ClientError, match="The job was cancelled"):
        alice.wait_ready()
    assert time.monotonic() - started < SOON


def test_a_home_that_cannot_be_written_is_told(host: Host, alice: HubClient) -> None:
    with changed(host, "chmod 0500 /home/alice", "chmod 0700 /home/alice"), pytest.raises(ClientError) as caught:
        alice.start(ONE)
    assert "could not write into your home" in str(caught.value)


def waits(client: HubClient) -> None:
    """Read the progress page until the job waits for a free slot."""
    for event in client.progress():
        if "processors and memory are free" in str(event.get("message")):
            return


def test_a_hub_that_starts_again_keeps_its_jobs(host: Host, alice: HubClient) -> None:
    alice.start(ONE)
    job = jobs(host)
    restart(host, alice, patience=BUSY)
    assert alice.server()
    assert jobs(host) == job
    assert alice.run(ATMOSPHERE, "print(6 * 7)").stdout.strip() == "42"
    assert "Your session ends at 2" in alice.http.get(f"{alice.url}/hub/home", timeout=60).text
    alice.stop()


def test_a_job_that_waits_outlives_a_restart_of_the_hub(host: Host, alice: HubClient) -> None:
    with full(host):
        assert alice.post_form(ONE).status_code == 302
        waits(alice)
        job = jobs(host)
        restart(host, alice, patience=BUSY)
        assert jobs(host) == job
    alice.wait_ready()
    alice.open_session()
    assert jobs(host) == job
    assert alice.run(ATMOSPHERE, "print(6 * 7)").stdout.strip() == "42"
    assert "Your session ends at 2" in alice.http.get(f"{alice.url}/hub/home", timeout=60).text
    alice.stop()


def test_a_session_that_was_removed_is_told_on_the_next_page(host: Host, alice: HubClient) -> None:
    alice.start(ONE)
    host.check_output(f"condor_rm {jobs(host)}")
    deadline = time.monotonic() + BUSY
    while "has ended" not in (shown := alice.http.get(f"{alice.url}/hub/home", timeout=60).text):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert "Your last session has ended. The job was cancelled." in shown
