"""What a cluster's API says when it refuses, and when a request is worth another try."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from ansible_collections.gaia_data.vre.plugins.module_utils import _kubernetes
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._kubernetes import Cluster, ClusterError

TOKEN = "secret-token-of-an-admin"
CONFIG: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "one", "cluster": {"server": "http://127.0.0.1:1"}}],
    "users": [{"name": "admin", "user": {"token": TOKEN}}],
    "contexts": [{"name": "here", "context": {"cluster": "one", "user": "admin"}}],
    "current-context": "here",
}


def kubeconfig(folder: Path, content: Any = None) -> str:
    path = folder / "kubeconfig"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content or CONFIG))
    return str(path)


@pytest.mark.parametrize(
    ("kind", "name", "path"),
    [
        ("ConfigMap", "gaia-vre", "/api/v1/namespaces/hub/configmaps/gaia-vre"),
        ("DaemonSet", "", "/apis/apps/v1/namespaces/hub/daemonsets"),
        ("Node", "", "/api/v1/nodes"),
        ("StorageClass", "fast", "/apis/storage.k8s.io/v1/storageclasses/fast"),
    ],
)
def test_where_objects_are(kind: str, name: str, path: str) -> None:
    assert _kubernetes.path(kind, "hub", name) == path


def status(message: str, reason: str = "Forbidden") -> bytes:
    return json.dumps({"kind": "Status", "status": "Failure", "message": message, "reason": reason}).encode()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (status('pods "x" is forbidden:\n exceeded quota'), 'pods "x" is forbidden: exceeded quota'),
        (b'{"reason": "Conflict"}', "Conflict"),
        (b"<html>\nBad Gateway</html>", "<html> Bad Gateway</html>"),
        ("no JSON", "no JSON"),
        (b"[]", "[]"),
        (None, ""),
        (b"x" * 1000, "x" * 599 + "…"),
    ],
)
def test_the_words_of_the_api(body: Any, words: str) -> None:
    assert _kubernetes.said(body) == words


@pytest.mark.parametrize(
    ("number", "words", "told"),
    [
        (401, "Unauthorized", ["kubernetes_kubeconfig: the cluster does not take this login", "get a new kubeconfig"]),
        (
            403,
            'pods is forbidden: User "eve" cannot list resource "pods" in API group "" in the namespace "hub"',
            ['namespace hub: the cluster refused: pods is forbidden: User "eve" cannot', "docs/kubernetes.md"],
        ),
        (
            403,
            'pods "x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=9, limited: pods=9',
            ["exceeded quota: small", "Remedy: have the quota of the namespace raised"],
        ),
        (
            403,
            'pods "x" is forbidden: violates PodSecurity "restricted:latest": seccompProfile',
            ["violates PodSecurity", "PodSecurity level"],
        ),
        (
            400,
            'admission webhook "no-images.example.org" denied the request: image volumes are not for you',
            ["image volumes are not for you", "look at this policy"],
        ),
        (404, 'namespaces "hub" not found', ["kubernetes_namespace: hub: there is no such namespace", "run deploy"]),
        (503, "", ["cluster: the cluster is not well: HTTP 503"]),
        (422, 'Pod "x" is invalid: spec.volumes[0]: Required value', ["Required value"]),
    ],
)
def test_what_is_refused_is_told_with_a_remedy(number: int, words: str, told: list[str]) -> None:
    error = _kubernetes.refused(number, words, "hub")
    assert error.status == number
    assert all(part in str(error) for part in told), str(error)


@pytest.mark.parametrize(("number", "passing"), [(429, True), (500, True), (504, True), (409, False), (401, False)])
def test_what_passes(number: int, passing: bool) -> None:
    assert _kubernetes.is_passing(number) is passing


@pytest.mark.parametrize(
    ("error", "words", "again"),
    [
        (urllib3.exceptions.ProtocolError("Connection aborted."), "does not answer: Connection aborted", True),
        (TimeoutError("timed out"), "the cluster at https://k:6443 does not answer: timed out", True),
        (ssl.SSLCertVerificationError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"), "is not trusted", False),
        (OSError("[Errno -2] Name or service not known"), "https://k:6443 has no address", False),
    ],
)
def test_a_server_that_says_nothing(error: Exception, words: str, again: bool) -> None:
    told, found = _kubernetes.silent(error, "https://k:6443")
    assert words in str(told)
    assert found is again


@pytest.mark.parametrize(
    ("content", "context", "words"),
    [
        (CONFIG, "there", "kubernetes_context: "),
        ("clusters: [\n  token: " + TOKEN, None, "line 2 is no YAML"),
        ("", None, "kubernetes_kubeconfig: no access by "),
        ("[]", None, "kubernetes_kubeconfig: no access by "),
        ({**CONFIG, "clusters": []}, None, "kubernetes_kubeconfig: no access by "),
    ],
)
def test_a_kubeconfig_that_gives_no_access(tmp_path: Path, content: Any, context: str | None, words: str) -> None:
    with pytest.raises(VreError) as caught:
        Cluster.open(kubeconfig(tmp_path, content), context, "hub")
    assert words in str(caught.value)
    assert TOKEN not in str(caught.value)


# -- a server that answers what it is told to ---------------------------------------------------------


@contextmanager
def serving(port: int, *answers: tuple[int, bytes]) -> Iterator[list[tuple[str, str, Any]]]:
    """Give these answers, the last one for good; yields what was asked: method, path and body."""
    asked: list[tuple[str, str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            number, text = answers[min(len(asked), len(answers) - 1)]
            asked.append((self.command, self.path, json.loads(body) if body else None))
            assert self.headers["Authorization"] == f"Bearer {TOKEN}"
            self.send_response(number)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_DELETE = answer  # noqa: N815 - as the library calls them

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield asked
        finally:
            server.block_on_close = False
            server.shutdown()
            thread.join()


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def cluster(folder: Path, port: int, patience: float = 20) -> Cluster:
    config = {**CONFIG, "clusters": [{"name": "one", "cluster": {"server": f"http://127.0.0.1:{port}"}}]}
    found = Cluster.open(kubeconfig(folder, config), "here", "hub")
    found.patience = patience
    return found


def test_a_server_that_starts_again_is_waited_for(tmp_path: Path, port: int) -> None:
    """First it is not there, then it is not ready, then it answers; nobody but who waits notices."""
    found: list[Any] = []
    api = cluster(tmp_path, port)
    waiting = threading.Thread(target=lambda: found.append(api.get("ConfigMap", "gaia-vre")))
    waiting.start()
    waiting.join(timeout=0.5)
    assert waiting.is_alive()
    with serving(port, (503, b"starting"), (429, b""), (200, b'{"data": {}}')) as asked:
        waiting.join(timeout=20)
        assert found == [{"data": {}}]
        assert [path for _method, path, _body in asked] == ["/api/v1/namespaces/hub/configmaps/gaia-vre"] * 3


def test_the_wait_for_a_server_has_an_end(tmp_path: Path, port: int) -> None:
    with pytest.raises(ClusterError) as caught:
        cluster(tmp_path, port, 0.5).list("Pod")
    assert str(caught.value).startswith("kubernetes_kubeconfig: the cluster at http://127.0.0.1:")
    assert "Connection refused" in str(caught.value)
    assert "object at 0x" not in str(caught.value)
    with serving(port, (500, status("etcd leader changed"))), pytest.raises(ClusterError, match="etcd leader changed"):
        cluster(tmp_path, port, 0.5).list("Pod")


def test_what_is_refused_is_not_asked_for_again(tmp_path: Path, port: int) -> None:
    with serving(port, (403, status("no"))) as asked:
        with pytest.raises(ClusterError, match="the cluster refused: no"):
            cluster(tmp_path, port).list("Pod")
        assert len(asked) == 1


def test_rights_that_a_server_does_not_know_yet_are_asked_for_again(tmp_path: Path, port: int) -> None:
    denied = status('jobs.batch is forbidden: User "deployer" cannot list resource "jobs"')
    with serving(port, (403, denied), (200, b'{"items": []}')) as asked:
        assert cluster(tmp_path, port).list("Job") == []
        assert len(asked) == 2


def test_all_pages_of_a_list(tmp_path: Path, port: int) -> None:
    first = b'{"items": [{"n": 1}], "metadata": {"continue": "more"}}'
    with serving(port, (200, first), (200, b'{"items": [{"n": 2}], "metadata": {}}')) as asked:
        assert cluster(tmp_path, port).list("Pod", {"a": "b", "c": "d"}, "spec.nodeName=x") == [{"n": 1}, {"n": 2}]
        assert asked[0][1].partition("?")[2] == (
            "labelSelector=a%3Db%2Cc%3Dd&fieldSelector=spec.nodeName%3Dx&limit=500"
        )
        assert asked[1][1].endswith("&continue=more")


def test_what_is_not_there_is_none_and_goes_without_a_word(tmp_path: Path, port: int) -> None:
    with serving(port, (404, status('pods "x" not found', "NotFound"))) as asked:
        api = cluster(tmp_path, port)
        assert api.get("Pod", "x") is None
        api.delete("Pod", "x", "7")
        body = {"propagationPolicy": "Background", "preconditions": {"resourceVersion": "7"}}
        assert asked[1] == ("DELETE", "/api/v1/namespaces/hub/pods/x", body)


def test_a_proxy_that_answers_in_its_place(tmp_path: Path, port: int) -> None:
    with serving(port, (200, b"<html>Welcome</html>")), pytest.raises(ClusterError, match="gave no JSON"):
        cluster(tmp_path, port).version()
