# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a batch system and Apptainer on its nodes can do, measured by a job on each partition."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, last_line
from ansible_collections.gaia_data.vre.plugins.module_utils._substrate import ARCHITECTURES, preferred
from ansible_collections.gaia_data.vre.plugins.module_utils._units import Done, run

OLDEST = (1, 1)  # Apptainer that mounts images without setuid. Source: its release notes
# Lines of key=value; what is absent is empty. squashfuse comes with Apptainer's own packages, or is one of the system.
SCRIPT = r"""
say() { printf '%s=%s\n' "$1" "$2"; }
say host "$(hostname)"
say machine "$(uname -m)"
say apptainer "$(apptainer --version 2>/dev/null | sed 's/.* //')"
PATH=$PATH:/usr/libexec/apptainer/bin
say squashfuse "$(command -v squashfuse_ll || command -v squashfuse)"
say fuse "$(test -r /dev/fuse && test -w /dev/fuse && echo yes)"
say userns "$(unshare --user --map-root-user true 2>/dev/null && echo yes)"
say setuid "$(find /usr/lib*/apptainer /usr/lib/*/apptainer -name starter-suid -perm -4000 2>/dev/null)"
conf=$(ls /etc/apptainer/apptainer.conf /usr/local/etc/apptainer/apptainer.conf 2>/dev/null | head -n 1)
for key in 'user bind control' 'enable fusemount'; do
  say "$key" "$(sed -n "s/^$key *= *//p" "${conf:-/dev/null}")"
done
say store "$(test -x "$1" && echo yes)"
"""
# BIN sh -c SCRIPT sh ARGUMENT: runs the script in a job of HTCondor and gives its output. The home is on all nodes.
CONDOR = r"""
bin=$1 script=$4 argument=$6 job=''
cd "$(getent passwd "$(id -u)" | cut -d: -f6)" && folder=$(mktemp -d "$PWD/.gaia-vre-probe-XXXXXXXX") || exit 1
trap '[ -z "$job" ] || "$bin/condor_rm" "$job" >/dev/null 2>&1; rm -rf "$folder"' EXIT
printf '%s
' "$script" >"$folder/script"
cat >"$folder/job" <<END
batch_name = gaia-vre-probe
executable = /bin/sh
transfer_executable = false
arguments = "'$folder/script' '$argument'"
output = $folder/out
error = $folder/out
log = $folder/log
should_transfer_files = NO
request_memory = 64
queue
END
job=$("$bin/condor_submit" -terse "$folder/job") || exit 1
job=${job%%.*}
if ! "$bin/condor_wait" -wait 120 "$folder/log" "$job" >/dev/null; then
  echo "it did not end within 120 s: $("$bin/condor_q" "$job" -autoformat HoldReason LastRejMatchReason)" >&2
  exit 1
fi
job=''
cat "$folder/out"
"""
ASKED = ("host", "machine", "apptainer", "squashfuse", "fuse", "userns", "setuid", "store")
SITE = ("user bind control", "enable fusemount")

WAIT = "try again when a slot is free, or set vre_mount_kind"
# What sbatch knows and srun does not. Source: sbatch(1), srun(1).
ONLY_SBATCH = re.compile(r"--(no-)?requeue|--get-user-env(=.*)?|--ignore-pbs|--export-file=.*")
RECORD = 1

Run = Callable[[Sequence[str]], Done]
Probe = Mapping[str, str]


