"""What a cluster says of a session's pod, read for its user: what ends a launch at once, and what is waited for.

Pods and events are as the cluster's API has them in JSON. Sources of the words: Kubernetes 1.36, pkg/kubelet/images,
pkg/kubelet/kuberuntime, pkg/kubelet/eviction and pkg/scheduler; errors of pulls are those of containerd 2 and CRI-O.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from gaia_vre_hub.words import LONGEST_LINE, line

Object = Mapping[str, Any]
MOST_LINES = 3  # of what a session said last
SETTLES = 10  # seconds after which what was made a moment ago is seen by all parts of a cluster

# What is said of a pull, the message for it, and whether no further attempt will help. The first that is found counts:
# a registry that is away may be said to deny or to lack an image, too.
PULLS = (
    ("pod_image_platform", True, r"no match for platform|no image found in .* for architecture"),
    ("pod_image_busy", False, r"pull QPS exceeded|toomanyrequests|too many requests"),
    ("pod_image_disk", False, r"no space left on device"),
    ("pod_image_trust", True, r"x509:|server gave HTTP response to HTTPS client"),
    (
        "pod_image_registry",
        False,
        (
            r"registry ?(is )?unavailable|connection (refused|reset)|time-?out|deadline exceeded|no such host|"
            r"broken pipe|server misbehaving|no route to host|network is unreachable|\bEOF\b|\b50\d\b"
        ),
    ),
    (
        "pod_image_denied",
        True,
        r"denied|unauthorized|\b40[13]\b|authorization failed|authentication required|basic auth",
    ),
    ("pod_image_absent", True, r"not found|manifest unknown|name unknown|\b404\b"),
)
# Why a container waits that will never start, but for what a busy runtime says.
NEVER = frozenset({"ErrImageNeverPull", "InvalidImageName", "SignatureValidationFailed"})
BROKEN = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "PreCreateHookError",
        "PreStartHookError",
        "PostStartHookError",
    }
)
BUSY = re.compile(r"deadline exceeded|is reserved for|connection refused|transport is closing|failed to sync")
PULLING = frozenset({"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "ImageInspectError"})
KILLED = 128 + 9  # exit code of what was ended by SIGKILL
NOT_STARTED = frozenset({"StartError", "ContainerCannotRun"})
# Events that say how far a pod is; of trouble with volumes, which come first, nothing is left after one of the others.
VOLUMES = frozenset({"FailedMount", "FailedAttachVolume"})
MACHINE = frozenset({"FailedCreatePodSandBox", "NetworkNotReady"})
BEYOND = frozenset({"Pulling", "Pulled", "Created", "Started", "Failed", "BackOff"})
GROWS = frozenset({"TriggeredScaleUp", "Nominated"})  # of the cluster autoscaler and of Karpenter
# Why a cluster takes a pod away, by the reason of its condition DisruptionTarget or of its last event.
TAKEN = {
    "DeletionByTaintManager": "pod_node",
    "DeletionByPodGC": "pod_node",
    "TerminationByKubelet": "pod_node",
    "TaintManagerEviction": "pod_node",
    "NodeControllerEviction": "pod_node",
    "NodeNotReady": "pod_node",
    "PreemptionByScheduler": "pod_preempted",
    "Preempted": "pod_preempted",
    "Preempting": "pod_preempted",
    "EvictionByEvictionAPI": "pod_drained",
}
# The same by the reason of a pod that has failed, as its machine says it.
FAILED = {
    "Terminated": "pod_node",
    "NodeShutdown": "pod_node",
    "NodeLost": "pod_node",
    "Shutdown": "pod_node",
    "Preempting": "pod_preempted",
    "DeadlineExceeded": "pod_time",
}
# Messages that the cluster's own words make clearer; the others say it all, and the log has the words.
SAID = frozenset(
    {
        "pod_container",
        "pod_image",
        "pod_machine",
        "pod_refused",
        "pod_rejected",
        "pod_unplaced",
        "pod_volume",
        "session_ended",
    }
)
IMAGE = re.compile(r'image "([^"]+)"')
DIGEST = re.compile(r'"?[^\s"]*?(sha256:[0-9a-f]{64})"?')
# What of a text is no word: the names of images could have any of those that are looked for.
NAMES = re.compile(r'"[^"]*"|\S*@sha256:[0-9a-f]+|\S+/\S+')


@dataclass(frozen=True)
class Trouble:
    """Why a session does not start yet, or never will.

    :ivar message: name of the message that tells it.
    :ivar value: what is put into it.
    :ivar image: reference of the image that it is about; its title is put into the message.
    :ivar said: the cluster's own words.
    :ivar fatal: whether waiting does not help.
    :ivar patience: seconds that it has to last before it is.
    :ivar hub: whether it may be the hub's own failure, and not the session's.
    """

    message: str
    value: str = ""
    image: str = ""
    said: str = ""
    fatal: bool = True
    patience: float = 0
    hub: bool = False


def trouble(pod: Object, events: Iterable[Object]) -> Trouble | None:
    """What keeps a pod from running; what is fatal comes first.

    :param events: those of this very pod, in any order.
    """
    ordered = sorted(events, key=_order)
    found = [*_failed(pod), *_containers(pod), *_pulls(ordered), *_volumes(ordered), *_scheduling(pod, ordered)]
    return next((one for one in found if one.fatal), found[0] if found else None)


def pulled_now(events: Iterable[Object]) -> str:
    """The reference of the image that is being pulled; empty when none is."""
    last = [event for event in sorted(events, key=_order) if IMAGE.search(_message(event))][-1:]
    return next((_image(_message(event)) for event in last if event.get("reason") == "Pulling"), "")


def of_one(events: Iterable[Object], uid: str) -> list[Object]:
    """Events of one pod of several that had the same name; without ``uid``, of the last of them."""
    found = sorted(events, key=_order)
    wanted = uid or (found[-1]["involvedObject"].get("uid") if found else "")
    return [event for event in found if event["involvedObject"].get("uid") == wanted]


class Events:
    """A hub's events by pod. All of its launches ask all the time, and there may be tens of thousands."""

    def __init__(self, age: float = 0.3) -> None:
        self.age = age
        self._read: WeakKeyDictionary[Any, tuple[float, dict[tuple[str, str], list[Object]]]] = WeakKeyDictionary()

    def of(self, reflector: Any, namespace: str, name: str) -> list[Object]:
        """Events of all pods that had this name, as they were ``age`` seconds ago at most.

        :param reflector: with ``resources``, KubeSpawner's copy of them.
        """
        at, found = self._read.get(reflector, (0.0, {}))
        if time.monotonic() - at > self.age:
            found = {}
            for event in reflector.resources.values():
                about = event["involvedObject"]
                found.setdefault((about.get("namespace", ""), about.get("name", "")), []).append(event)
            self._read[reflector] = (time.monotonic(), found)
        return found.get((namespace, name), [])


