"""The jobs of each scheduler, and what the hub is told of it, made and read by the programs that do so at a centre.

Slurm and HTCondor run theirs in the scenarios batch and condor; of PBS and LSF this is all that is tried.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import batchspawner
import pytest
import yaml
from batchspawner.batchspawner import format_template
from traitlets.config import Config

from gaia_vre_hub.manifest import Pin, Resources
from gaia_vre_hub.options import Choice
from gaia_vre_hub.substrates import batch

ROOT = Path(__file__).resolve().parents[3]
ROLE = ROOT / "roles/batch"
NAMES = ("slurm", "htcondor", "pbs", "lsf")
TEMPLATES = ("50-batch.py", "job-submit.conf", "session.conf", "sudoers", "hub-unit.conf")
SECRET = "0a1b2c3d-a-token"
VARIABLES = {
    "JUPYTERHUB_API_TOKEN": SECRET,
    "JUPYTERHUB_USER": "alice",
    "LANG": "C.UTF-8",
    "LSF_ENVDIR": "/opt/lsf/conf",
    "PATH": "/opt/gaia-vre/venv/bin",
}
DIGEST = "0" * 64
# What the scheduler says of jobs: one of few images, one of many, one that waits and one that does not tell.
AT_WORK = [
    f"gaia-vre-1a2b3c alice 7 {DIGEST},{'1' * 64} 2026-11-27T08:00:00",
    "gaia-vre-1a2b3c bob 8 2222,3333 N/A",
    f"gaia-vre-4d5e6f carol 9 {DIGEST} N/A",
    "gaia-vre-4d5e6f dave 10 (null) 2026-11-27T08:00:00",
]
NONE = Resources()
ALL = Resources(cpu=1.5, memory=(1 << 30) + 1, gpu=2, time=5401, partition="long", account="coast")

# The options of each scheduler, by its manual.
DOCUMENTED = {
    # Source: Slurm 26.05, sbatch(1), "OPTIONS".
    "slurm": """
        account acctg-freq array batch bb bbf begin chdir clusters comment constraint container contiguous
        core-spec cores-per-socket cpu-freq cpus-per-gpu cpus-per-task deadline delay-boot dependency
        distribution error exclude exclusive export export-file extra extra-node-info get-user-env gid
        gpu-bind gpu-freq gpus gpus-per-node gpus-per-socket gpus-per-task gres gres-flags hint hold
        ignore-pbs input job-name kill-on-invalid-dep licenses mail-type mail-user mcs-label mem mem-bind
        mem-per-cpu mem-per-gpu mincpus network nice no-kill no-requeue nodefile nodelist nodes ntasks
        ntasks-per-core ntasks-per-gpu ntasks-per-node ntasks-per-socket oom-kill-step open-mode output
        overcommit oversubscribe parsable partition prefer priority profile propagate qos quiet reboot requeue
        reservation resv-ports segment signal sockets-per-node spread-job stepmgr switches test-only
        thread-spec threads-per-core time time-min tmp tres-bind tres-per-task uid use-min-nodes verbose wait
        wait-all-nodes wckey wrap
    """,
    # Source: HTCondor 25, condor_submit(1), "SUBMIT DESCRIPTION FILE COMMANDS".
    "htcondor": """
        accounting_group accounting_group_user allowed_execute_duration allowed_job_duration arguments
        batch_name error executable getenv environment hold initialdir input job_lease_duration leave_in_queue
        log max_retries nice_user notification on_exit_hold on_exit_remove output periodic_hold
        periodic_release periodic_remove priority queue rank request_cpus request_disk request_gpus
        request_memory require_gpus requirements should_transfer_files stream_error stream_output
        transfer_executable transfer_input_files transfer_output_files universe when_to_transfer_output
    """,
    # Source: OpenPBS, qsub(1B), "OPTIONS".
    "pbs": """
        a A c C e f h I j J k l m M N o p P q r R S u v V W z
    """,
    # Source: IBM Spectrum LSF 10.1, command reference, bsub, "Options".
    "lsf": """
        a app ar B b C c cn_cu cn_mem csm cwd D data datachk datagrp E Ep e env eo eptl ext F f freq G g gpu H
        hl hostfile I i is IS J Jd jobaff jsm K k L Lp M m mig N n Ne nn notify ns o oo outdir P p pack ptl Q
        q R r rn rcacct rnc S s sla smt sp stage step T t ti tty u ul v W w We wa wt x XF Zs
    """,
}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what Ansible makes of the role's templates, by scheduler."""
    folder = tmp_path_factory.mktemp("batch")
    (folder / "files").symlink_to(ROLE / "files")
    plays = [
        {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "vars_files": [str(ROLE / "defaults/main.yml"), str(ROLE / "vars/main.yml")],
            "tasks": [
                {
                    "ansible.builtin.copy": {
                        "dest": f"{folder}/{name}.json",
                        "content": "{{ texts | to_json }}",
                        "mode": "0600",
                    },
                    "vars": {
                        "batch_scheduler": name,
                        "batch_users_group": "vre-users",
                        "hub_url": "https://hub.example.org",
                        "images_store_dir": "/shared/gaia-vre",
                        "__batch_at_work": {"stdout_lines": AT_WORK},
                        "texts": {
                            "digests": "{{ __batch_digests | join(' ') }}",
                            **{
                                one: f"{{{{ lookup('ansible.builtin.template', '{ROLE}/templates/{one}.j2') }}}}"
                                for one in TEMPLATES
                            },
                        },
                    },
                }
            ],
        }
        for name in NAMES
    ]
    (folder / "render.yml").write_text(yaml.safe_dump(plays))
    command = [str(Path(sys.prefix) / "bin/ansible-playbook"), "-i", "localhost,", str(folder / "render.yml")]
    environment = {**os.environ, "ANSIBLE_PYTHON_INTERPRETER": sys.executable}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in NAMES:
        (folder / name).mkdir()
        for template, text in json.loads((folder / f"{name}.json").read_text()).items():
            (folder / name / template).write_text(text)
    return folder