@dataclass(frozen=True)
class Scheduler:
    """How one scheduler is asked.

    :param version: prints its version.
    :param partitions: prints a line a partition, for :func:`_partitions`; none where they are not told.
    :param job: the words before a command that run it in a job on ``{partition}`` and give its output, ``{bin}`` being
        the scheduler's folder; none where there is no such command, so that only this host can be looked at.
    :param account: the word of them that names an ``{account}``; none where a job's options are no words of a command.
    :param divided: whether there are partitions, or queues.
    """

    version: list[str]
    partitions: list[str] | None
    job: list[str] | None
    account: str | None = None
    divided: bool = True

    def words(self, bin_dir: str, partition: str, account: str, options: str) -> list[str]:
        """The words for a job like a session's on this partition; ours come last, where they count.

        :raises VreError: when the options are no words.
        """
        program, *ours = [word.replace("{bin}", bin_dir).replace("{partition}", partition) for word in self.job or []]
        if self.account is None:
            return [program, *ours]
        try:
            more = [word for word in shlex.split(options, comments=True) if not ONLY_SBATCH.fullmatch(word)]
        except ValueError as error:
            message = f"these are no words of an option: {error}"
            raise VreError(message, "batch_options", options, "close its quotes") from error
        named = [self.account.format(account=account)] if account else []
        return [program, *more, *named, *ours]


SCHEDULERS = {
    "slurm": Scheduler(
        ["sinfo", "--version"],
        ["sinfo", "--noheader", "--format=%P|%l|%c|%m|%D|%a|%G"],
        [
            "{bin}/srun",
            "--quiet",
            "--ntasks=1",
            "--time=1",
            "--immediate=60",
            "--job-name=gaia-vre-probe",
            "--partition={partition}",
        ],
        "--account={account}",
    ),
    "htcondor": Scheduler(["condor_version"], None, ["sh", "-c", CONDOR, "sh", "{bin}"], divided=False),
    "pbs": Scheduler(["qstat", "--version"], None, None),
    "lsf": Scheduler(["lsid", "-V"], None, None),
}


def places(resources: Mapping[str, Mapping[str, Any]], partition: str, account: str) -> dict[str, str]:
    """Partitions that jobs of these resources run on, each with an account that may use it.

    :param partition: where resources name none; empty for the scheduler's default one.
    :param account: the same.
    """
    found: dict[str, str] = {}
    for one in resources.values():
        found.setdefault(str(one.get("partition") or partition), str(one.get("account") or account))
    if partition or not found:
        found.setdefault(partition, account)
    return found


def measure(
    name: str,
    bin_dir: str,
    user: str,
    store: str,
    places: Mapping[str, str] | None = None,
    options: str = "",
    former: Mapping[str, Probe] | None = None,
    forced: str | None = None,
    call: Run = run,
) -> dict[str, Any]:
    """Capabilities of a batch system.

    :param name: of the scheduler.
    :param bin_dir: where its commands are.
    :param user: the account that probe jobs run as.
    :param store: folder of the images, on the nodes.
    :param places: of :func:`places`; by default the scheduler's default partition.
    :param options: what else jobs ask for, in the scheduler's own words.
    :param former: of :func:`recorded`, for partitions on which no job runs now.
    :param forced: the mount kind that the centre wants, which needs no measurement.
    :raises VreError: when the scheduler does not answer, or has no such partition.
    """
    scheduler = SCHEDULERS[name]
    named = next((one for one in places or {} if one), "")
    if named and not scheduler.divided:
        remedy = "leave partition out of the resources, and batch_partition empty"
        raise VreError(f"{name} has no partitions", "vre_offer.resources", named, remedy)

    def ask(words: Sequence[str]) -> str:
        done = call([f"{bin_dir}/{words[0]}", *words[1:]])
        if done.code:
            remedy = "see that it is up, and that this host may submit jobs"
            raise VreError(
                f"{name} does not answer: {last_line(done.err or done.out)}", "batch_scheduler", name, remedy
            )
        return done.out

    version = ask(scheduler.version)
    known = _partitions(ask(scheduler.partitions)) if scheduler.partitions else {}
    default = next((key for key, found in known.items() if found["default"]), "")
    wanted = {one or default: account for one, account in (places or {"": ""}).items()} if known else {"": ""}
    for one in wanted:
        if one not in known and known:
            remedy = f"use one of: {', '.join(sorted(known))}"
            raise VreError(f"{name} has no partition {one or 'by default'}", "vre_offer.resources", one or None, remedy)
    # Before the first deploy there is only the place for it.
    there = store if Path(store).is_dir() else str(Path(store).parent)
    script = ["sh", "-c", SCRIPT, "sh", there]
    as_user = ["runuser", "-u", user, "--"]
    jobs = {one: scheduler.words(bin_dir, one, account, options) for one, account in wanted.items() if scheduler.job}

    def look(partition: str) -> dict[str, str]:
        if scheduler.job is None:
            return _probe(call([*as_user, *script]), "this host")
        found = _probe(call([*as_user, *jobs[partition], *script]), f"partition {partition}" if partition else "a node")
        before = (former or {}).get(partition)
        return {**before, "instead": found["error"]} if found["error"] and before else found

    with ThreadPoolExecutor(len(wanted)) as pool:
        probes = dict(zip(wanted, pool.map(look, wanted)))
    number = (re.findall(r"\d[\d.]*\d", version) or [""])[0]
    return capabilities(name, number, known, probes, scheduler.job is not None, forced)


