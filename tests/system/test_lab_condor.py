"""A batch centre of the lab with HTCondor, booted: jobs run, mount images, wait and end."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator

import pytest

from gaia_lab.booted import IMAGES, Booted, booted, mounted

NAME = f"test{os.getpid()}d"
CENTRE = Booted(NAME)
on, alice = CENTRE.on, CENTRE.alice
IDLE, RUNNING = "1", "2"


@pytest.fixture(autouse=True, scope="module")
def _centre() -> Iterator[None]:
    with booted("condor", NAME):
        yield


def submit(script: str, name: str, *lines: str) -> str:
    """The number of alice's new job; ``name`` is of the files in her home that it reads and writes."""
    alice(f"printf '#!/bin/sh\\n%s\\n' {shlex.quote(script)} >{name}.sh && chmod +x {name}.sh")
    files = [f"executable = {name}.sh", f"output = {name}.out", f"error = {name}.out", f"log = {name}.log"]
    description = "\n".join([*files, "should_transfer_files = NO", "request_memory = 500", *lines, "queue"])
    return alice(f"printf %s {shlex.quote(description)} | condor_submit -terse").split(".")[0]


def reached(job: str, wanted: str, patience: float = 20) -> str:
    """How a job is when it is as wanted, or when that took too long; empty when it is gone."""
    until = time.monotonic() + patience
    while (found := alice(f"condor_q {job} -autoformat JobStatus")) != wanted and time.monotonic() < until:
        time.sleep(0.2)
    return found


def test_a_job_runs_under_the_users_number_and_mounts_an_image() -> None:
    on("hub", IMAGES)
    job = submit(f"id -u; hostname; pwd; {mounted('cat /opt/gaia/ocean/name; id -u')}", "mounts")
    assert reached(job, "") == ""
    number = alice("id --user")
    assert on("hub", "cat /home/alice/mounts.out").splitlines() == [
        number,
        "node1.example.org",
        "/home/alice",
        "of the sea",
        number,
    ]


def test_a_job_waits_while_the_node_is_full() -> None:
    first, second = (submit("sleep 600", name, "request_cpus = 2") for name in ("first", "second"))
    assert reached(first, RUNNING) == RUNNING
    assert reached(second, IDLE) == IDLE
    alice(f"condor_rm {first}")
    assert reached(first, "") == ""
    assert reached(second, RUNNING) == RUNNING
    alice(f"condor_rm {second}")
    assert reached(second, "") == ""