def placed(pod: Object) -> bool:
    """Whether a machine has been chosen for a pod."""
    return bool(pod.get("spec", {}).get("nodeName"))


def is_overdue(pod: Object, now: datetime, patience: float) -> bool:
    """Whether a pod should have been gone for ``patience`` seconds: the machine that has to see to it is lost."""
    when = pod["metadata"].get("deletionTimestamp")
    return bool(when) and (now - datetime.fromisoformat(when)).total_seconds() > patience


def is_over(pod: Object) -> bool:
    """Whether a pod's session has ended, or is about to."""
    status = pod.get("status", {})
    taken = "deletionTimestamp" in pod["metadata"] or any(_conditions(pod, "DisruptionTarget"))
    return taken or status.get("phase") in ("Failed", "Succeeded") or "terminated" in _session(pod).get("state", {})


def ended(pod: Object | None, events: Iterable[Object]) -> tuple[str, str]:
    """The message for how a session ended that was ready, and what was said.

    :param pod: None for one that is gone; then its last events tell.
    """
    if pod is not None:
        for one in _failed(pod):
            return one.message, one.said
        for condition in _conditions(pod, "DisruptionTarget"):
            return TAKEN.get(condition.get("reason", ""), "pod_gone"), ""
        if "deletionTimestamp" in pod["metadata"]:
            return "pod_gone", ""
        if state := _session(pod).get("state", {}).get("terminated"):
            if _ran_out_of_memory(state):
                return "session_memory", ""
            said = str(state.get("message") or "")
            return ("session_over_said" if said.strip() else "session_over"), said
    for event in sorted(events, key=_order, reverse=True):
        if event.get("reason") == "Evicted":
            return _evicted(_message(event)), _message(event)
        if event.get("reason") in TAKEN and not _message(event).startswith("Cancelling"):
            return TAKEN[event["reason"]], ""
    return "pod_gone", ""