def recorded(text: str, name: str, store: str) -> dict[str, Probe]:
    """What was measured before, by partition; nothing where it was of something else, or cannot be read."""
    try:
        data = json.loads(text)
        if (data["version"], data["scheduler"], data["store"]) != (RECORD, name, store):
            return {}
        wanted = {*ASKED, *SITE, "at"}
        return {
            str(partition): {key: str(found[key]) for key in wanted} | {"error": ""}
            for partition, found in data["nodes"].items()
        }
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}


def read(path: str | None) -> str:
    """The text of a record, or nothing."""
    try:
        return Path(path).read_text(encoding="utf-8") if path else ""
    except (OSError, ValueError):
        return ""


def record(found: Mapping[str, Any], store: str) -> dict[str, Any]:
    """What is worth to be known when no job runs: each partition that was measured, and when."""
    now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    nodes = {
        partition: {key: probe[key] for key in (*ASKED, *SITE)} | {"at": probe.get("at") or now}
        for partition, probe in found["nodes"].items()
        if not probe["error"]
    }
    return {"version": RECORD, "scheduler": found["scheduler"], "store": store, "nodes": nodes}


def _probe(done: Done, where: str) -> dict[str, str]:
    """What the probe said; ``error`` where no job ran."""
    found = dict.fromkeys((*ASKED, *SITE), "")
    found |= {key: value.strip() for key, _sep, value in (line.partition("=") for line in done.out.splitlines())}
    found["error"] = "" if found["host"] else f"no job of ours ran on {where}: {last_line(done.err)}"
    return found


def _partitions(said: str) -> dict[str, dict[str, Any]]:
    """Partitions by name with their limits; of nodes that differ, the most that one has."""
    found: dict[str, dict[str, Any]] = {}
    for line in said.splitlines():
        name, limit, cpus, memory, nodes, up, gres = line.split("|")
        entry = found.setdefault(
            name.rstrip("*"),
            {"default": name.endswith("*"), "time": _seconds(limit), "cpu": 0, "memory": 0, "nodes": 0, "gpu": 0},
        )
        entry["cpu"] = max(entry["cpu"], int(re.sub(r"\D", "", cpus) or 0))
        entry["memory"] = max(entry["memory"], int(re.sub(r"\D", "", memory) or 0) << 20)
        entry["nodes"] += int(nodes)
        entry["up"] = up == "up"
        gpus = [int(number) for number in re.findall(r"gpu(?::[A-Za-z][^:,(]*)?:(\d+)", gres)]
        entry["gpu"] = max([entry["gpu"], *gpus])
    return found