def configured(folder: Path, name: str) -> Config:
    """The hub's configuration of a scheduler, as JupyterHub reads it."""
    config = Config()
    source = (folder / name / "50-batch.py").read_text()
    exec(compile(source, "50-batch.py", "exec"), {"c": config})  # noqa: S102 - the hub does no other
    return config


def spawner(folder: Path, name: str, resources: Resources = NONE) -> Any:
    """A spawner of that scheduler with a choice of two images, about to submit."""
    config = configured(folder, name)
    base = getattr(batchspawner, config.JupyterHub.spawner_class.rpartition(".")[2])

    class Sample(batch.over(base)):  # type: ignore[misc]
        """One that has its variables and arguments from here, not from a hub."""

        def get_env(self) -> dict[str, str]:
            return dict(VARIABLES)

        def get_args(self) -> list[str]:
            return []

    Sample.__name__ = base.__name__
    found = Sample(config=config, req_username="alice", req_homedir="/home/alice")
    pins = {
        "lab": pin(launch={"source": "/s/lab"}),
        "ocean": pin(mount={"source": "/s/o", "bind": "/s/o:/opt/gaia/ocean:ro,image-src=/"}),
    }
    batch.prepare(found, Choice("lab", pins, None, resources))
    found.vre_name()
    return found


def pin(**more: Any) -> Pin:
    return Pin(reference=f"r/x@sha256:{DIGEST}", tag="r/x:1", digest=f"sha256:{DIGEST}", size=1, **more)


def job(folder: Path, name: str, resources: Resources = NONE) -> str:
    """The job that would be submitted."""
    one = spawner(folder, name, resources)
    return str(format_template(one.batch_script, **one.get_req_subvars(), cmd=one.cmd_formatted_for_batch()))


def directives(name: str, text: str) -> list[tuple[str, str]]:
    """The options of a job, in its order."""
    if name == "htcondor":
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith(("#", "+"))]
        return [(key.strip().lower(), value.strip()) for key, _sep, value in (line.partition("=") for line in lines)]
    prefix = {"slurm": "#SBATCH --", "pbs": "#PBS -", "lsf": "#BSUB -"}[name]
    marked = [line for line in text.splitlines() if line.startswith(prefix.split()[0])]
    assert all(line.startswith(prefix) for line in marked), marked
    split = [re.split(r"=" if name == "slurm" else r" ", line.removeprefix(prefix), maxsplit=1) for line in marked]
    return [(words[0], words[1] if words[1:] else "") for words in split]


@pytest.mark.parametrize("name", NAMES)
def test_what_jobs_use_is_read_from_what_they_tell(rendered: Path, name: str) -> None:
    told = (rendered / name / "digests").read_text().split()
    assert told == [f"sha256:{digest}" for digest in (DIGEST, "1" * 64, "2222", "3333")]


