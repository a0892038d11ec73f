# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster's API: objects as JSON, by the official client, and what it says when it refuses.

Objects are plain dictionaries: models of an older client would drop what they do not know, such as image volumes.
"""

from __future__ import annotations

import importlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

# Of all that we make.
LABELS = {"app.kubernetes.io/managed-by": "gaia-vre", "app.kubernetes.io/part-of": "gaia-vre"}
COMPONENT = "gaia-data.org/component"
KINDS = {
    "ConfigMap": ("/api/v1", "configmaps"),
    "DaemonSet": ("/apis/apps/v1", "daemonsets"),
    "Event": ("/api/v1", "events"),
    "Job": ("/apis/batch/v1", "jobs"),
    "Namespace": ("/api/v1", "namespaces"),
    "Node": ("/api/v1", "nodes"),
    "PersistentVolumeClaim": ("/api/v1", "persistentvolumeclaims"),
    "Pod": ("/api/v1", "pods"),
    "Secret": ("/api/v1", "secrets"),
    "SelfSubjectAccessReview": ("/apis/authorization.k8s.io/v1", "selfsubjectaccessreviews"),
    "SelfSubjectRulesReview": ("/apis/authorization.k8s.io/v1", "selfsubjectrulesreviews"),
    "StorageClass": ("/apis/storage.k8s.io/v1", "storageclasses"),
}
CLUSTER_WIDE = ("Namespace", "Node", "SelfSubjectAccessReview", "SelfSubjectRulesReview", "StorageClass")
# Seconds that an API server may take to start again; it may wait a minute before it stops (measured), and be slow.
PATIENCE = 180
# Seconds that rights may be denied which are given: an API server that has just started does not know them (measured:
# a few seconds, more on a busy machine).
RIGHTS_COME = 20
DENIED = "is forbidden: User "
TIMEOUT = (10, 60)  # seconds to connect, and to answer
LONGEST_PAUSE = 5
LONGEST_SAID = 600
PAGE = 500
UP = "check that it is up and can be reached from here, and that kubernetes_kubeconfig and kubernetes_context mean it"
RIGHTS = "have the cluster's admin allow it; docs/kubernetes.md lists what is needed, and why"
# What is said when a pod or another object is not taken, and what to do.
REFUSALS = (
    ("exceeded quota", "have the quota of the namespace raised, or free some of it"),
    ("failed quota", "have the quota of the namespace changed"),
    (" usage per ", "have the LimitRange of the namespace changed"),
    ("violates PodSecurity", "have the namespace's PodSecurity level changed; restricted is enough"),
    (DENIED, RIGHTS),
    ("admission webhook", "have the cluster's admin look at this policy"),
    ("ValidatingAdmissionPolicy", "have the cluster's admin look at this policy"),
)


class ClusterError(VreError):
    """The cluster refused, or did not answer.

    :ivar status: the HTTP status; 0 without an answer.
    :ivar said: the cluster's own words.
    """

    def __init__(self, message: str, where: str, remedy: str, status: int = 0, said: str = "") -> None:
        super().__init__(message, where, None, remedy)
        self.status, self.said = status, said


class Cluster:
    """One namespace of a cluster; what is in no namespace can be read, too.

    Use :meth:`open`. Every method raises :class:`ClusterError`. Where the API server does not answer, or is busy, a
    request is made again for ``patience`` seconds.
    """

    def __init__(self, api: Any, namespace: str, patience: float = PATIENCE) -> None:
        self.namespace, self.patience = namespace, patience
        self.server = str(api.configuration.host)
        # Its requests are the same in all versions of the client; what there is needs no discovery.
        self._client = importlib.import_module("kubernetes.dynamic").DynamicClient(api, discoverer=lambda *_: None)

    @classmethod
    def open(cls, kubeconfig: str | None, context: str | None, namespace: str) -> Cluster:
        """The cluster of a kubeconfig.

        :param kubeconfig: its path; None for the usual one.
        :param context: None for the current one.
        :raises VreError: when there is no such file, or no such context in it.
        """
        config, client = (importlib.import_module(f"kubernetes.{name}") for name in ("config", "client"))
        found = client.Configuration()
        found.retries = False  # we know better what is worth another try
        try:
            config.load_kube_config(config_file=kubeconfig, context=context, client_configuration=found)
        except Exception as error:  # pylint: disable=broad-except
            raise unreadable(error, kubeconfig, context) from error
        return cls(client.ApiClient(found), namespace)

    # -- objects --------------------------------------------------------------------------------

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """An object, or None."""
        try:
            return self._json("GET", self._path(kind, name))
        except ClusterError as error:
            if error.status == 404:
                return None
            raise

    def list(self, kind: str, labels: Mapping[str, str] | None = None, fields: str = "") -> list[dict[str, Any]]:
        """All objects of a kind with these labels, and of these fields."""
        query = [("labelSelector", ",".join(f"{key}={value}" for key, value in (labels or {}).items()))]
        query += [("fieldSelector", fields), ("limit", str(PAGE))]
        found: list[dict[str, Any]] = []
        more = ""
        while True:
            page = self._json("GET", self._path(kind), [*query, ("continue", more)])
            found += page.get("items") or []
            more = (page.get("metadata") or {}).get("continue") or ""
            if not more:
                return found

    def create(self, kind: str, body: Mapping[str, Any], *, dry: bool = False) -> dict[str, Any]:
        """Make an object.

        :param dry: only ask whether it would be taken.
        """
        return self._json("POST", self._path(kind), [("dryRun", "All" if dry else "")], body=body)

    def replace(self, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Replace an object; with its ``resourceVersion``, only if it did not change since."""
        return self._json("PUT", self._path(kind, body["metadata"]["name"]), body=body)

    def merge(self, kind: str, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change a part of an object; with a ``resourceVersion``, only if it did not change since."""
        return self._json("PATCH", self._path(kind, name), body=body, content="application/merge-patch+json")

    def delete(self, kind: str, name: str, version: str = "") -> None:
        """Remove an object with all that belongs to it; none is none.

        :param version: its ``resourceVersion``, where another one is to stay.
        """
        body: dict[str, Any] = {"propagationPolicy": "Background"}
        if version:
            body["preconditions"] = {"resourceVersion": version}
        try:
            self._json("DELETE", self._path(kind, name), body=body)
        except ClusterError as error:
            if error.status != 404:
                raise

    def log(self, pod: str, container: str, lines: int) -> str:
        """The end of what a container said."""
        query = [("container", container), ("tailLines", str(lines))]
        return self._bytes("GET", f"{self._path('Pod', pod)}/log", query).decode(errors="replace")

    def version(self) -> str:
        """The version of the API server, such as ``v1.36.3``."""
        return str(self._json("GET", "/version").get("gitVersion", ""))

    # -- requests -------------------------------------------------------------------------------

    def _path(self, kind: str, name: str = "") -> str:
        return path(kind, self.namespace, name)

    def _json(self, method: str, path: str, query: Sequence[tuple[str, str]] = (), **more: Any) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self._bytes(method, path, query, **more) or b"{}")
        except ValueError as error:
            remedy = "see what stands between here and the cluster: a proxy may have answered"
            raise ClusterError(f"{self.server} gave no JSON: {error}", "kubernetes_kubeconfig", remedy) from error
        return found

    def _bytes(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        body: Mapping[str, Any] | None = None,
        content: str = "application/json",
    ) -> bytes:
        began, pause = time.monotonic(), 0.25
        while True:
            try:
                answer = self._client.request(
                    method,
                    path,
                    body=dict(body) if body is not None else None,
                    query_params=[(key, value) for key, value in query if value],
                    content_type=content,
                    serialize=False,
                    _request_timeout=TIMEOUT,
                )
                return bytes(answer.data)
            except Exception as error:  # pylint: disable=broad-except
                told, again = self._told(error)
                if told is None:
                    raise
                if time.monotonic() + pause > began + again:
                    raise told from error
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _told(self, error: Exception) -> tuple[VreError | None, float]:
        """An error of the client in our words, and for how many seconds another try may help.

        None for what is none of its own.
        """
        status = getattr(error, "status", None)
        if isinstance(status, int) and status:
            words = said(getattr(error, "body", ""))
            passing = self.patience if is_passing(status) else RIGHTS_COME if status == 403 and DENIED in words else 0
            return refused(status, words, self.namespace), passing
        library = type(error).__module__.partition(".")[0]
        if library == "kubernetes":
            return unreadable(error, None, None), 0
        if library in ("urllib3", "http") or isinstance(error, OSError):
            told, again = silent(error, self.server)
            return told, self.patience if again else 0
        return None, 0


def path(kind: str, namespace: str, name: str = "") -> str:
    """Where a kind of objects, or one of them, is in the API."""
    group, plural = KINDS[kind]
    parts = [group, plural] if kind in CLUSTER_WIDE else [group, "namespaces", namespace, plural]
    return "/".join([*parts, name] if name else parts)


def is_passing(status: int) -> bool:
    """Whether a refusal is one of a server that is busy, or about to stop or start."""
    return status == 429 or status >= 500


def said(body: Any) -> str:
    """The API's own words, in one line."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body or "")
    try:
        found = json.loads(text)
        text = str(found.get("message") or found.get("reason") or text)
    except (ValueError, AttributeError):
        pass
    words = " ".join(text.split())
    return words if len(words) <= LONGEST_SAID else words[: LONGEST_SAID - 1] + "…"


def refused(status: int, words: str, namespace: str) -> ClusterError:
    """What the API said, with what to do.

    :param words: of :func:`said`.
    """
    where = f"namespace {namespace}"
    if status == 401:
        remedy = "get a new kubeconfig, or log in again; then set kubernetes_kubeconfig"
        return ClusterError(
            f"the cluster does not take this login: {words or 'Unauthorized'}", "kubernetes_kubeconfig", remedy, 401
        )
    if is_passing(status):
        return ClusterError(f"the cluster is not well: {words or f'HTTP {status}'}", "cluster", UP, status)
    if status == 404 and re.match(r'namespaces "[^"]*" not found', words):
        remedy = "run deploy first, or correct kubernetes_namespace"
        return ClusterError("there is no such namespace", f"kubernetes_namespace: {namespace}", remedy, status)
    remedy = remedy_of(words) or (RIGHTS if status == 403 else "")
    return ClusterError(f"the cluster refused: {words or f'HTTP {status}'}", where, remedy, status, words)


def remedy_of(words: str) -> str:
    """What to do about an object that is not taken, by the cluster's words; empty where they are not known."""
    return next((remedy for part, remedy in REFUSALS if part in words), "")


def silent(error: Exception, server: str) -> tuple[ClusterError, bool]:
    """What a connection that failed means, and whether another try may help."""
    words = _plain(error)
    where = "kubernetes_kubeconfig"
    if "CERTIFICATE_VERIFY_FAILED" in words or type(error).__name__ == "SSLError":
        remedy = "give the kubeconfig the cluster's own authority (certificate-authority-data)"
        return ClusterError(f"the certificate of {server} is not trusted: {words}", where, remedy), False
    if "not known" in words or "NameResolution" in type(error).__name__:
        return ClusterError(f"{server} has no address: {words}", where, UP), False
    return ClusterError(f"the cluster at {server} does not answer: {words}", where, UP), True


def unreadable(error: Exception, kubeconfig: str | None, context: str | None) -> VreError:
    """A kubeconfig that gives no access; its content is not told, as it has secrets."""
    place, words = kubeconfig or "the usual kubeconfig", _plain(error)
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        words = f"line {mark.line + 1} is no YAML"
    if context and "contexts" in words:
        remedy = "correct kubernetes_context, or leave it out"
        return VreError(f"{place} has no such context", "kubernetes_context", context, remedy)
    remedy = "give the path of a kubeconfig of this cluster that this user can read"
    return VreError(f"no access by {place}: {words}", "kubernetes_kubeconfig", None, remedy)


def _plain(error: Exception) -> str:
    """The words of an error without the objects that Python's libraries put before them."""
    text = re.sub(r"<[\w.]+ object at 0x[0-9a-f]+>: ?|[\w.]*Connection\([^)]*\): ?", "", str(error))
    return " ".join(text.split())[:LONGEST_SAID].rstrip(".") or type(error).__name__
