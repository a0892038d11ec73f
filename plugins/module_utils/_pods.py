# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods of ours: what they may, and what a cluster says of one that does not run, for an admin. Pure functions.

Pods, events and nodes are as the cluster's API has them in JSON. Sources of the words: Kubernetes 1.36,
pkg/kubelet/images, pkg/kubelet/kuberuntime and pkg/scheduler; errors of pulls are those of containerd 2 and CRI-O.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._kubernetes import remedy_of

Object = Mapping[str, Any]

# What PodSecurity's level ``restricted`` asks for. Source: Kubernetes, "Pod Security Standards".
USER = 65534
POD_SECURITY = {
    "runAsNonRoot": True,
    "runAsUser": USER,
    "runAsGroup": USER,
    "seccompProfile": {"type": "RuntimeDefault"},
}
CONTAINER_SECURITY = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
# Nothing of ours asks the cluster for anything.
ASKS_NOTHING = {"automountServiceAccountToken": False, "enableServiceLinks": False}

LONGEST_SAID = 400
IMAGE = re.compile(r'image "([^"]+)"')
# What of a text is no word: the names of images could have any of those that are looked for.
NAMES = re.compile(r'"[^"]*"|\S*@sha256:[0-9a-f]+|\S+/\S+')
PULLING = frozenset({"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "ImageInspectError"})
NEVER = frozenset({"ErrImageNeverPull", "InvalidImageName", "SignatureValidationFailed"})
BROKEN = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff"})
MACHINE = frozenset({"FailedCreatePodSandBox", "FailedMount", "FailedAttachVolume", "NetworkNotReady"})
# What is said of a pull, what it means, the remedy, and whether no further attempt will help. The first that is found
# counts: a registry that is away may be said to deny or to lack an image, too.
PULLS = (
    (
        r"no match for platform|no image found in .* for architecture",
        "is not there for this node's architecture",
        "build it for this architecture as well, or let vre_offer's sessions run on other nodes only",
        True,
    ),
    (
        r"pull QPS exceeded|toomanyrequests|too many requests",
        "has to wait, as too many are pulled at once",
        "wait",
        False,
    ),
    (r"no space left on device", "finds no room, as the node's disk is full", "free some of it", False),
    (
        r"x509:|server gave HTTP response to HTTPS client",
        "is not pulled, as the node does not trust the registry",
        "give the node's container runtime the registry's authority",
        True,
    ),
    (
        (
            r"registry ?(is )?unavailable|connection (refused|reset)|time-?out|deadline exceeded|no such host|"
            r"broken pipe|server misbehaving|no route to host|network is unreachable|\bEOF\b|\b50\d\b"
        ),
        "is not pulled, as the node does not reach the registry",
        "see that the registry is up, and reached from this node",
        False,
    ),
    (
        r"denied|unauthorized|\b40[13]\b|authorization failed|authentication required|basic auth",
        "is not pulled, as the registry refuses",
        "give its login in vre_registries; it may have to read this repository",
        True,
    ),
    (
        r"not found|manifest unknown|name unknown|\b404\b",
        "is not in the registry",
        "push it again, or lock another one",
        True,
    ),
)


@dataclass(frozen=True)
class Trouble:
    """Why a pod does not run yet, or never will.

    :param image: reference of the image that it is about; empty where it is about the pod.
    :param text: what is wrong, to follow the image's name.
    :param said: the cluster's own words.
    :param fatal: whether waiting does not help.
    """

    image: str
    text: str
    said: str
    remedy: str
    fatal: bool

    def sentence(self, node: str) -> str:
        """All of it, for a person."""
        what = short(self.image) if self.image else "the pod"
        where = f" on {node}" if node else ""
        return f"{what}{where} {self.text}: {self.said}. Remedy: {self.remedy}."


def is_ready(pod: Object) -> bool:
    """Whether all containers of a pod run."""
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in _conditions(pod))


def is_going(pod: Object) -> bool:
    """Whether a pod is about to be gone."""
    return "deletionTimestamp" in pod["metadata"]


def is_finished(pod: Object) -> bool:
    """Whether a pod ran to its end, good or bad."""
    return _status(pod).get("phase") in ("Succeeded", "Failed")


def node_of(pod: Object) -> str:
    """The node that a pod is on, or that a DaemonSet made it for."""
    spec = pod["spec"]
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    meant = [
        name
        for term in required.get("nodeSelectorTerms") or ()
        for field in term.get("matchFields") or ()
        if field.get("key") == "metadata.name"
        for name in field.get("values") or ()
    ]
    return str(spec.get("nodeName") or (meant[0] if len(meant) == 1 else ""))


def images_of(pod_spec: Object) -> list[str]:
    """References of the images that a pod mounts; where it mounts none, of those that it runs."""
    mounted = [one["image"].get("reference", "") for one in pod_spec.get("volumes") or () if one.get("image")]
    return mounted or [one.get("image", "") for one in pod_spec.get("containers") or ()]


def short(reference: str) -> str:
    """A reference without its digest."""
    return reference.partition("@")[0]


def by_uid(events: Iterable[Object]) -> dict[str, list[Object]]:
    """Events by the uid of what they are about, in their order."""
    found: dict[str, list[Object]] = {}
    for event in sorted(events, key=_order):
        found.setdefault((event.get("involvedObject") or {}).get("uid", ""), []).append(event)
    return found


def pulled(events: Iterable[Object]) -> set[str]:
    """References of the images that are on the node of a pod, as its events say.

    :param events: of this pod, in their order.
    """
    found = set()
    for event in events:
        image = _image(_message(event))
        if event.get("reason") == "Pulled":
            found.add(image)
        elif event.get("reason") == "Failed":
            found.discard(image)
    return found


def troubles(pod: Object, events: Sequence[Object]) -> list[Trouble]:
    """What keeps a pod from running, one for each image.

    :param events: of this pod, in their order.
    """
    found: dict[str, Trouble] = {}
    for trouble in (*_pulls(events), *_containers(pod)):
        found.setdefault(trouble.image, trouble)
    if not found:
        found.update((trouble.image, trouble) for trouble in (*_scheduling(pod), *_machine(events)))
    return list(found.values())


def unmade(events: Iterable[Object]) -> Trouble | None:
    """Why the cluster makes no pod, where that is the last that it said of making one.

    :param events: of who is to have the pod, such as a DaemonSet or Job, in their order.
    """
    made = [event for event in events if event.get("reason") in ("FailedCreate", "SuccessfulCreate")]
    if not made or made[-1]["reason"] != "FailedCreate":
        return None
    said = plain(_message(made[-1]).rpartition("Error creating: ")[2])
    return Trouble("", "is not made", said, remedy_of(said) or "see the words; the cluster tries again", False)


def plain(said: str) -> str:
    """The cluster's words in one line, without those of the protocol."""
    words = " ".join(re.sub(r"rpc error: code = \w+ desc = ", "", said).split()).rstrip(".")
    return words if len(words) <= LONGEST_SAID else words[: LONGEST_SAID - 1] + "…"


def _pulls(events: Iterable[Object]) -> Iterator[Trouble]:
    """Images that could not be pulled at the last attempt; a container's status names only one of them."""
    failed: dict[str, str] = {}
    for event in events:
        said = _message(event)
        if event.get("reason") == "Failed" and said.startswith("Failed to pull image"):
            failed[_image(said)] = said.partition(": ")[2] or said
        elif event.get("reason") == "Pulled":
            failed.pop(_image(said), None)
    for image, said in failed.items():
        yield _pull(said, image)


def _containers(pod: Object) -> Iterator[Trouble]:
    for one in _status(pod).get("containerStatuses") or ():
        waiting = (one.get("state") or {}).get("waiting") or {}
        reason, said = waiting.get("reason", ""), waiting.get("message", "")
        image = _image(said) or one.get("image", "")
        if reason in NEVER:
            remedy = "correct the reference in the catalogue, or the policy of the nodes"
            yield Trouble(image, f"is not pulled ({reason})", plain(said), remedy, True)
        elif reason in PULLING:
            yield _pull(said, image)
        elif reason in BROKEN:
            remedy = "see what the words mean on that node; kubectl describe has all events"
            yield Trouble("", f"does not start ({reason})", plain(said), remedy, False)


def _pull(said: str, image: str) -> Trouble:
    words = NAMES.sub(" ", said)
    for expression, text, remedy, fatal in PULLS:
        if re.search(expression, words, re.IGNORECASE):
            return Trouble(image, text, plain(said), remedy, fatal)
    return Trouble(image, "is not pulled", plain(said), "see the words; the node tries again", False)


def _scheduling(pod: Object) -> Iterator[Trouble]:
    for one in _conditions(pod):
        if one.get("type") == "PodScheduled" and one.get("status") == "False":
            said = str(one.get("message") or one.get("reason") or "").partition(" preemption: ")[0]
            remedy = "make room, or correct kubernetes_node_selector and kubernetes_tolerations"
            yield Trouble("", "finds no node", plain(said), remedy, False)


def _machine(events: Sequence[Object]) -> Iterator[Trouble]:
    """Trouble of the node with the pod, where it is the last that was said."""
    if events and events[-1].get("reason") in MACHINE:
        said = plain(_message(events[-1]))
        yield Trouble("", f"does not start ({events[-1]['reason']})", said, "have the cluster's admin see to it", False)


def _status(pod: Object) -> Object:
    found: Object = pod.get("status") or {}
    return found


def _conditions(pod: Object) -> Sequence[Object]:
    return _status(pod).get("conditions") or ()


def _message(event: Object) -> str:
    return str(event.get("message") or "")


def _image(said: str) -> str:
    found = IMAGE.search(said)
    return found[1] if found else ""


def _order(event: Object) -> tuple[str, int]:
    """When an event was last seen; within a second, by its version in the cluster's store."""
    metadata = event.get("metadata") or {}
    when = event.get("lastTimestamp") or event.get("eventTime") or metadata.get("creationTimestamp") or ""
    version = str(metadata.get("resourceVersion", ""))
    return str(when)[:19], int(version) if version.isdigit() else 0
