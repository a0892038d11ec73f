"""Batch: the session is the user's own job, in which Apptainer runs the system image and binds the business images.

:func:`over` lays what is needed over any spawner class of batchspawner 1.3: only names of the manifest reach a command
line, a job that ends is told at once with its last words, and only a job that is known to be gone is taken for gone.
"""

from __future__ import annotations

import asyncio
import grp
import hashlib
import math
import os
import pwd
import re
import secrets
import time
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from jupyterhub.apihandlers import APIHandler, default_handlers
from tornado import web
from traitlets import Bool, Dict, Integer, List, Unicode

from gaia_vre_hub.errors import FailedError, RefusedError, Unready
from gaia_vre_hub.manifest import Pin, Resources
from gaia_vre_hub.options import Choice
from gaia_vre_hub.reachable import listens
from gaia_vre_hub.resume import resume
from gaia_vre_hub.unstopped import LONGEST, Unstopped
from gaia_vre_hub.words import lasting, line

# What a local account may be called: it becomes a word of a command line. Source: useradd(8).
ACCOUNT = re.compile(r"[a-z_][a-z0-9_.-]{0,30}[a-z0-9_$-]?")
# Of the hub's process, and wrong or useless in a job's container.
NOT_PASSED = frozenset(
    {"PATH", "HOME", "USER", "SHELL", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_ROOT", "CONDA_DEFAULT_ENV", "LD_LIBRARY_PATH"}
)
# A squashfs superblock: its magic, and how many bytes the file system has. Source: Linux, fs/squashfs/squashfs_fs.h.
MAGIC, USED, SUPERBLOCK = b"hsqs", slice(40, 48), 96
PATIENCE = 5  # seconds for a look at the store, which may be on another machine
ANSWER = 60  # seconds for a scheduler's answer
# Of its own, so that a file system that hangs holds nothing else of the hub.
_looks = ThreadPoolExecutor(2, "store")
_unstopped = Unstopped()
QUEUED = 25  # percent of a launch whose job waits
MOST_LINES = 3  # of what a job said last
LONGEST_COMMENT = 1005  # characters; Slurm takes 1024, and 200 images and the system image have four digits each in it
# How a job may end, in words of the configuration, and the message that tells it.
ENDED = {
    "time": "job_time",
    "memory": "job_memory",
    "cancelled": "job_cancelled",
    "node": "job_node",
    "home": "job_home",
}
# Why a job may wait, in words of the configuration, and the message that tells it.
WAITS = {
    "unknown": "queue_unknown",
    "resources": "queue_resources",
    "priority": "queue_priority",
    "nodes": "queue_nodes",
    "limit": "queue_limit",
}
# What Apptainer, the shell and the disk say when a session cannot start, and the message that explains it.
EXPLAINED = {
    "job_fuse": r"failed to find loop device|squashfuse\w*: (command )?not found|fusermount|/dev/fuse",
    "job_image": (
        r"failed to load data image|image format not recognized|trying to read the squashfs image|"
        r"is not readable by the current user|doesn't exist in image|could not open image"
    ),
    "job_home": r"job-submit: .*(Permission denied|No such file or directory|Read-only file system)",
    "job_quota": r"[Dd]isk quota exceeded|No space left on device",
    "job_apptainer": r"apptainer: (command )?not found",
}


async def missing(spawner: Any, choice: Choice) -> list[str]:
    """Names of chosen images that a job could not use: one of them would keep all of it from starting.

    :raises Unready: when the hub's spawner submits no jobs, the user has no account, or the store does not answer.
    """
    if not hasattr(spawner, "vre_job"):
        raise Unready("wrong_spawner", value=type(spawner).__name__.removeprefix("Vre"), wanted="batchspawner")
    name = spawner.user.name
    if not await asyncio.to_thread(_may_submit, name, spawner.vre_group):
        raise Unready("no_account", status=403, value=name)
    found = await _look(choice.images)
    if found is None:
        raise Unready("store")
    return found


def _may_submit(name: str, group: str) -> bool:
    """Whether there is such an account, a member of the group that may submit jobs."""
    try:
        account = pwd.getpwnam(name if ACCOUNT.fullmatch(name) else "")
        return not group or grp.getgrnam(group).gr_gid in os.getgrouplist(name, account.pw_gid)
    except KeyError:
        return False


async def unusable(pins: dict[str, Pin]) -> list[str]:
    """Names of images that are not whole in the store, by a quick look; all of them when it does not answer."""
    found = await _look(pins)
    return list(pins) if found is None else found


async def _look(pins: dict[str, Pin]) -> list[str] | None:
    """Names of images that are not whole in the store; None when it does not answer."""

    def look() -> list[str]:
        return [name for name, pin in pins.items() if not _whole(Path((pin.launch or pin.mount or {})["source"]))]

    try:
        return await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(_looks, look), PATIENCE)
    except TimeoutError:
        return None


