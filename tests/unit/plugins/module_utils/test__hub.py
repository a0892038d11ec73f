"""The pure parts of the check's client; the whole of it runs against a real hub in the lab."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import websocket

from ansible_collections.gaia_data.vre.plugins.module_utils import _hub
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from gaia_lab import tls


class Wire:
    """A websocket that plays messages of a kernel."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.messages = list(messages)
        self.sent: dict[str, Any] = {}

    def settimeout(self, _seconds: float) -> None:
        """Nothing is waited for."""

    def send(self, text: str) -> None:
        self.sent = json.loads(text)

    def recv(self) -> str:
        message = self.messages.pop(0)
        if message.pop("ours", True):
            message["parent_header"] = {"msg_id": self.sent["header"]["msg_id"]}
        return json.dumps(message)


def said(kind: str, ours: bool = True, **content: Any) -> dict[str, Any]:
    return {"header": {"msg_type": kind}, "content": content, "ours": ours}


def test_a_request_waits_for_reply_output_and_idle() -> None:
    wire = Wire(
        said("status", execution_state="busy"),
        said("stream", ours=False, name="stdout", text="somebody else's"),
        said("execute_reply", status="ok"),
        said("stream", name="stdout", text="3.13."),
        said("stream", name="stderr", text="a warning"),
        said("stream", name="stdout", text="5\n"),
        said("status", execution_state="idle"),
    )
    talk = _hub.Conversation(wire, time.monotonic() + 5, 5)
    assert talk.ask("execute_request", {"code": "x"})["content"] == {"status": "ok"}
    assert talk.output == "3.13.5\n"
    assert wire.sent["channel"] == "shell"
    assert wire.sent["header"]["msg_type"] == "execute_request"


@pytest.mark.parametrize("state", ["dead", "restarting"])
def test_a_kernel_that_dies_is_told_at_once(state: str) -> None:
    talk = _hub.Conversation(Wire(said("status", ours=False, execution_state=state)), time.monotonic() + 5, 5)
    with pytest.raises(VreError, match="the kernel died"):
        talk.ask("kernel_info_request", {})


def test_a_kernel_that_says_nothing_in_time() -> None:
    with pytest.raises(VreError, match=r"did not answer within 7 s.*Remedy: raise check_timeout"):
        _hub.Conversation(Wire(), time.monotonic() - 1, 7).ask("kernel_info_request", {})


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], ""),
        (["data: junk", ": comment", "data: 1"], ""),
        (['data: {"progress": 100, "ready": true}'], ""),
        (
            [
                'data: {"progress": 0, "message": "Server requested"}',
                "",
                'data: {"failed": true, "message": "Spawn failed: x"}',
            ],
            "Spawn failed: x",
        ),
    ],
)
def test_last_words_of_a_start_that_failed(lines: list[str], words: str) -> None:
    assert _hub.last_words(lines) == words


def test_a_report() -> None:
    report = _hub.Report(rows=[_hub.Row("ocean", "ocean", "conda-env-ocean-ocean-py")], launch_seconds=1.23456)
    assert report.result() == {
        "results": [
            {
                "image": "ocean",
                "environment": "ocean",
                "kernel": "conda-env-ocean-ocean-py",
                "ok": False,
                "seconds": 0.0,
                "language": "",
                "version": "",
                "error": "",
                "last_lines": "",
                "starts": 1,
            }
        ],
        "launch_seconds": 1.235,
        "first_list_seconds": 0.0,
        "error": "",
        "busy": False,
    }


def test_a_hub_that_is_not_there() -> None:
    hub = _hub.Hub("http://localhost:1", "check", "token", 5)
    with pytest.raises(VreError, match="the hub gave no answer"):
        hub.server()


class Lost(_hub.Hub):
    """A hub whose session fails at ``step``."""

    def __init__(self, step: str) -> None:
        super().__init__("https://hub.example.org", "check", "a token", 5)
        self.step, self.stopped = step, 0

    def stop(self) -> None:
        self.stopped += 1

    def start(self, options: dict[str, Any]) -> None:  # noqa: ARG002
        if self.step == "start":
            raise VreError("no room")

    def kernelspecs(self) -> dict[str, Any]:
        if self.step == "list":
            raise VreError("bad gateway")
        return {}


@pytest.mark.parametrize(
    ("step", "session", "row"),
    [
        ("start", "no room.", "no room."),
        ("list", "the session lists no kernels: bad gateway.", "the session lists no kernels: bad gateway."),
        ("kernel", "", "the session does not list this kernel; it lists none"),
    ],
)
def test_a_session_that_fails_is_a_row_a_kernel_and_is_stopped(step: str, session: str, row: str) -> None:
    hub = Lost(step)
    report = _hub.check_session(hub, {}, [_hub.Expected("ocean", "ocean", "conda-env-ocean-ocean-py")])
    assert (report.error, [one.error for one in report.rows], report.rows[0].ok) == (session, [row], False)
    assert hub.stopped == 2


class Dies(_hub.Hub):
    """A session in which the first ``deaths`` kernels die."""

    def __init__(self, deaths: int) -> None:
        super().__init__("https://hub.example.org", "check", "a token", 5)
        self.deaths, self.gone = deaths, 0

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:  # noqa: ARG002
        self.gone += method == "DELETE"
        return 200, {"id": "k"}

    def _talk(self, path: str, row: _hub.Row, end: float) -> None:  # noqa: ARG002
        if self.gone < self.deaths:
            raise (
                _hub.DiedError("the kernel died") if self.gone == 0 else VreError("no answer in the time that is left")
            )

    def _last_lines(self, spec: Any) -> str:  # noqa: ARG002
        return ""


