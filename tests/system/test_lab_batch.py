"""A batch centre of the lab, booted: what its Slurm, its shared files and Apptainer do before anything of ours."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from gaia_lab import process
from gaia_lab.booted import IMAGES, Booted, booted, down, mounted, traces, up

NAME = f"test{os.getpid()}c"
CENTRE = Booted(NAME)
on, alice = CENTRE.on, CENTRE.alice
HOSTS = ("hub", "node1", "node2")
NODES = HOSTS[1:]
PEOPLE = "id alice; id bob; id admin"


def submit(command: str, *options: str, output: str = "/dev/null") -> str:
    """The number of alice's new job."""
    return alice(shlex.join(["sbatch", "--parsable", f"--output={output}", *options, f"--wrap={command}"]))


def reached(job: str, *wanted: str, patience: float = 15) -> str:
    """Of the wanted states the one that a job is in; when that takes too long, the one that it is in."""
    until = time.monotonic() + patience
    while True:
        found = on("hub", f"squeue --noheader --states=all --job={job} --format='%T %r'")
        for state in wanted:
            if found.startswith(state):
                return state
        if time.monotonic() > until:
            return found
        time.sleep(0.2)


def printed(command: str, *options: str) -> list[str]:
    """The lines that a job of alice writes into her home, as the hub sees them."""
    output = f"/home/alice/{time.monotonic_ns()}"
    job = submit(command, *options, output=output)
    assert reached(job, "COMPLETED", "FAILED") in {"COMPLETED", "FAILED"}
    return on("hub", f"cat {output}").splitlines()


@pytest.fixture(autouse=True, scope="module")
def _centre() -> Iterator[None]:
    with booted("batch", NAME):
        yield


@pytest.fixture(autouse=True, scope="module")
def outrun(_centre: None) -> str:
    """A job whose time is up: the first, as Slurm looks for such only every half minute."""
    job = submit("sleep 600", "--partition=long")
    assert reached(job, "RUNNING") == "RUNNING"
    on("hub", f"scontrol update JobId={job} EndTime=now")
    return job


@pytest.mark.parametrize("host", HOSTS)
def test_names_resolve_from_each_host(host: str) -> None:
    for port, name in ((22, "hub"), (22, "node1"), (22, "node2.example.org"), (443, "registry.example.org")):
        on(host, f"timeout 5 bash -c 'echo >/dev/tcp/{name}/{port}'")


def test_people_are_the_same_on_all_hosts() -> None:
    assert len({on(host, PEOPLE) for host in HOSTS}) == 1


def test_all_hosts_see_the_same_files() -> None:
    on("node1", "runuser -u alice -- touch /home/alice/seen; install -d -o bob /shared/bob")
    for host in HOSTS:
        assert on(host, "stat --format=%U /home/alice/seen /shared/bob").split() == ["alice", "bob"]


def test_a_lock_holds_on_all_hosts() -> None:
    words = CENTRE.command("node1", "flock /shared/lock sh -c 'echo held; cat'")
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdin
        assert holder.stdout.readline() == b"held\n"
        assert on("hub", "flock --nonblock /shared/lock true || echo refused") == "refused\n"
        holder.stdin.close()
    assert on("hub", "flock --timeout 5 /shared/lock echo free") == "free\n"


def test_munge_works_across_hosts() -> None:
    credential = on("node1", "runuser -u alice -- munge --no-input")
    for host in HOSTS:
        assert "STATUS:          Success" in on(host, f"echo {credential.strip()} | unmunge")


def test_partitions() -> None:
    listed = on("hub", "sinfo --noheader --Node --format='%P %N %l %c %m %G'").splitlines()
    assert sorted(line.strip() for line in listed) == [
        "long node2 1-00:00:00 2 4000 gpu:1",
        "short* node1 10:00 2 4000 (null)",
        "short* node2 10:00 2 4000 gpu:1",
    ]


@pytest.mark.parametrize("node", NODES)
def test_a_job_runs_under_the_users_number_and_writes_into_the_home(node: str) -> None:
    number, host, folder = printed("id --user; hostname; pwd", f"--nodelist={node}")
    assert (number, host, folder) == (alice("id --user"), f"{node}.example.org", "/home/alice")


def test_a_gpu_is_counted() -> None:
    job = "hostname; echo gpu $CUDA_VISIBLE_DEVICES"
    assert printed(job, "--gres=gpu:1") == ["node2.example.org", "gpu 0"]


def test_a_job_mounts_an_image_without_root() -> None:
    on("hub", IMAGES)
    inside = "cat /opt/gaia/ocean/name; id -u; touch /opt/gaia/ocean/new"
    name, number, refused = printed(mounted(inside), "--nodelist=node1")
    assert (name, number) == ("of the sea", alice("id --user"))
    assert refused.endswith("Read-only file system")


def test_a_job_waits_while_the_node_is_full() -> None:
    whole = ("--nodelist=node1", "--cpus-per-task=2")
    first, second = submit("sleep 600", *whole), submit("sleep 600", *whole)
    assert reached(first, "RUNNING") == "RUNNING"
    assert reached(second, "PENDING Resources") == "PENDING Resources"
    alice(f"scancel {first}")
    assert reached(first, "CANCELLED") == "CANCELLED"
    assert reached(second, "RUNNING") == "RUNNING"
    alice(f"scancel {second}")
    assert reached(second, "CANCELLED") == "CANCELLED"


def test_what_a_partition_does_not_allow_is_refused() -> None:
    refused = alice("sbatch --time=20 --wrap=true || true")
    assert "Requested time limit is invalid" in refused
    refused = alice("sbatch --mem=5000 --wrap=true || true")
    assert "Requested node configuration is not available" in refused


def test_a_job_fails_with_its_node() -> None:
    job = submit("sleep 600", "--nodelist=node1", "--no-requeue")
    assert reached(job, "RUNNING") == "RUNNING"
    on("hub", "scontrol update NodeName=node1 State=DOWN Reason=test")
    assert reached(job, "NODE_FAIL") == "NODE_FAIL"
    on("hub", "scontrol update NodeName=node1 State=RESUME")


def test_a_node_that_was_killed_comes_back() -> None:
    pid = process.recorded(CENTRE.lab.host("node1").pid_file)
    assert pid
    os.kill(process.children(pid)[0], signal.SIGKILL)
    up("batch", NAME)
    assert printed("hostname", "--nodelist=node1") == ["node1.example.org"]


def test_a_job_ends_with_its_time(outrun: str) -> None:
    assert reached(outrun, "TIMEOUT", patience=60) == "TIMEOUT"


def test_down_leaves_nothing_of_running_jobs() -> None:
    found = CENTRE.lab
    output = "/home/alice/mounted"
    submit(mounted("cat /opt/gaia/ocean/name; sleep 600"), output=output)
    on("hub", f"timeout 15 sh -c 'until grep --silent sea {output}; do sleep 0.2; done'")
    assert traces(found.folder, found.index)
    down(NAME)
    assert traces(found.folder, found.index) == []