def _whole(path: Path) -> bool:
    """Whether there is a folder, or a file with all the bytes that its squashfs superblock says."""
    try:
        if path.is_dir():
            return True
        with path.open("rb") as file:
            head = file.read(SUPERBLOCK)
            return head.startswith(MAGIC) and int.from_bytes(head[USED], "little") <= file.seek(0, 2)
    except OSError:
        return False


def prepare(spawner: Any, choice: Choice) -> None:
    """Set what the job runs and asks for."""
    resources = choice.resources
    words = ["--nv"] if resources is not None and resources.gpu else []
    for pin in choice.business:
        words += ["--bind", str((pin.mount or {})["bind"])]
    spawner.vre_job = [*words, "--image", str((choice.launch.launch or {})["source"])]
    # The scheduler then tells what a job uses, also when no hub does; the store is cleaned by that.
    spawner.req_images = shortened([pin.digest for pin in choice.images.values()])
    if resources is not None:
        for name, value in asked(resources).items():
            if spawner.has_trait(name):  # what this scheduler knows
                setattr(spawner, name, value)


def shortened(digests: Sequence[str]) -> str:
    """The digests without their ``sha256:``, with commas between them, each cut to the same length where they are many.

    A cut one may stand for another image as well, which then stays for as long as the job: nothing in use goes.
    """
    length = LONGEST_COMMENT // len(digests) - 1
    return ",".join(digest.partition(":")[2][:length] for digest in digests)


