"""What a job runs and asks for, and what is told of it; jobs themselves run in the scenario batch."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from batchspawner import SlurmSpawner

from gaia_vre_hub.locale import MESSAGES
from gaia_vre_hub.manifest import Pin, Resources
from gaia_vre_hub.options import Choice
from gaia_vre_hub.substrates import batch, docker

ROOT = Path(__file__).resolve().parents[3]
SCHEDULERS = yaml.safe_load((ROOT / "roles/batch/vars/main.yml").read_text())["__batch_schedulers"]
DIGEST = "sha256:" + "0" * 64


def pin(source: Path, **more: Any) -> Pin:
    return Pin(
        reference=f"r/x@{DIGEST}", tag="r/x:1", digest=DIGEST, size=1, **{"launch": {"source": str(source)}, **more}
    )


def squashfs(path: Path, size: int, used: int) -> Path:
    path.write_bytes((b"hsqs" + bytes(36) + used.to_bytes(8, "little")).ljust(size, b"\0"))
    return path


def test_an_image_that_is_not_whole_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "junk").write_bytes(b"junk")
    pins = {
        "whole": pin(squashfs(tmp_path / "whole", 4096, 4000)),
        "folder": pin(tmp_path / "folder"),
        "truncated": pin(squashfs(tmp_path / "truncated", 3999, 4000)),
        "junk": pin(tmp_path / "junk"),
        "absent": pin(tmp_path / "absent"),
    }
    assert asyncio.run(batch.unusable(pins)) == ["truncated", "junk", "absent"]
    assert asyncio.run(docker.unusable(pins)) == []


def test_every_word_of_a_job_is_the_manifests(tmp_path: Path) -> None:
    bind = f"{tmp_path}/o.squashfs:/opt/gaia/ocean:ro,image-src=/"
    ocean = pin(tmp_path, launch=None, mount={"source": "o", "bind": bind}, envs_dir="/opt/gaia/ocean/envs")
    spawner = SimpleNamespace(has_trait=lambda name: name != "req_gres")
    resources = Resources(cpu=1.5, memory=(1 << 30) + 1, gpu=2, time=5401, partition="long", account="coast")
    batch.prepare(spawner, Choice("lab", {"lab": pin(tmp_path / "lab"), "ocean": ocean}, None, resources))
    assert spawner.vre_job == ["--nv", "--bind", bind, "--image", str(tmp_path / "lab")]
    assert {name: value for name, value in vars(spawner).items() if name.startswith("req_")} == {
        "req_images": f"{'0' * 64},{'0' * 64}",
        "req_nprocs": "2",
        "req_memory": "1025M",
        "req_ngpus": "2",
        "req_partition": "long",
        "req_queue": "long",
        "req_account": "coast",
        "req_runtime": "01:31:00",
        "req_seconds": 5401,
    }


@pytest.mark.parametrize(("count", "length"), [(1, 64), (15, 64), (21, 46), (201, 4)])
def test_slurm_takes_what_a_job_tells_of_many_images(count: int, length: int) -> None:
    told = batch.shortened([DIGEST] * count)
    assert set(told.split(",")) == {"0" * length}
    assert len(told) <= 1024


def test_the_admins_values_stand_for_what_resources_do_not_say() -> None:
    assert batch.asked(Resources()) == {}


def test_only_spawners_of_jobs_are_changed() -> None:
    class Other:
        pass

    assert batch.over(Other) is Other
    over = batch.over(SlurmSpawner)
    assert over is not SlurmSpawner
    assert over.__name__ == "SlurmSpawner", "its configuration is found by this name"


def test_a_session_sets_its_port_and_nothing_else() -> None:
    from jupyterhub.apihandlers import default_handlers

    batch.over(SlurmSpawner)
    handlers = [handler for path, handler in default_handlers if path.endswith("/batchspawner")]
    assert handlers == [batch.PortHandler]


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("", "queue_unknown"),
        ("None", "queue_unknown"),
        ("Resources", "queue_resources"),
        ("Priority", "queue_priority"),
        ("ReqNodeNotAvail, UnavailableNodes:node1", "queue_nodes"),
        ("PartitionDown", "queue_nodes"),
        ("QOSMaxCpuPerUserLimit", "queue_limit"),
        ("AssocGrpCPUMinutesLimit", "queue_limit"),
        ("PartitionTimeLimit", "queue_limit"),
        ("BeginTime", "queue_other"),
    ],
)
def test_why_a_job_waits(reason: str, message: str) -> None:
    assert batch.waiting(reason, SCHEDULERS["slurm"]["waits"]) == message


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("undefined", "queue_unknown"),
        ("no match found", "queue_resources"),
        ("PREEMPTION_REQUIREMENTS == False", "queue_resources"),
        ("insufficient priority", "queue_priority"),
        ("submitter limit exceeded", "queue_limit"),
        ("concurrency limit coast reached", "queue_limit"),
        ("something new", "queue_other"),
    ],
)
def test_why_a_job_of_htcondor_waits(reason: str, message: str) -> None:
    htcondor = SCHEDULERS["htcondor"]
    found = re.search(htcondor["reason"], f"1 undefined 0 undefined {reason}")
    assert found
    assert batch.waiting(found[1], htcondor["waits"]) == message


def test_a_scheduler_that_gives_no_reason_leaves_it_unknown() -> None:
    assert batch.waiting("", {}) == "queue_unknown"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("FATAL: container creation failed: failed to find loop device: permission denied", "job_fuse"),
        ("FATAL: squashfuse_ll: command not found", "job_fuse"),
        ("FATAL: failed to load data image /s/x: lstat /s/x: no such file or directory", "job_image"),
        ("FATAL: /s/x is not readable by the current user, check permissions", "job_image"),
        ("FATAL: image format not recognized", "job_image"),
        ("squashfuse_ll exited: Something went wrong trying to read the squashfs image.", "job_image"),
        ("session: line 30: echo: write error: Disk quota exceeded", "job_quota"),
        ("session: line 70: apptainer: command not found", "job_apptainer"),
        ("/usr/local/lib/gaia-vre/job-submit: line 14: /home/a/.gaia-vre-session-1.env: Permission denied", "job_home"),
    ],
)
def test_what_a_jobs_last_words_mean(said: str, message: str) -> None:
    assert batch.explained(said) == message
    assert message in MESSAGES


class Answers(batch.over(SlurmSpawner)):  # type: ignore[misc]
    """A spawner whose commands answer what a test says; how Slurm itself answers is in the scenario batch."""

    answer: Any = ""

    def get_req_subvars(self) -> dict[str, Any]:
        return {"username": "alice"}

    async def run_command(self, *_words: Any, **_more: Any) -> str:
        if isinstance(self.answer, Exception):
            raise self.answer
        return str(self.answer)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("RUNNING|None|2026-11-26T02:00:00|node1", "RUNNING"),
        ("a banner of the site\nRUNNING|None|2026-11-26T02:00:00|node1", "RUNNING"),
        ("PENDING|Resources|N/A|n/a", "PENDING"),
        ("FAILED|NonZeroExitCode|2026-11-26T02:00:00|node1", "NOTFOUND"),
        ("CANCELLED by 0|None|N/A|node1", "NOTFOUND"),
        ("", "UNKNOWN"),
        ("A_NEW_STATE|x|y|z", "UNKNOWN"),
        (RuntimeError("slurm_load_jobs error: Invalid job id specified"), "NOTFOUND"),
        (RuntimeError("slurm_load_jobs error: Unable to contact slurm controller"), "UNKNOWN"),
        (RuntimeError("sudo: a password is required"), "UNKNOWN"),
        (KeyError("getpwnam(): name not found: 'alice'"), "UNKNOWN"),
        (OSError("Cannot allocate memory"), "UNKNOWN"),
        (UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"), "UNKNOWN"),
    ],
)
def test_only_a_clear_answer_ends_a_session(answer: Any, status: str) -> None:
    assert status_of("slurm", answer) == status


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("2 undefined 1 slot1_1@node1.example.org undefined", "RUNNING"),
        ("1 undefined 0 undefined no match found", "PENDING"),
        ("1 undefined 1 undefined undefined", "NOTFOUND"),
        ("3 undefined 1 undefined undefined", "NOTFOUND"),
        ("4 undefined 1 undefined undefined", "NOTFOUND"),
        ("5 46 1 undefined undefined", "NOTFOUND"),
        ("", "NOTFOUND"),
        ("9 undefined 1 x y", "UNKNOWN"),
        (RuntimeError("-- Failed to fetch ads from: <10.0.0.1:9618>"), "UNKNOWN"),
    ],
)
def test_only_a_clear_answer_of_htcondor_ends_a_session(answer: Any, status: str) -> None:
    assert status_of("htcondor", answer) == status


def status_of(scheduler: str, answer: Any) -> str:
    """What is made of a scheduler's answer."""
    words = SCHEDULERS[scheduler]
    spawner = Answers(
        state_pending_re=words["pending"],
        state_running_re=words["running"],
        vre_finished_re=words["finished"],
        vre_gone_re=words["gone"],
    )
    spawner.job_id, spawner.answer = "12", answer
    return str(asyncio.run(spawner.query_job_status()).name)