@pytest.mark.parametrize("resources", [NONE, ALL], ids=["none", "all"])
@pytest.mark.parametrize("name", NAMES)
def test_every_directive_is_in_the_manual(rendered: Path, name: str, resources: Resources) -> None:
    found = directives(name, job(rendered, name, resources))
    assert len(found) > 3
    assert [key for key, _value in found if key not in DOCUMENTED[name].split()] == []
    once = [key for key, _value in found if (name, key) != ("pbs", "l")]
    assert len(once) == len(set(once)), "nothing is said twice"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "slurm",
            ["partition=long", "account=coast", "time=01:31:00", "mem=1025M", "cpus-per-task=2", "gres=gpu:2"],
        ),
        (
            "htcondor",
            [
                "accounting_group=coast",
                "allowed_job_duration=5401",
                "request_memory=1025M",
                "request_cpus=2",
                "request_gpus=2",
            ],
        ),
        ("pbs", ["q=long", "A=coast", "l=walltime=01:31:00", "l=select=1:ncpus=2:mem=1025mb:ngpus=2"]),
        ("lsf", ["q=long", "P=coast", "W=01:31", "M=1025MB", "n=2", 'gpu="num=2"']),
    ],
)
def test_a_job_asks_for_what_the_resources_say_and_for_nothing_else(rendered: Path, name: str, said: list[str]) -> None:
    def asked(resources: Resources) -> set[str]:
        found = directives(name, job(rendered, name, resources))
        return {f"{key}={value}" for key, value in found if key != "arguments"}

    assert asked(ALL) - asked(NONE) == set(said)