def asked(resources: Resources) -> dict[str, Any]:
    """Variables of job templates, where resources say something; the admin's own values stand for the rest."""
    found: dict[str, Any] = {}
    if resources.cpu:
        found["req_nprocs"] = str(math.ceil(resources.cpu))
    if resources.memory:
        found["req_memory"] = f"{math.ceil(resources.memory / (1 << 20))}M"
    if resources.gpu:
        found |= {"req_ngpus": str(resources.gpu), "req_gres": f"gpu:{resources.gpu}"}
    if resources.partition:
        found |= {"req_partition": resources.partition, "req_queue": resources.partition}
    if resources.account:
        found["req_account"] = resources.account
    if resources.time:
        minutes = math.ceil(resources.time / 60)
        found |= {"req_runtime": f"{minutes // 60:02}:{minutes % 60:02}:00", "req_seconds": resources.time}
    return found


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _is_port(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1024 <= value < 65536


class PortHandler(APIHandler):  # type: ignore[misc]
    """Where a job says on which port its server listens; in place of batchspawner's own.

    That one sets any attribute of the spawner which the session names, so that a user's token could set the commands
    that the hub runs (batchspawner 1.3.0, batchspawner/api.py).
    """

    @web.authenticated
    def post(self) -> None:
        """Take the port of a job that starts, once."""
        token, data = self.get_auth_token(), self.get_json_body()
        spawners = getattr(self.current_user, "spawners", {})  # a service has none
        owner = next((one for one in spawners.values() if token and one.vre_token == _digest(token)), None)
        port = data.get("port") if isinstance(data, dict) and set(data) == {"port"} else None
        if owner is None or owner.port or not _is_port(port):
            raise web.HTTPError(400, "only the port of a job that starts can be set, once")
        owner.port = port
        owner.vre_keep()
        self.set_status(201)
        self.finish({})


def over(base: type[Any]) -> type[Any]:  # noqa: C901 - one class, many short methods
    """The spawner class ``base`` with our part of a job, where it is one of batchspawner's; else ``base`` itself."""
    if not any(parent.__name__ == "BatchSpawnerBase" for parent in base.__mro__):
        return base
    from batchspawner.batchspawner import JobStatus, format_template

    for number, handler in enumerate(default_handlers):
        if handler[0].endswith("/batchspawner"):
            default_handlers[number] = (handler[0], PortHandler)

    class BatchSpawner(base):  # type: ignore[misc]
        """Runs the system image in a job."""

        vre_launcher = Unicode("", help="The program that runs a session's images, on each node; required.").tag(
            config=True
        )
        vre_passed = List(Unicode(), ["*"], help="Names of variables that sudo lets through; * at the end of one.").tag(
            config=True
        )
        vre_group = Unicode("", help="Only its members may submit jobs; empty for everybody.").tag(config=True)
        vre_log_cmd = Unicode("", help="Prints the output of the user's job {job_id}; empty for none.").tag(config=True)
        vre_reason_re = Unicode("", help="Its group is why a job waits, in the job's status.").tag(config=True)
        vre_waits = Dict(help=f"One of {', '.join(WAITS)}, by what the whole of such a reason is.").tag(config=True)
        vre_start_re = Unicode("", help="Its group is when a job is expected to start.").tag(config=True)
        vre_ends_re = Unicode("", help="Its group is when the time of a job that runs is up.").tag(config=True)
        vre_finished_re = Unicode(r"\A\s*\Z", help="The status of a job that has ended.").tag(config=True)
        vre_said_re = Unicode("", help="Its group is how a job ended, in its status.").tag(config=True)
        vre_gone_re = Unicode("", help="What a query that fails says of a job that is gone.").tag(config=True)
        vre_ended = Dict(help=f"One of {', '.join(ENDED)}, by what a job's status says of how it ended.").tag(
            config=True
        )
        vre_keeps = Bool(
            False,
            help="Whether batch_submit_cmd keeps the variables {passed} for the job, by the name {kept}, where the "
            "scheduler would show them to others.",
        ).tag(config=True)
        req_kept = Unicode("", help="Name by which the job finds its variables.")
        req_passed = Unicode("", help="Names of the session's variables, with commas between them.")
        req_seconds = Integer(0, help="How long a job may take, in seconds; 0 for the partition's limit.").tag(
            config=True
        )
        req_name = Unicode("gaia-vre", help="Name of the hub's jobs.").tag(config=True)
        req_images = Unicode("", help="Digests of the job's images, of `shortened`.")
        vre_job: list[str] = []  # noqa: RUF012 - never changed, only replaced
        vre_last = ("", "")  # the last job's id and status, when its state was cleared
        vre_submitting: asyncio.Future[str] | None = None
        vre_token = ""  # while a job starts, the digest of the token by which it may tell its port
        vre_time_up = 0.0  # when the job's time is up, as far as its resources say it; 0 for unknown

        # -- what a hub that starts again has to know -----------------------------------------

        def load_state(self, state: dict[str, Any]) -> None:
            """Take up what the former hub knew."""
            super().load_state(state)
            self.vre_token, self.vre_time_up = state.get("vre_token", ""), state.get("vre_time_up", 0.0)
            self.req_seconds = state.get("vre_seconds", self.req_seconds)
            if "vre_port" in state:
                self.port = state["vre_port"]
            for job, since in state.get("vre_unstopped", {}).items():
                if time.time() < since + LONGEST:
                    self._vre_stop_later(job, since)

        def get_state(self) -> dict[str, Any]:
            """The job, where it starts what it may still tell, and which others still have to be stopped."""
            mine = {"vre_time_up": self.vre_time_up, "vre_unstopped": _unstopped.of(self._log_name)}
            if self.vre_token:
                mine |= {"vre_token": self.vre_token, "vre_port": self.port, "vre_seconds": self.req_seconds}
            return {**super().get_state(), **{name: value for name, value in mine.items() if value}}

        def vre_keep(self) -> None:
            """Write the state into the hub's database."""
            self.orm_spawner.state = self.get_state()
            self.user.db.commit()

        # -- what is submitted ----------------------------------------------------------------

        def cmd_formatted_for_batch(self) -> str:
            """What runs in the job; every word is the admin's, the manifest's, or a variable's name."""
            if not self.vre_launcher:
                raise FailedError(
                    "vre_launcher is not set. Remedy: the path of roles/batch/files/session on the nodes."
                )
            variables = ["--kept", self.req_kept] if self.vre_keeps else ["--pass", self.req_passed]
            return " ".join([self.vre_launcher, *variables, *self.vre_job, "--", super().cmd_formatted_for_batch()])

        def get_env(self) -> dict[str, str]:
            """As the hub's own, and how long the job may take."""
            found: dict[str, str] = super().get_env()
            return {**found, "GAIA_VRE_SECONDS": str(self.req_seconds)} if self.req_seconds else found

        def vre_name(self) -> None:
            """Name the session's variables, and by what the job finds them."""
            names = self.get_env().keys()
            lost = [name for name in names if not passes(name, self.vre_passed)]
            if lost:
                told = "sudo keeps from a job what batch_environment does not name: %s"
                self.log.warning(told, ", ".join(sorted(lost)))
            self.req_kept = secrets.token_hex(8)
            # LSF_… are the scheduler's own, for its commands.
            self.req_passed = ",".join(sorted(name for name in names - NOT_PASSED if not name.startswith("LSF_")))
            self.req_keepvars = ",".join(sorted(names))  # batchspawner's is of when a command was last needed

        async def submit_batch_script(self) -> str:
            """Submit the job. What a user chose is in none of the template's variables, and no token in the log.

            :raises FailedError: with what the scheduler says when it takes no job.
            """
            self.vre_token = _digest(self.api_token)
            self.vre_name()
            command = self._vre_command(self.batch_submit_cmd)
            script = await self._get_batch_script(**self.get_req_subvars(), cmd=self.cmd_formatted_for_batch())
            try:
                # A launch that is cancelled meanwhile waits for it in query_job_status: nobody else would know the job.
                self.vre_submitting = asyncio.ensure_future(self.run_command(command, input=script, env=self.get_env()))
                self.job_id = self.parse_job_id(await asyncio.shield(self.vre_submitting))
            except Exception as error:  # whatever a scheduler's answer makes of batchspawner's code
                self.log.error("no job for %s: %s", self._log_name, error)
                raise self._vre_failed(explained(str(error)) or "job_refused", str(error)) from error
            self.log.info("job %s submitted for %s", self.job_id, self._log_name)
            self.vre_keep()
            return str(self.job_id)

        # -- what becomes of it ---------------------------------------------------------------

        async def query_job_status(self) -> Any:
            """The job's status. What is no clear answer says nothing about it, so no session is given up for that."""
            if not self.job_id and self.vre_submitting is not None:
                with suppress(Exception):
                    self.job_id = self.parse_job_id(await asyncio.wait_for(self.vre_submitting, ANSWER))
            if not self.job_id:
                return JobStatus.NOTFOUND
            try:
                said = await asyncio.wait_for(self._vre_ask(self.batch_query_cmd, str(self.job_id)), ANSWER)
            except Exception as error:  # noqa: BLE001 - a directory that is down, no memory for a process, …
                if self._vre_is_gone(error):
                    self.job_status = line(str(error))
                    return JobStatus.NOTFOUND
                self.log.warning("the scheduler does not say how job %s is: %s", self.job_id, line(str(error)))
                return JobStatus.UNKNOWN
            self.job_status = said
            if self.state_isrunning():
                if self.req_seconds and not self.vre_time_up:
                    self.vre_time_up = time.time() + self.req_seconds
                return JobStatus.RUNNING
            if self.state_ispending():
                return JobStatus.PENDING
            if re.search(self.vre_finished_re, said):
                return JobStatus.NOTFOUND
            self.log.warning("the scheduler says of job %s what is not understood: %s", self.job_id, line(said))
            return JobStatus.UNKNOWN

        def _vre_is_gone(self, error: Exception) -> bool:
            """Whether it says that the scheduler knows no such job."""
            known = isinstance(error, RuntimeError) and self.vre_gone_re
            return bool(known and re.search(self.vre_gone_re, str(error)))

        async def _vre_ask(self, template: str, job: str) -> str:
            """What a command of the user's says about a job."""
            said: str = await self.run_command(self._vre_command(template, job))
            return said

        def _vre_command(self, template: str, job: str = "") -> str:
            """A command of the scheduler's, as the user."""
            variables = {**self.get_req_subvars(), "job_id": job}
            return " ".join(format_template(part, **variables) for part in (self.exec_prefix, template))

        async def start(self) -> tuple[str, int]:
            """Submit the job and wait until its server listens, or until the job has ended."""
            address = await self._vre_up(super().start())
            self.vre_token = ""
            return address

        async def poll(self) -> Any:
            """As batchspawner; a launch that was cut off by the hub's end is gone on with, and an end is told."""
            if self._check_pending and self.vre_token and self._spawn_future is None:
                status = await resume(self, self._vre_up(self._vre_started()))
                if status is None:
                    self.vre_token = ""
                    self.vre_keep()
                return status
            ran = bool(self.job_id) and not self.vre_token and not self._stop_pending
            status = await super().poll()
            if status is not None and ran:
                job, said = self._vre_known()
                how = self._vre_how(said)
                self.log.warning("job %s of %s ended: %s", job, self._log_name, line(said))
                word = re.search(self.vre_said_re, said) if self.vre_said_re else None
                self.vre_tell_next(how or ("job_over" if word else "job_gone"), job=job, value=word[1] if word else "")
            return status

        async def _vre_started(self) -> tuple[str, int]:
            """Wait for a job that is submitted already, as batchspawner does after it has submitted one."""
            while (status := await self.query_job_status()) != JobStatus.RUNNING:
                if status == JobStatus.NOTFOUND:
                    raise RuntimeError(f"job {self.job_id} has ended")
                await asyncio.sleep(self.startup_poll_interval)
            while not self.port:
                await asyncio.sleep(self.startup_poll_interval)
            return str(self.state_gethost() or ""), self.port

        async def _vre_up(self, started: Awaitable[tuple[str, int]]) -> tuple[str, int]:
            starting = asyncio.ensure_future(self._vre_listens(started))
            watching = asyncio.ensure_future(self._vre_end())
            try:
                await asyncio.wait((starting, watching), return_when=asyncio.FIRST_COMPLETED)
                if not starting.done():
                    raise await self._vre_why()
                try:
                    return starting.result()
                except (RefusedError, FailedError):
                    raise
                except RuntimeError as error:  # batchspawner saw its end itself
                    raise await self._vre_why() from error
            finally:
                starting.cancel()
                watching.cancel()

        async def _vre_listens(self, started: Awaitable[tuple[str, int]]) -> tuple[str, int]:
            address = await started
            end = time.monotonic() + self.http_timeout
            while time.monotonic() < end:
                if not address[0]:  # the scheduler does not tell it yet
                    address = (str(self.state_gethost() or ""), address[1])
                if await listens(*address):
                    return address
                await asyncio.sleep(self.startup_poll_interval)
            raise self._vre_failed("job_unreachable", f"{address[0]}:{address[1]}")

        async def _vre_end(self) -> None:
            """Wait for the end of a job that ran: batchspawner 1.3.0 waits for its port, whatever becomes of it."""
            while not (self.job_id and self.state_isrunning()):
                await asyncio.sleep(self.startup_poll_interval)
            while await self.query_job_status() != JobStatus.NOTFOUND:
                await asyncio.sleep(self.startup_poll_interval)

        def clear_state(self) -> None:
            """Forget the job, but for what is still to be told of it."""
            self.vre_last = self._vre_known()
            self.vre_token, self.vre_time_up = "", 0.0
            super().clear_state()

        def _vre_known(self) -> tuple[str, str]:
            return (str(self.job_id), str(self.job_status)) if self.job_id else self.vre_last

        async def _vre_why(self) -> FailedError:
            """Why the job ended: by the scheduler's word, or by the job's own last ones."""
            job, status = self._vre_known()
            lines = await self._vre_log(job)
            said = "\n".join(lines)
            found = self._vre_how(status) or explained(said)
            self.log.error("job %s of %s ended (%s): %s", job, self._log_name, line(status), said)
            return self._vre_failed(found or "job_ended", " ".join(lines[-MOST_LINES:]))

        def _vre_how(self, status: str) -> str:
            """The message for how a job ended, by the scheduler's word; empty where it has none that is known."""
            return next((ENDED[how] for expression, how in self.vre_ended.items() if re.search(expression, status)), "")

        async def _vre_log(self, job: str) -> list[str]:
            """The last lines of a job's output."""
            if not (self.vre_log_cmd and job):
                return []
            try:
                said = await asyncio.wait_for(self._vre_ask(self.vre_log_cmd, job), ANSWER)
            except Exception as error:  # noqa: BLE001 - the file is the user's, who may have made anything of it
                self.log.warning("no output of job %s can be read: %s", job, line(str(error)))
                return []
            return [line(one) for one in said.splitlines() if one.strip()]

        def _vre_failed(self, message: str, said: str) -> FailedError:
            told = self.vre_say(message)
            return FailedError(f"{told} {self.vre_say('job_said')} {line(said)}" if said.strip() else told)

        async def stop(self, now: bool = False) -> None:
            """Cancel the job, if there is one; when the scheduler does not, as soon as it does."""
            if not self.job_id:
                return
            job = str(self.job_id)
            try:
                await asyncio.wait_for(super().stop(now=now), ANSWER)
            except Exception as error:  # noqa: BLE001 - a session that JupyterHub has given up must not go on
                if await self.query_job_status() != JobStatus.NOTFOUND:
                    self.log.error("job %s of %s is not cancelled yet: %s", job, self._log_name, line(str(error)))
                    self._vre_stop_later(job)

        def _vre_stop_later(self, job: str, since: float | None = None) -> None:
            def over() -> None:
                state = dict(self.orm_spawner.state or {})  # another session may be in it meanwhile
                left = {name: at for name, at in state.pop("vre_unstopped", {}).items() if name != job}
                self.orm_spawner.state = {**state, "vre_unstopped": left} if left else state
                self.user.db.commit()

            _unstopped.keep(self._log_name, job, lambda: self._vre_cancelled(job), over, since)

        async def _vre_cancelled(self, job: str) -> bool:
            """Try to cancel a job; whether it is, or has ended by itself."""
            try:
                await asyncio.wait_for(self._vre_ask(self.batch_cancel_cmd, job), ANSWER)
                return True
            except Exception as error:  # noqa: BLE001 - the next attempt is near
                if self._vre_is_gone(error):
                    return True
            try:
                said = await asyncio.wait_for(self._vre_ask(self.batch_query_cmd, job), ANSWER)
            except Exception as error:  # noqa: BLE001 - as above
                return self._vre_is_gone(error)
            return bool(re.search(self.vre_finished_re, said))

        # -- what is told meanwhile -----------------------------------------------------------

        def vre_where(self) -> dict[str, Any]:
            """How far the launch is: an event of JupyterHub's progress page."""
            percent, told = self._vre_stage()
            return {"progress": percent, "message": told, "queued": percent == QUEUED}

        def _vre_stage(self) -> tuple[int, str]:
            """How far the launch is, in percent and in words."""
            if not self.job_id:
                return 5, self.vre_say("job_submit")
            if self.state_isrunning():
                told = self.vre_say("job_runs", value=str(self.state_gethost() or ""))
                ends = self.vre_ends()
                left = lasting(ends - time.time()) if ends else ""
                return 65, f"{told} {self.vre_say('job_left', value=left)}" if left else told
            reason = self._vre_part(self.vre_reason_re)
            why = self.vre_say(waiting(reason, self.vre_waits), value=reason)
            told = f"{self.vre_say('job_waits', value=str(self.job_id))} {why}"
            begins = self._vre_part(self.vre_start_re)
            return QUEUED, f"{told} {self.vre_say('job_begins', value=begins)}" if begins else told

        def vre_ends(self) -> float:
            """When the job's time is up, in seconds since 1970; 0 for unknown."""
            with suppress(ValueError):  # of no limit Slurm says N/A
                if ends := self._vre_part(self.vre_ends_re):
                    return datetime.fromisoformat(ends).timestamp()
            return self.vre_time_up

        def vre_unstopped(self) -> list[str]:
            """What the user is told of jobs that go on although they should not."""
            return [self.vre_say("job_not_stopped", value=job) for job in _unstopped.of(self._log_name)]

        def _vre_part(self, expression: str) -> str:
            found = re.search(expression, str(self.job_status)) if expression else None
            return found[1] if found else ""

    BatchSpawner.__name__ = base.__name__
    BatchSpawner.__qualname__ = base.__name__
    return BatchSpawner


def passes(name: str, passed: Iterable[str]) -> bool:
    """Whether sudo lets a variable through, or nobody wants it; ``passed`` is what it was told."""
    return name in NOT_PASSED or any(fnmatchcase(name, one) for one in passed)


def explained(said: str) -> str:
    """The message for what a program said of a session that does not start; empty when there is none."""
    return next((message for message, expression in EXPLAINED.items() if re.search(expression, said)), "")


def waiting(reason: str, waits: Mapping[str, str]) -> str:
    """The message for why a scheduler lets a job wait, by the scheduler's own reason."""
    if not reason:
        return WAITS["unknown"]
    return next((WAITS[why] for expression, why in waits.items() if re.fullmatch(expression, reason)), "queue_other")
