# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a batch system and Apptainer on its nodes can do, measured by a job on each partition."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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
ASKED = ("host", "machine", "apptainer", "squashfuse", "fuse", "userns", "setuid", "store")
SITE = ("user bind control", "enable fusemount")

Run = Callable[[Sequence[str]], Done]


@dataclass(frozen=True)
class Scheduler:
    """How one scheduler is asked.

    :param version: prints its version.
    :param partitions: prints a line a partition, for :func:`_partitions`; none where it has no partitions.
    :param job: the words before a command that run it in a job on ``{partition}`` and give its output; none where there
        is no such command, so that only this host can be looked at.
    """

    version: list[str]
    partitions: list[str] | None
    job: list[str] | None


SCHEDULERS = {
    "slurm": Scheduler(
        ["sinfo", "--version"],
        ["sinfo", "--noheader", "--format=%P|%l|%c|%m|%D|%a|%G"],
        [
            "srun",
            "--quiet",
            "--ntasks=1",
            "--time=1",
            "--immediate=60",
            "--job-name=gaia-vre-probe",
            "--partition={partition}",
        ],
    ),
    "htcondor": Scheduler(["condor_version"], None, None),
    "pbs": Scheduler(["qstat", "--version"], None, None),
    "lsf": Scheduler(["lsid", "-V"], None, None),
}


def measure(
    name: str, bin_dir: str, user: str, store: str, partitions: Sequence[str] = (), call: Run = run
) -> dict[str, Any]:
    """Capabilities of a batch system.

    :param name: of the scheduler.
    :param bin_dir: where its commands are.
    :param user: the account that probe jobs run as.
    :param store: folder of the images, on the nodes.
    :param partitions: those to look at; by default the scheduler's default one.
    :raises VreError: when the scheduler does not answer, or has no such partition.
    """
    scheduler = SCHEDULERS[name]

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
    wanted = list(dict.fromkeys(partitions or [default])) if known else [""]
    for one in wanted:
        if one not in known and known:
            remedy = f"use one of: {', '.join(sorted(known))}"
            raise VreError(f"{name} has no partition {one or 'by default'}", "vre_offer.resources", one or None, remedy)
    # Before the first deploy there is only the place for it.
    there = store if Path(store).is_dir() else str(Path(store).parent)
    script = ["sh", "-c", SCRIPT, "sh", there]
    as_user = ["runuser", "-u", user, "--"]

    def look(partition: str) -> dict[str, str]:
        if scheduler.job is None:
            return _probe(call([*as_user, *script]), "this host")
        words = [word.format(partition=partition) for word in scheduler.job]
        return _probe(call([*as_user, f"{bin_dir}/{words[0]}", *words[1:], *script]), f"partition {partition}")

    with ThreadPoolExecutor(len(wanted)) as pool:
        probes = dict(zip(wanted, pool.map(look, wanted)))
    return capabilities(name, (re.findall(r"\d[\d.]*\d", version) or [""])[0], known, probes, scheduler.job is not None)


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
    name: str, version: str, partitions: Mapping[str, Any], probes: Mapping[str, Mapping[str, str]], on_nodes: bool
) -> dict[str, Any]:
    """What follows from what was measured."""
    squashfs = _reasons(probes, _wrong_with_squashfs)
    directory = _reasons(probes, _wrong_with_apptainer)
    where = f"measured on {', '.join(found['host'] for found in probes.values() if found['host']) or 'no node'}"
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
    kind, reason = preferred(kinds)
    machine = next((found["machine"] for found in probes.values() if found["machine"]), "")
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
    }


def _reasons(probes: Mapping[str, Mapping[str, str]], wrong: Callable[[Mapping[str, str]], str]) -> str:
    """Why sessions cannot be bound so, on the first node where they cannot; a partition that is full is passed over."""
    answered = {name: found for name, found in probes.items() if not found["error"]}
    for found in (answered or probes).values():
        said = found["error"] or wrong(found)
        if said:
            return said if found["error"] else f"{found['host']}: {said}"
    return ""


def _wrong_with_apptainer(found: Mapping[str, str]) -> str:
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


def _wrong_with_squashfs(found: Mapping[str, str]) -> str:
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