def _seconds(limit: str) -> int | None:
    """``1-02:00:00`` in seconds; None for no limit. Source: sbatch(1), ``--time``."""
    match = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", limit)
    if not match:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def capabilities(
    name: str,
    version: str,
    partitions: Mapping[str, Any],
    probes: Mapping[str, Probe],
    on_nodes: bool,
    forced: str | None = None,
) -> dict[str, Any]:
    """What follows from what was measured."""
    squashfs = _reasons(probes, _wrong_with_squashfs)
    directory = _reasons(probes, _wrong_with_apptainer)
    where = f"measured on {', '.join(_when(found) for found in probes.values() if found['host']) or 'no node'}"
    if not on_nodes:
        where += f", as {name} gives no way to look at nodes"
    kinds = {
        "squashfs": {
            "usable": not squashfs,
            "reason": squashfs or f"Apptainer binds squashfs files of the store ({where})",
        },
        "directory": {
            "usable": not directory,
            "reason": directory or f"Apptainer binds folders of the store ({where})",
        },
    }
    notes = [
        f"{found['instead']}; so what was measured on {_when(found)} counts"
        for found in probes.values()
        if found.get("instead")
    ]
    machine = next((found["machine"] for found in probes.values() if found["machine"]), "")
    if forced in kinds and not machine:
        machine = os.uname().machine
        error = next(iter(probes.values()))["error"]
        notes.append(f"{error}; so nodes are not measured, and taken for {machine} as this host is")
        kinds[forced] = {"usable": True, "reason": "vre_mount_kind says so, and no node was measured"}
    kind, reason = preferred(kinds)
    return {
        "substrate": "batch",
        "scheduler": name,
        "version": f"{name} {version}",
        "partitions": dict(partitions),
        "nodes": {key: dict(found) for key, found in probes.items()},
        "cgroup": {"memory": True, "cpu": True},
        "platform": f"linux/{ARCHITECTURES.get(machine, machine)}",
        "mount_kinds": kinds,
        "mount_kind": kind,
        "reason": reason,
        "notes": notes,
    }


def _when(found: Probe) -> str:
    """The node that was measured, and when that is not now."""
    return f"{found['host']} on {found['at']}" if found.get("at") else found["host"]


def _reasons(probes: Mapping[str, Probe], wrong: Callable[[Probe], str]) -> str:
    """Why sessions cannot be bound so, on the first node where they cannot; a partition that is full is passed over."""
    answered = {name: found for name, found in probes.items() if not found["error"]}
    for found in (answered or probes).values():
        said = found["error"] or wrong(found)
        if said:
            return f"{said}. Remedy: {WAIT}" if found["error"] else f"{found['host']}: {said}"
    return ""


def _wrong_with_apptainer(found: Probe) -> str:
    version = tuple(int(number) for number in re.findall(r"\d+", found["apptainer"])[:2])
    if version < OLDEST:
        said = f"Apptainer {found['apptainer']} is too old" if version else "there is no Apptainer"
        return f"{said}. Remedy: install Apptainer 1.1 or newer on the nodes"
    if not (found["userns"] or found["setuid"]):
        return (
            "users may not make user namespaces, and Apptainer is not setuid. Remedy: allow one of the two "
            "(sysctl kernel.unprivileged_userns_clone=1, or the package apptainer-suid)"
        )
    if found["user bind control"] == "no":
        return "users may bind nothing. Remedy: set user bind control = yes in apptainer.conf"
    if not found["store"]:
        return "the store is not there. Remedy: set images_store_dir to a folder that all nodes see"
    return ""


def _wrong_with_squashfs(found: Probe) -> str:
    said = _wrong_with_apptainer(found)
    if said:
        return said
    if not found["squashfuse"]:
        return "squashfuse is not installed. Remedy: install it on the nodes, or leave vre_mount_kind out"
    if not found["fuse"]:
        return "users may not open /dev/fuse. Remedy: give it mode 0666 on the nodes"
    if found["enable fusemount"] == "no":
        return "Apptainer may not use FUSE. Remedy: set enable fusemount = yes in apptainer.conf"
    return ""