@pytest.mark.parametrize("name", NAMES)
def test_a_job_is_no_more_than_its_session(rendered: Path, name: str, tmp_path: Path) -> None:
    text = job(rendered, name, ALL)
    assert SECRET not in text
    script = tmp_path / "job"
    if name == "htcondor":
        arguments = next(value for key, value in directives(name, text) if key == "arguments")
        match = re.fullmatch(r"\"-c '(.*)'\"", arguments)
        assert match, arguments
        text = match[1]
        assert not set(text) & set("'\"$"), "HTCondor or the shell would read these"
    script.write_text(text)
    subprocess.run(["bash", "-n", str(script)], check=True)
    command = next(line for line in text.splitlines() if line.startswith("exec "))
    words = shlex.split(command.partition(" >")[0])
    assert words[:2] == ["exec", "/shared/gaia-vre/bin/gaia-vre-5319f6/session"]
    assert words[4:] == [
        "--nv",
        "--bind",
        "/s/o:/opt/gaia/ocean:ro,image-src=/",
        "--image",
        "/s/lab",
        "--",
        "batchspawner-singleuser",
        "jupyterhub-singleuser",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_variables_are_no_schedulers_where_it_may_show_them(rendered: Path, name: str) -> None:
    one = spawner(rendered, name)
    text = str(format_template(one.batch_script, **one.get_req_subvars(), cmd=one.cmd_formatted_for_batch()))
    submits = one._vre_command(one.batch_submit_cmd)
    if name == "slurm":
        assert submits == "sudo -n -u alice -- /usr/bin/sbatch --parsable"
        assert " --pass JUPYTERHUB_API_TOKEN,JUPYTERHUB_USER,LANG " in text
    else:
        assert re.fullmatch("[0-9a-f]{16}", one.req_kept)
        program = "/usr/local/lib/gaia-vre/job-submit"
        names = "JUPYTERHUB_API_TOKEN,JUPYTERHUB_USER,LANG"
        assert submits == f"sudo -n -u alice -- {program} {one.req_kept} {names}"
        assert f" --kept {one.req_kept} " in text
        assert "JUPYTERHUB" not in text


def test_a_job_keeps_what_is_there_when_it_is_submitted(rendered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A former job of the same spawner may have been asked for before there was a choice."""
    one = spawner(rendered, "slurm")
    one._vre_command(one.batch_cancel_cmd, "12")
    monkeypatch.setitem(VARIABLES, "GAIA_VRE_SESSION", "{}")
    one.vre_name()
    text = str(format_template(one.batch_script, **one.get_req_subvars(), cmd=one.cmd_formatted_for_batch()))
    assert dict(directives("slurm", text))["export"].split(",") == sorted(VARIABLES)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "slurm"])
def test_what_is_kept_for_a_job_is_the_users_alone_and_goes_when_it_is_not_taken(
    rendered: Path, name: str, tmp_path: Path
) -> None:
    """The whole of it runs in the scenario condor; here the submit command is one that says what it was given."""
    submit = {"htcondor": "condor_submit", "pbs": "qsub -f", "lsf": "bsub"}[name]
    configuration = (rendered / name / "job-submit.conf").read_text()
    assert configuration.splitlines()[-1] == f"hub=gaia-vre-5319f6 submit=(/usr/bin/{submit}) minutes=70"
    home, programs = tmp_path / "home", tmp_path / "programs"
    home.mkdir()
    programs.mkdir()
    script = (ROLE / "files/job-submit").read_text()
    (programs / "job-submit").write_text(script.replace('$(getent passwd "$(id -u)" | cut -d: -f6)', str(home)))
    variables = {**os.environ, "A": "one\ntwo", "B": SECRET}

    def run(last: str, *words: str) -> subprocess.CompletedProcess[str]:
        (programs / "job-submit.conf").write_text(configuration.replace(f"/usr/bin/{submit}", f"sh -c '{last}'"))
        command = ["bash", str(programs / "job-submit"), *words]
        return subprocess.run(command, env=variables, input="job", capture_output=True, text=True, check=False)

    done = run("cat; env", "0123456789abcdef", "A,B,C")
    assert done.stdout.startswith("job")
    assert SECRET not in done.stdout
    (kept,) = home.iterdir()
    assert (kept.name, kept.stat().st_mode & 0o777) == (".gaia-vre-5319f6-0123456789abcdef.env", 0o600)
    assert kept.read_text() == f"A=one\ntwo\0B={SECRET}\0"
    os.utime(kept, (0, 0))
    assert run("exit 3", "fedcba9876543210", "A,B").returncode == 3
    assert list(home.iterdir()) == [], "neither that of a job that was refused, nor an old one"
    assert run("true", "../../0123456789", "A").returncode == 2
    assert run("true", "0123456789abcdef", "A B").returncode == 2


@pytest.mark.parametrize("name", NAMES)
def test_the_hubs_configuration_names_what_there_is(rendered: Path, name: str) -> None:
    config = configured(rendered, name)
    one = spawner(rendered, name)
    unknown = [key for key in config.BatchSpawnerBase if not one.has_trait(key)]
    # A scheduler whose states batchspawner reads itself has no expressions for them.
    assert unknown == []
    for expression in (
        one.vre_reason_re,
        one.vre_start_re,
        one.vre_finished_re,
        one.vre_ends_re,
        one.vre_gone_re,
        *one.vre_ended,
    ):
        re.compile(expression)
    assert set(one.vre_ended.values()) <= set(batch.ENDED)
    assert set(one.vre_waits.values()) <= set(batch.WAITS)
    assert one.vre_launcher == "/shared/gaia-vre/bin/gaia-vre-5319f6/session"
    for command in (one.batch_query_cmd, one.batch_cancel_cmd):
        assert "12" in shlex.split(one._vre_command(command, "12"))


@pytest.mark.parametrize("name", NAMES)
def test_the_hub_may_run_what_it_runs_and_nothing_else(rendered: Path, name: str) -> None:
    rules = (rendered / name / "sudoers").read_text()
    (allowed,) = (line for line in rules.splitlines() if line.startswith("Cmnd_Alias"))
    one = spawner(rendered, name)
    patterns = [re.sub(r"\\(.)", r"\1", rule.strip()) for rule in re.split(r"(?<!\\),", allowed.partition("=")[2])]
    for template in (one.batch_submit_cmd, one.batch_query_cmd, one.batch_cancel_cmd, one.vre_log_cmd):
        command = " ".join(shlex.split(one._vre_command(template, "12"))[5:])
        assert [rule for rule in patterns if re.fullmatch(re.escape(rule).replace(r"\*", ".*"), command)], command
    assert len(patterns) == 4


@pytest.mark.parametrize("name", NAMES)
def test_what_scripts_read_is_bash(rendered: Path, name: str) -> None:
    for script in (rendered / name / "job-submit.conf", rendered / name / "session.conf"):
        subprocess.run(["bash", "-n", str(script)], check=True)


def test_all_schedulers_are_here() -> None:
    options = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    assert set(options["batch_scheduler"]["choices"]) == set(NAMES)
    assert {path.name for path in (ROLE / "files/jobs").iterdir()} == set(NAMES)