@pytest.mark.parametrize(
    ("said", "host", "ends"),
    [
        ("RUNNING|None|2026-11-26T02:00:00|2026-11-26T02:10:00|node1", "node1", "2026-11-26T02:10:00"),
        ("a banner\nRUNNING|None|2026-11-26T02:00:00|2026-11-26T02:10:00|node1", "node1", "2026-11-26T02:10:00"),
        ("RUNNING|None|2026-11-26T02:00:00|N/A|node1", "node1", ""),
        ("PENDING|Resources|2026-11-26T02:00:00|2026-11-26T02:10:00|n/a", "n/a", ""),
    ],
)
def test_what_slurm_says_of_a_job(said: str, host: str, ends: str) -> None:
    slurm = yaml.safe_load((ROOT / "roles/batch/vars/main.yml").read_text())["__batch_schedulers"]["slurm"]
    spawner = Answers(state_exechost_re=slurm["host"], vre_ends_re=slurm["ends"], vre_start_re=slurm["start"])
    spawner.job_status = said
    assert spawner.state_gethost() == host
    assert spawner.vre_ends() == (datetime.fromisoformat(ends).timestamp() if ends else 0)


def test_a_launch_that_is_cancelled_while_it_submits_knows_its_job() -> None:
    async def cancelled() -> str:
        spawner = Answers()
        spawner.vre_submitting = asyncio.ensure_future(asyncio.sleep(0.05, "34"))
        spawner.answer = "RUNNING|None|x|node1"
        await spawner.query_job_status()
        return str(spawner.job_id)

    assert asyncio.run(cancelled()) == "34"


@pytest.mark.parametrize(
    ("name", "passes"),
    [("JUPYTERHUB_API_TOKEN", True), ("OURS", True), ("OURS2", False), ("PATH", True), ("LD_PRELOAD", False)],
)
def test_what_sudo_keeps_from_a_job_is_known(name: str, passes: bool) -> None:
    assert batch.passes(name, ["JUPYTERHUB_*", "OURS"]) is passes