@pytest.mark.parametrize(("deaths", "ok", "starts"), [(0, True, 1), (1, True, 2), (2, False, 2)])
def test_a_kernel_that_dies_is_started_once_more(deaths: int, ok: bool, starts: int) -> None:
    hub, row = Dies(deaths), _hub.Row("ocean", "ocean", "conda-env-ocean-ocean-py")
    hub.try_kernel(row, {})
    assert (row.ok, row.starts, hub.gone) == (ok, starts, starts)
    assert row.error == ("" if ok else "the kernel died.")


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[str]:
    """An address with a certificate ``hub.pem`` of the authority ``ca.pem``; ``other/ca.pem`` has signed nothing."""
    (tmp_path / "other").mkdir()
    tls.make_ca(tmp_path / "other")
    tls.make_ca(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*tls.make_certificate(tmp_path, "hub", ["localhost"], ["127.0.0.1"]))
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"https://localhost:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("ca_file", "system"),
    [
        ("ca.pem", "other/ca.pem"),
        ("hub.pem", "other/ca.pem"),  # before Python 3.13 no anchor, unless one says so
        ("other/ca.pem", "ca.pem"),  # a pair that was left there when a public authority took over
    ],
)
def test_the_hub_is_trusted_by_its_authority_or_its_own_certificate_or_the_systems(
    secure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ca_file: str, system: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / system))
    hub = _hub.Hub(secure, "check", "a token", 5, str(tmp_path / ca_file))
    with pytest.raises(VreError, match="got 501"):  # an answer
        hub.server()
    with pytest.raises(websocket.WebSocketBadStatusException):
        hub._socket("/user/check/api")


def test_another_authority_is_not_trusted(secure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other/ca.pem"))
    hub = _hub.Hub(secure, "check", "a token", 5, str(tmp_path / "other/ca.pem"))
    with pytest.raises(VreError, match="CERTIFICATE_VERIFY_FAILED"):
        hub.server()


def test_an_authority_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    for name in ("missing.pem", "empty.pem"):
        with pytest.raises(VreError, match="ca_file: the authority's file cannot be used"):
            _hub.Hub("https://hub.example.org", "check", "a token", 5, str(tmp_path / name))


@pytest.mark.parametrize(("status", "remedy"), [(403, "check token_file"), (404, "check user"), (500, "")])
def test_what_to_do_when_the_hub_refuses_the_service(monkeypatch: pytest.MonkeyPatch, status: int, remedy: str) -> None:
    hub = _hub.Hub("http://hub.example.org", "check", "a token", 5)

    def refuse(*_arguments: Any) -> tuple[int, Any]:
        raise VreError("no", "GET /hub/api/users/check", status)

    monkeypatch.setattr(hub, "call", refuse)
    with pytest.raises(VreError) as raised:
        hub.server()
    assert raised.value.remedy.startswith(remedy)
    assert bool(raised.value.remedy) is bool(remedy)


class Queue(BaseHTTPRequestHandler):
    """A hub whose session never is ready; its progress page says where it is, and goes on."""

    told = ""

    def do_POST(self) -> None:
        self._answer("null")

    def do_GET(self) -> None:
        first = 'data: {"progress": 0, "message": "Server requested"}'
        server: dict[str, Any] = {"servers": {"": {"ready": False}}}
        self._answer(f"{first}\n\n{self.told}\n\n" if self.path.endswith("progress") else json.dumps(server))

    def _answer(self, text: str) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_arguments: Any) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    ("told", "busy", "words"),
    [
        ('data: {"message": "Job 7 is in the queue.", "queued": true}', True, "0 s: Job 7 is in the queue."),
        ('data: {"message": "It runs.", "queued": false}', False, "the session was not ready within 0 s"),
        ('data: {"message": "The container starts."}', False, "the session was not ready within 0 s"),
    ],
)
def test_a_wait_in_the_queue_is_told_from_a_session_that_does_not_start(
    monkeypatch: pytest.MonkeyPatch, told: str, busy: bool, words: str
) -> None:
    monkeypatch.setattr(Queue, "told", told)
    monkeypatch.setattr(_hub, "STARTS", 0)
    with ThreadingHTTPServer(("127.0.0.1", 0), Queue) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        hub = _hub.Hub(f"http://127.0.0.1:{server.server_port}", "check", "a token", 0.2)
        with pytest.raises(VreError, match=words) as raised:
            hub.start({})
        server.shutdown()
    assert isinstance(raised.value, _hub.BusyError) is busy


class Slow(_hub.Hub):
    """A hub whose kernels of image ``hangs`` take a while, and which counts how many start at a time."""

    def __init__(self) -> None:
        super().__init__("http://hub.example.org", "check", "a token", 5)
        self.now, self.most, self.lock = 0, 0, threading.Lock()
        self.order: list[str] = []

    def try_kernel(self, row: _hub.Row, spec: Any) -> None:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.order.append(f"{row.image} {spec['name']}")
        time.sleep(0.3 if row.image == "hangs" else 0.01)
        row.ok = True
        with self.lock:
            self.now -= 1


def rows(image: str, count: int) -> list[_hub.Row]:
    return [_hub.Row(image, image, f"{image}{number}") for number in range(count)]


def test_kernels_start_some_at_a_time_and_a_slow_image_holds_no_other() -> None:
    hub = Slow()
    every = [*rows("hangs", 8), *rows("quick", 3)]
    listed = {row.kernel: {"name": row.kernel} for row in every}
    _hub.try_kernels(hub, every, listed, _hub.Bounds(parallel=2, patience=0.5))
    assert hub.most == 2
    assert hub.order[:2] == ["hangs hangs0", "quick quick0"]
    assert all(row.ok for row in every if row.image == "quick")
    late = [row for row in every if row.image == "hangs" and not row.ok]
    assert late
    assert "raise vre_patience" in late[0].error
