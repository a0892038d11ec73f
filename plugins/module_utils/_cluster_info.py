# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kubeconfig may do in a namespace, and which of the hub's pods and sessions run there.

Source: Kubernetes, "Authorization": SelfSubjectRulesReview has most rules in one answer, and may be incomplete;
SelfSubjectAccessReview is the verdict on one request. Rules of a namespace's own say nothing of what is in none.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._kubernetes import COMPONENT, LABELS, Cluster
from ansible_collections.gaia_data.vre.plugins.module_utils._status import USERNAME

LEVEL = "pod-security.kubernetes.io/enforce"
IMAGES = "gaia-data.org/images"
# Source: Zero to JupyterHub and KubeSpawner, labels of their pods
HUB, SESSIONS = {"component": "hub"}, {"component": "singleuser-server"}
CODE = {COMPONENT: "hub-code"}
REVIEW = "authorization.k8s.io/v1"


@dataclass(frozen=True)
class Right:
    """One thing that must be allowed.

    :param group: API group; empty for the core one.
    :param resource: plural, with ``/subresource`` where it is one.
    :param name: of the only object that it is wanted for; empty for all.
    :param cluster_wide: whether the resource is in no namespace.
    :param why: what it is needed for.
    """

    verb: str
    group: str
    resource: str
    why: str
    name: str = ""
    cluster_wide: bool = False


def rights(wanted: Iterable[Mapping[str, Any]]) -> list[Right]:
    """What the option ``rights`` says, one by one."""
    return [
        Right(verb, one["group"], resource, one["why"], one["name"] or "", one["cluster_wide"])
        for one in wanted
        for resource in one["resources"]
        for verb in one["verbs"]
    ]


def is_covered(right: Right, rules: Sequence[Mapping[str, Any]]) -> bool:
    """Whether one of the ``resourceRules`` of a SelfSubjectRulesReview allows it."""

    def has(rule: Mapping[str, Any], key: str, value: str) -> bool:
        return bool({"*", value} & set(rule.get(key) or ()))

    return any(
        has(rule, "verbs", right.verb)
        and has(rule, "apiGroups", right.group)
        and has(rule, "resources", right.resource)
        and (not rule.get("resourceNames") or right.name in rule["resourceNames"])
        for rule in rules
    )


def place(right: Right, namespace: str) -> str:
    """The namespace whose roles can give it; empty for none. The object ``Namespace`` itself is in its own."""
    own = right.resource == "namespaces" and right.name == namespace
    return namespace if own or not right.cluster_wide else ""


def unsettled(wanted: Iterable[Right], namespace: str, rules: Sequence[Mapping[str, Any]]) -> list[Right]:
    """Rights that rules of a namespace do not show to be given.

    :param rules: of :func:`is_covered`; whether one is the whole cluster's, they do not tell.
    """
    return [right for right in wanted if not (place(right, namespace) and is_covered(right, rules))]


def denied(cluster: Cluster, wanted: Sequence[Right]) -> list[Right]:
    """Of these, what is not allowed.

    :raises ClusterError: when the cluster does not answer.
    """
    if not wanted:
        return []
    body = {"apiVersion": REVIEW, "kind": "SelfSubjectRulesReview", "spec": {"namespace": cluster.namespace}}
    rules = (cluster.create("SelfSubjectRulesReview", body).get("status") or {}).get("resourceRules") or []
    return [right for right in unsettled(wanted, cluster.namespace, rules) if not _is_allowed(cluster, right)]