def refused(status: int, said: str) -> Trouble:
    """Why the cluster's API takes no pod or volume: its HTTP status and its words."""
    if status >= 500 or status in (401, 429):
        return Trouble("cluster_silent", said=said, hub=True)
    if match := re.search(r"exceeded quota: [^,]*, requested: (.*?), used: ", said):
        names = [re.sub(r"^(limits|requests|count)[./]", "", name) for name in re.findall(r"([\w./-]+)=", match[1])]
        return Trouble("pod_quota", value=", ".join(dict.fromkeys(names)))
    return Trouble("pod_refused", said=said)


def readable(said: str, titles: Mapping[str, str]) -> str:
    """A cluster's words for a person: titles for images, short digests, no protocol.

    :param titles: of images, by digest.
    """
    plain = re.sub(r"rpc error: code = \w+ desc = ", "", said)
    named = DIGEST.sub(lambda match: titles.get(match[1], f"{match[1][:19]}…"), plain)
    for title in set(titles.values()):  # what wraps an error names the image again
        named = named.replace(f"{title}: {title}: ", f"{title}: ")
    if len(named) > LONGEST_LINE:  # what it is about comes first, its reason last
        named = f"{named[: LONGEST_LINE // 2]} … {named[3 - LONGEST_LINE // 2 :]}"
    return line(named)


def last_words(said: str) -> str:
    """What a session said last, in one line; marks that only point at other lines are left out."""
    lines = [one.strip() for one in said.splitlines() if one.strip(" ^~")]
    return line(" ".join(lines[-MOST_LINES:]))


def title(image: str, titles: Mapping[str, str]) -> str:
    """What an image is called: its title by its digest, else its reference without one."""
    name, _at, digest = image.partition("@")
    return titles.get(digest, name)


# -- parts of a pod -------------------------------------------------------------------------------


def _session(pod: Object) -> Object:
    """The status of the container with the session's server, which is the first."""
    name = pod["spec"]["containers"][0]["name"]
    found: Sequence[Object] = pod.get("status", {}).get("containerStatuses") or ()
    return next((status for status in found if status.get("name") == name), {})


def _conditions(pod: Object, kind: str) -> Iterator[Object]:
    for condition in pod.get("status", {}).get("conditions") or ():
        if condition.get("type") == kind:
            yield condition


def _failed(pod: Object) -> Iterator[Trouble]:
    """A pod that a machine did not take, or has given up."""
    status = pod.get("status", {})
    reason, said = status.get("reason", ""), status.get("message", "")
    if status.get("phase") != "Failed" or not reason:
        return
    if reason == "Evicted":
        yield Trouble(_evicted(said), said=said)
    elif reason in FAILED:
        yield Trouble(FAILED[reason])
    else:  # OutOfcpu, UnexpectedAdmissionError, NodeAffinity, …
        yield Trouble("pod_rejected", said=said)


def _evicted(said: str) -> str:
    """The message for why a machine threw a pod out."""
    first = said.partition(". ")[0]
    if "memory" in first:
        return "pod_low_memory"
    return "pod_low_disk" if re.search(r"storage|EmptyDir|disk|inodes", first) else "pod_evicted"


def _containers(pod: Object) -> Iterator[Trouble]:
    session, status = _session(pod), pod.get("status", {})
    for end in (session.get("state", {}).get("terminated"), session.get("lastState", {}).get("terminated")):
        if end:
            yield _terminated(end)
    for one in status.get("initContainerStatuses") or ():
        end = one.get("state", {}).get("terminated")
        if end and end.get("exitCode") and status.get("phase") == "Failed":
            yield Trouble("pod_container", said=f"{one.get('name')}: {end.get('message') or end.get('reason')}")
    for one in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = one.get("state", {}).get("waiting") or {}
        reason, said = waiting.get("reason", ""), waiting.get("message", "")
        if reason in PULLING or reason in NEVER:
            yield _pull(said, _image(said) or one.get("image", ""), never=reason in NEVER)
        elif reason in BROKEN:
            yield _broken(said)


