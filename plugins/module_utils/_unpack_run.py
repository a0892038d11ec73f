# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpacks images into the store of a cluster by a Job, and waits for it; what it looks like, ``_unpack`` says."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils import _pods, _unpack
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._kubernetes import Cluster, ClusterError
from ansible_collections.gaia_data.vre.plugins.module_utils._mounts.kubernetes import CLAIM
from ansible_collections.gaia_data.vre.plugins.module_utils._prepull import Settings
from ansible_collections.gaia_data.vre.plugins.module_utils._store.store import Wanted

LOOK = 1.0  # seconds between two looks
TRIES = 20
GOING = 60.0  # seconds that a former Job of the same name may take to be gone
LOG_LINES = 2000
CONTROLLER = "batch.kubernetes.io/controller-uid"  # label of a Job's pods
STARTS = 180.0  # seconds that trouble may last which could pass, before the Job is given up


@dataclass(frozen=True)
class Order:
    """What is to be in the store.

    :param image: the one with the program.
    :param registries: of :func:`_unpack.reached`.
    :param patience: seconds for the Job.
    """

    images: Sequence[Wanted]
    image: str
    settings: Settings
    registries: Mapping[str, Mapping[str, Any]]
    platform: str
    storage_class: str
    size: str
    parallel: int
    patience: float


@dataclass
class Done:
    """What became of it: references that were brought, or would be; texts of problems by reference."""

    changed: bool = False
    brought: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)


def unpack(cluster: Cluster, order: Order, check: bool) -> Done:
    """Bring what is not known to be in the store.

    :param check: only tell.
    :raises VreError: when the cluster refuses, or the Job failed as a whole.
    """
    there = cluster.get("PersistentVolumeClaim", CLAIM)
    missing = _missing(there, order.images)
    done = Done(changed=there is None)
    if check:
        done.brought = [str(image) for image in missing]
        done.changed |= bool(missing)
        return done
    if there is None:
        try:
            cluster.create("PersistentVolumeClaim", _unpack.claim(order.storage_class, order.size))
        except ClusterError as error:
            if error.status != 409:  # another play made it meanwhile
                raise
    for _try in range(TRIES):
        if not missing:
            return done
        try:
            _bring(cluster, order, missing, done)
        except _Removed:  # another play that waited for the same Job was at its end first
            missing = _missing(cluster.get("PersistentVolumeClaim", CLAIM), order.images)
        else:
            return done
    raise VreError("the Job that unpacks is removed all the time", "image_unpack", None, "see who removes it")


def _missing(claim: Mapping[str, Any] | None, images: Sequence[Wanted]) -> list[Wanted]:
    known = _unpack.stored(claim) if claim is not None else set()
    return [image for image in images if _unpack.key(image) not in known]


def _bring(cluster: Cluster, order: Order, missing: Sequence[Wanted], done: Done) -> None:
    """Have a Job bring images, and remember what came of it before the Job goes: others may wait for it, too."""
    login = bool(order.settings.pull_secret)
    text = _unpack.asked(missing, order.registries, order.platform, login, order.parallel, order.patience)
    run = _Run(cluster, _unpack.job(text, order.image, order.settings, order.patience), order.patience)
    try:
        log = run.log()
        done.lines = log.splitlines()[:-1]
        done.brought, done.problems = _unpack.result(log)
        done.changed |= bool(done.brought)
        _remember(cluster, [_unpack.key(image) for image in missing if str(image) not in done.problems])
    finally:
        cluster.delete("Job", run.name)


class _Removed(VreError):
    """Somebody removed the Job meanwhile."""


def _remember(cluster: Cluster, keys: Sequence[str]) -> None:
    for _try in range(TRIES):
        claim = cluster.get("PersistentVolumeClaim", CLAIM)
        if claim is None or not keys:
            return
        try:
            cluster.merge("PersistentVolumeClaim", CLAIM, _unpack.remembered(claim, keys))
        except ClusterError as error:
            if error.status != 409:
                raise
        else:
            return


class _Run:
    """One Job, from its start or from where a play that was killed left it, to its end."""

    def __init__(self, cluster: Cluster, body: Mapping[str, Any], patience: float) -> None:
        self.cluster, self.body, self.patience = cluster, body, patience
        self.name = str(body["metadata"]["name"])

    def log(self) -> str:
        """What it said at its end.

        :raises VreError: when it failed.
        """
        self._start()
        return self._wait()

    def _start(self) -> None:
        end = time.monotonic() + GOING
        while True:
            there = self.cluster.get("Job", self.name)
            if there is not None and _unpack.ended(there) in (None, "Complete") and not _pods.is_going(there):
                return  # a play that was killed began it
            if there is not None:
                self.cluster.delete("Job", self.name)
            try:
                self.cluster.create("Job", self.body)
            except ClusterError as error:
                if error.status != 409 or time.monotonic() > end:
                    raise
                time.sleep(LOOK)
            else:
                return

    def _wait(self) -> str:
        end, since = time.monotonic() + self.patience, time.monotonic()
        while True:
            job = self.cluster.get("Job", self.name)
            if job is None:
                raise _Removed("somebody removed the Job that unpacks", "image_unpack")
            # A former Job of this name may still have a pod.
            uid = str(job["metadata"]["uid"])
            pods = self.cluster.list("Pod", {CONTROLLER: uid})
            ended = _unpack.ended(job)
            if ended is not None:
                return self._said(pods, ended)
            told = _pods.by_uid(self.cluster.list("Event", fields=f"involvedObject.kind={'Pod' if pods else 'Job'}"))
            troubles = [one for pod in pods for one in _pods.troubles(pod, told.get(pod["metadata"]["uid"], ()))]
            unmade = _pods.unmade(told.get(uid, ()))
            if unmade is not None:  # a quota, say, refuses the pod itself
                troubles.append(unmade)
            if not troubles or any(_pods.is_ready(pod) for pod in pods):
                since = time.monotonic()
            fatal = next((one for one in troubles if one.fatal), None)
            if fatal is None and troubles and time.monotonic() - since > STARTS:
                fatal = troubles[0]
            if fatal is not None:
                node = _pods.node_of(pods[0]) if pods else ""
                raise VreError(f"the Job that unpacks does not start: {fatal.sentence(node)}", "image_unpack")
            if time.monotonic() > end:
                message = f"the images were not unpacked within {self.patience / 60:.0f} min"
                remedy = "run it again: what was unpacked stays; or give it more time"
                raise VreError(message, "image_unpack", None, remedy)
            time.sleep(LOOK)

    def _said(self, pods: Sequence[Mapping[str, Any]], ended: str) -> str:
        try:
            log = "".join(self.cluster.log(pod["metadata"]["name"], "unpack", LOG_LINES) for pod in pods[:1])
        except ClusterError as error:
            if error.status != 404:
                raise
            raise _Removed("somebody removed the pod of the Job that unpacks", "image_unpack") from error
        if ended != "Complete":
            words = (log.strip().splitlines() or [""])[-1] or ended
            raise VreError(f"the images were not unpacked: {words}", "image_unpack")
        return log