def _is_allowed(cluster: Cluster, right: Right) -> bool:
    resource, _sep, subresource = right.resource.partition("/")
    attributes = {
        "namespace": place(right, cluster.namespace),
        "verb": right.verb,
        "group": right.group,
        "resource": resource,
        "subresource": subresource,
        "name": right.name,
    }
    body = {"apiVersion": REVIEW, "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}}
    return bool((cluster.create("SelfSubjectAccessReview", body).get("status") or {}).get("allowed"))


def told(missing: Sequence[Right], namespace: str) -> list[str]:
    """A sentence for each resource and use."""
    verbs: dict[tuple[str, str, bool, str], list[str]] = {}
    for right in missing:
        verbs.setdefault((right.group, right.resource, right.cluster_wide, right.why), []).append(right.verb)
    return [
        f"It may not {', '.join(found)} {resource}{f' ({group})' if group else ''} "
        f"{'of the cluster' if wide else f'in namespace {namespace}'}, which is for {why}."
        for (group, resource, wide, why), found in verbs.items()
    ]


def hub_pods(found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of the hub's pods that are not about to go: ``name``, ``ready``, ``config_maps`` that they have as files."""
    return [
        {
            "name": pod["metadata"]["name"],
            "ready": _is_ready(pod),
            "config_maps": [
                volume["configMap"]["name"] for volume in pod["spec"].get("volumes") or () if "configMap" in volume
            ],
        }
        for pod in found
        if not pod["metadata"].get("deletionTimestamp")
    ]


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def sessions(found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of each session that starts or runs: ``user``, ``pod``, ``digests`` of its images."""
    return sorted(_sessions(found), key=lambda one: (str(one["user"]), str(one["pod"])))


def _sessions(found: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for pod in found:
        metadata = pod["metadata"]
        if (pod.get("status") or {}).get("phase") not in ("Pending", "Running"):
            continue
        marks = metadata.get("annotations") or {}
        user = marks.get(USERNAME) or (metadata.get("labels") or {}).get(USERNAME) or metadata["name"]
        yield {"user": user, "pod": metadata["name"], "digests": _digests(marks.get(IMAGES))}


def _digests(text: str | None) -> list[str]:
    """Digests of an annotation that only the hub writes; one that is junk has none."""
    try:
        return sorted(str(digest) for digest in json.loads(text or "{}").values())
    except (ValueError, AttributeError):
        return []


def release(secrets: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The last revision of a release of Helm, by the Secrets in which that keeps them; None for none.

    Its values, which may hold secrets, are told by their checksum only; see :func:`checksum`.
    """
    found = max(secrets, key=lambda one: int(one["metadata"]["labels"]["version"]), default=None)
    if found is None:
        return None
    labels = found["metadata"]["labels"]
    told = {
        "record": found["metadata"]["name"],
        "status": labels["status"],
        "began": found["metadata"]["creationTimestamp"],
    }
    try:
        kept = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(found["data"]["release"]))))
        chart = kept["chart"]["metadata"]
        told["chart"] = [chart["name"], chart["version"], chart.get("appVersion") or ""]
        told["checksum"] = checksum(kept.get("config") or {})
    except (LookupError, ValueError, TypeError, OSError, EOFError):
        pass  # of a Helm that keeps them in another way: then it is asked itself
    return told


def checksum(values: Any) -> str:
    """A checksum of data, whatever the order of its keys; of dates and numbers, as Helm keeps them in its record."""
    return hashlib.sha256(json.dumps(_kept(values), sort_keys=True, default=str).encode()).hexdigest()


def _kept(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _kept(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_kept(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def look(cluster: Cluster, wanted: Sequence[Right], name: str = "", secret: str = "") -> dict[str, Any]:
    """All of it.

    :param name: of a release of Helm; empty for none.
    :param secret: name of a Secret of ours, whose checksum is told; empty for none.
    :raises ClusterError: when the cluster does not answer, or refuses.
    """
    version, missing = cluster.version(), denied(cluster, wanted)
    # Who may not see it has no namespace, or is told so above.
    sees = not any(right.resource == "namespaces" for right in missing)
    namespace = cluster.get("Namespace", cluster.namespace) if sees else None
    labels = ((namespace or {}).get("metadata") or {}).get("labels") or {}
    pods, code = (cluster.list("Pod"), cluster.list("ConfigMap", CODE)) if namespace else ([], [])
    kept = cluster.list("Secret", {"owner": "helm", "name": name}) if namespace and name else []
    ours = cluster.get("Secret", secret) if namespace and secret else None
    return {
        "release": release(kept),
        "secret": checksum(ours.get("data") or {}) if ours else "",
        "version": version,
        "namespace": namespace is not None,
        "ours": LABELS.items() <= labels.items(),
        "level": labels.get(LEVEL, ""),
        "code": [one["metadata"]["name"] for one in sorted(code, key=_age)],
        "missing": told(missing, cluster.namespace),
        "hub": hub_pods(_labelled(pods, HUB)),
        "sessions": sessions(_labelled(pods, SESSIONS)),
    }


def _age(one: Mapping[str, Any]) -> tuple[str, str]:
    return str(one["metadata"].get("creationTimestamp", "")), str(one["metadata"]["name"])


def _labelled(pods: Iterable[Mapping[str, Any]], labels: Mapping[str, str]) -> list[Mapping[str, Any]]:
    return [pod for pod in pods if labels.items() <= (pod["metadata"].get("labels") or {}).items()]