def _terminated(end: Object) -> Trouble:
    """A session that ended before its server answered."""
    said = str(end.get("message") or "")
    if _ran_out_of_memory(end):
        return Trouble("session_memory")
    return Trouble("pod_container" if end.get("reason") in NOT_STARTED else "session_ended", said=said)


def _ran_out_of_memory(end: Object) -> bool:
    """By the runtime's word, or as nobody else kills so; of a child of the first process few runtimes tell."""
    return end.get("reason") == "OOMKilled" or end.get("exitCode") == KILLED


def _broken(said: str) -> Trouble:
    if "failed to prepare subPath" in said:
        return Trouble("pod_store", said=said)
    return Trouble("pod_container", said=said, fatal=not BUSY.search(said))


# -- pulls ----------------------------------------------------------------------------------------


def _pulls(ordered: Iterable[Object]) -> Iterator[Trouble]:
    """Images that could not be pulled at the last attempt; a container's status names only one of them."""
    failed: dict[str, str] = {}
    for event in ordered:
        said = _message(event)
        image = _image(said)
        if event.get("reason") == "Failed" and said.startswith("Failed to pull image"):
            failed[image] = said
        elif event.get("reason") == "Pulled":
            failed.pop(image, None)
    for image, said in failed.items():
        yield _pull(said, image)


def _pull(said: str, image: str, *, never: bool = False) -> Trouble:
    words = NAMES.sub(" ", said)
    for message, fatal, expression in PULLS:
        if not never and re.search(expression, words, re.IGNORECASE):
            return Trouble(message, image=image, said=said, fatal=fatal)
    return Trouble("pod_image", image=image, said=said, fatal=never)


def _image(said: str) -> str:
    """The reference of the image that is spoken of."""
    found = IMAGE.search(said) or re.search(r"for (\S+) because", said)
    return found[1] if found else ""


# -- machines and volumes ---------------------------------------------------------------------------


def _volumes(ordered: Sequence[Object]) -> Iterator[Trouble]:
    told = [event for event in ordered if event.get("reason") in VOLUMES | MACHINE | BEYOND]
    if not told or told[-1]["reason"] in BEYOND:
        return
    said = _message(told[-1])
    if told[-1]["reason"] in MACHINE:
        yield Trouble("pod_machine", said=said, fatal=False)
    elif match := re.search(r'(\w+ "[^"]+") not found', said):
        yield Trouble("pod_volume_absent", value=match[1], patience=SETTLES)
    else:
        yield Trouble("pod_volume", said=said, fatal="hostPath type check failed" in said, patience=SETTLES)


def _scheduling(pod: Object, ordered: Sequence[Object]) -> Iterator[Trouble]:
    for condition in _conditions(pod, "PodScheduled"):
        if condition.get("status") != "False":
            return
        said = str(condition.get("message") or "")
        lacks = re.findall(r"Insufficient ([\w./-]*\w)", said)
        if match := re.search(r'(persistentvolumeclaim "[^"]+") not found', said):
            yield Trouble("pod_volume_absent", value=match[1], patience=SETTLES)
        elif "unbound immediate PersistentVolumeClaims" in said:
            yield Trouble("pod_home", fatal=False)
        elif any(event.get("reason") in GROWS for event in ordered):
            yield Trouble("pod_grows", fatal=False)
        elif lacks or "Too many pods" in said:
            yield Trouble("pod_full", value=", ".join(dict.fromkeys(lacks)) or "pods", fatal=False)
        else:
            yield Trouble("pod_unplaced", said=said.partition(" preemption: ")[0], fatal=False)


def _message(event: Object) -> str:
    return str(event.get("message") or "")


def _order(event: Object) -> tuple[str, int]:
    """When an event was last seen; within a second, by its version in the cluster's store."""
    metadata = event.get("metadata", {})
    when = event.get("lastTimestamp") or event.get("eventTime") or metadata.get("creationTimestamp") or ""
    version = str(metadata.get("resourceVersion", ""))
    return when[:19], int(version) if version.isdigit() else 0
