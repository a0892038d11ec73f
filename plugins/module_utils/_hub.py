# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session for the check: start it through the hub's REST API, run a line in every kernel, stop it.

Sources: JupyterHub's REST API (``/users/{name}/server``) and Jupyter Server's REST API and messaging protocol.
Nothing of Ansible's is used: the nightly check runs this on the hub's host, where there is no Ansible.
"""

from __future__ import annotations

import contextlib
import json
import ssl
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from ansible_collections.gaia_data.vre.plugins.module_utils import _terminal
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

# A line that prints the language's version, by the language that the kernel names; others are only asked who they are.
VERSION_LINES = {
    "python": "import platform; print(platform.python_version())",
    "r": "cat(R.version$major, R.version$minor, sep='.')",
    "julia": "println(VERSION)",
}
LONGEST_ERROR = 2000
# What the hub answers a service that asks for the check's user, and what to do.
REMEDIES = {
    401: "check token_file; deploy writes it and gives it to the hub",
    403: "check token_file; deploy writes it and gives it to the hub",
    404: "check user; the service may see the check's own user only, and deploy makes it",
}
CONNECT_TIMEOUT = 5
ANSWERS = 60  # seconds for one answer of the hub, which waits for a start or stop that is slow
STARTS = 120  # seconds for a session whose job left the queue late
DIED = "build the image again with what its last lines ask for, lock and publish it"
SLOW = "raise check_timeout, or build the image so that the kernel starts sooner; then publish again"
LATE = "raise vre_patience, or split the image; then publish again"
NO_ANSWER = (URLError, OSError)
# A certificate that is no authority can be trusted, too. Python names it since 3.10 and sets it by itself since 3.13.
PARTIAL_CHAIN = ssl.VerifyFlags(0x80000)  # X509_V_FLAG_PARTIAL_CHAIN


class BusyError(VreError):
    """The session's job still waits in the queue, which says nothing about its images."""


class DiedError(VreError):
    """The kernel ended before it answered."""


@dataclass(frozen=True)
class Expected:
    """A kernel that the session must offer."""

    image: str
    environment: str
    kernel: str


@dataclass
class Row:
    """What became of one kernel."""

    image: str
    environment: str
    kernel: str
    ok: bool = False
    seconds: float = 0.0
    language: str = ""
    version: str = ""
    error: str = ""
    last_lines: str = ""
    starts: int = 1


@dataclass(frozen=True)
class Bounds:
    """How much at a time, and for how long.

    :param parallel: kernels that start at a time.
    :param patience: seconds for all kernels of one image, counted from the start of its first.
    """

    parallel: int = 4
    patience: float = 600


class _NoRedirect(HTTPRedirectHandler):
    """Another place would get the token, too."""

    def redirect_request(self, *_arguments: Any) -> None:
        """Follow nothing; the answer is an error."""


@dataclass
class Report:
    """What became of the session; ``busy`` when its job never left the queue."""

    rows: list[Row] = field(default_factory=list)
    launch_seconds: float = 0.0
    first_list_seconds: float = 0.0
    error: str = ""
    busy: bool = False

    def result(self) -> dict[str, Any]:
        """As the module returns it."""
        return {
            "results": [asdict(row) for row in self.rows],
            "launch_seconds": round(self.launch_seconds, 3),
            "first_list_seconds": round(self.first_list_seconds, 3),
            "error": self.error,
            "busy": self.busy,
        }


class Hub:
    """The hub, for one user and with one service's token.

    :param url: the hub's public address up to and without ``/hub``.
    :param timeout: seconds that a session may take to be ready, and a kernel to answer.
    """

    def __init__(self, url: str, user: str, token: str, timeout: float, ca_file: str | None = None) -> None:
        self.url, self.user, self.token, self.timeout = url.rstrip("/"), user, token, timeout
        self.tls = _trust(ca_file) if self.url.startswith("https:") else None
        self._opener = build_opener(_NoRedirect(), *([HTTPSHandler(context=self.tls)] if self.tls else []))

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One request; gives the status and the JSON body.

        :raises VreError: when the hub cannot be reached, or answers 4xx or 5xx.
        """
        try:
            with self._open(method, path, body, max(self.timeout, ANSWERS)) as answer:
                content = answer.read()
                return answer.status, json.loads(content) if content else None
        except HTTPError as error:
            raise VreError(_sentence(error), where=f"{method} {path}", value=error.code) from error
        except (*NO_ANSWER, ValueError) as error:
            raise VreError(
                f"the hub gave no answer: {error}", where=self.url, remedy="check hub_url and that gaia-vre-hub runs"
            ) from error

    def _open(self, method: str, path: str, body: Any, timeout: float) -> Any:
        """An answer to read from."""
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}{path}", data, headers, method=method)  # noqa: S310 - the admin's own address
        return self._opener.open(request, timeout=timeout)

    @property
    def _server_path(self) -> str:
        return f"/hub/api/users/{quote(self.user)}/server"

    def server(self) -> dict[str, Any] | None:
        """The hub's record of the user's default server, or None."""
        try:
            user = self.call("GET", f"/hub/api/users/{quote(self.user)}")[1]
        except VreError as error:
            error.remedy = error.remedy or REMEDIES.get(error.value, "")
            raise
        found: dict[str, Any] | None = (user.get("servers") or {}).get("")
        return found

    def stop(self) -> None:
        """Stop the user's server and wait until it is gone."""
        if self.server() is None:
            return
        # A server that is still starting cannot be stopped: the hub says 400 until it is ready or has failed.
        self._until(self._try_stop, "the session does not stop")
        self._until(lambda: self.server() is None, "the session does not stop")

    def _try_stop(self) -> bool:
        try:
            self.call("DELETE", self._server_path)
        except VreError as error:
            if error.value != 400:
                raise
            return self.server() is None
        return True

    def start(self, options: dict[str, Any]) -> None:
        """Start the user's server and wait until it is ready.

        :raises BusyError: when it is a job that never left the queue.
        :raises VreError: with the hub's own words, when it refuses or the server fails.
        """
        self.call("POST", self._server_path, options)
        if self._waited(self._ready, self.timeout):
            return
        place = self._place()
        if place.get("queued"):
            raise BusyError(f"no slot within {self.timeout:.0f} s: {place.get('message', '')}".rstrip(". "))
        if "queued" not in place or not self._waited(self._ready, STARTS):
            raise VreError(f"the session was not ready within {self.timeout:.0f} s", where=f"user {self.user}")

    def _ready(self) -> bool:
        server = self.server()
        if server is None:
            words = self._last_words() or "the session ended before it was ready"
            raise VreError(words, f"user {self.user}", None, "read the hub's log: journalctl -u gaia-vre-hub")
        return bool(server.get("ready"))

    def _last_words(self) -> str:
        """Why the last start failed, as the hub's progress page says it; empty when it doesn't."""
        try:
            with self._open("GET", f"{self._server_path}/progress", None, 10) as answer:
                lines = answer.read(100_000).decode(errors="replace").splitlines()
        except (HTTPError, *NO_ANSWER):
            return ""
        return last_words(lines)

    def _place(self) -> dict[str, Any]:
        """What the hub tells of a start that goes on, as soon as it says whether a job is ``queued``."""
        end = time.monotonic() + CONNECT_TIMEOUT
        try:
            with self._open("GET", f"{self._server_path}/progress", None, 2 * CONNECT_TIMEOUT) as answer:
                while time.monotonic() < end and (line := answer.readline()):
                    event = _event(line.decode(errors="replace"))
                    if "queued" in event:
                        return event
        except (HTTPError, *NO_ANSWER):
            pass
        return {}

    def _until(self, done: Callable[[], bool], what: str) -> None:
        if not self._waited(done, self.timeout):
            raise VreError(f"{what} within {self.timeout:.0f} s", where=f"user {self.user}")

    @staticmethod
    def _waited(done: Callable[[], bool], seconds: float) -> bool:
        """Whether it is done in time."""
        end = time.monotonic() + seconds
        pause = 0.1
        while not done():
            if time.monotonic() > end:
                return False
            time.sleep(pause)
            pause = min(1.0, pause * 1.5)
        return True

    def kernelspecs(self) -> dict[str, Any]:
        """The kernelspecs that the session lists, by name."""
        found: dict[str, Any] = self.call("GET", f"/user/{quote(self.user)}/api/kernelspecs")[1]["kernelspecs"]
        return found

    def try_kernel(self, row: Row, spec: Mapping[str, Any]) -> None:
        """Start a kernel, run a line in it, shut it down; the row tells how it went.

        One that dies is started once more: a port that Jupyter chose for it may be another program's by then, and for
        users it starts such a kernel again, too (jupyter_client, ``KernelRestarter.random_ports_until_alive``).

        :param spec: what the session lists for this kernel.
        """
        started = time.monotonic()
        end = started + self.timeout
        try:
            try:
                self._try_once(row, end)
            except DiedError as died:
                row.starts += 1
                self._try_again(row, end, died)
        except VreError as error:
            row.error = row.error or str(error)
            row.ok = False
        except Exception as error:  # noqa: BLE001 - websocket-client's errors have no common base with OSError
            row.error = f"the kernel gave no answer: {error}"
            row.ok = False
        row.seconds = round(time.monotonic() - started, 3)
        row.error = row.error[-LONGEST_ERROR:]
        if not row.ok:
            row.last_lines = self._last_lines(spec)[-LONGEST_ERROR:]

    def _try_once(self, row: Row, end: float) -> None:
        """One start of a kernel, and what it answered.

        :raises VreError: when it does not; a :class:`DiedError` when it died.
        """
        base = f"/user/{quote(self.user)}/api/kernels"
        path = f"{base}/{self.call('POST', base, {'name': row.kernel})[1]['id']}"
        try:
            self._talk(path, row, end)
            row.ok = not row.error
        finally:
            self._forget(path)

    def _try_again(self, row: Row, end: float, died: DiedError) -> None:
        """Another start within the same time; where it fails, too, the first death is the reason.

        :raises DiedError: the first one.
        """
        try:
            self._try_once(row, end)
        except Exception as error:
            raise died from error

    def _last_lines(self, spec: Mapping[str, Any]) -> str:
        """What the kernel prints when it is started by hand; empty when the session has no terminals."""
        about = spec.get("spec") or {}
        line = _terminal.command([str(word) for word in about.get("argv") or []], about.get("env") or {})
        name = ""
        try:
            name = str(self.call("POST", f"/user/{quote(self.user)}/api/terminals", {})[1]["name"])
            socket = self._socket(f"/user/{quote(self.user)}/terminals/websocket/{quote(name)}")
            try:
                socket.settimeout(2 * _terminal.SECONDS)
                return _terminal.listen(socket, line)
            finally:
                socket.close()
        except Exception:  # noqa: BLE001 - a help for people; what failed is told already
            return ""
        finally:
            if name:
                self._forget(f"/user/{quote(self.user)}/api/terminals/{quote(name)}")

    def _alive(self, path: str) -> None:
        """Ask for a kernel.

        :raises DiedError: when it died.
        """
        try:
            dead = self.call("GET", path)[1].get("execution_state") == "dead"
        except VreError as error:
            if error.value != 404:
                raise
            dead = True
        if dead:
            raise DiedError("the kernel died while it started", "", None, DIED)

    def _forget(self, path: str) -> None:
        """Shut a kernel down; one that is gone already is no problem of its own."""
        with contextlib.suppress(VreError):
            self.call("DELETE", path)

    def _socket(self, path: str) -> Any:
        """A websocket of the session."""
        import websocket

        parts = urlsplit(self.url)
        scheme = "wss" if parts.scheme == "https" else "ws"
        return websocket.create_connection(
            f"{scheme}://{parts.netloc}{parts.path}{path}",
            header=[f"Authorization: token {self.token}"],
            timeout=CONNECT_TIMEOUT,
            sslopt={"context": self.tls} if self.tls else {},
        )

    def _connect(self, path: str, end: float) -> Any:
        """A websocket to a kernel.

        :raises VreError: when the kernel dies before it answers the server, or takes too long.
        """
        import websocket

        while True:
            try:
                return self._socket(f"{path}/channels")
            except (websocket.WebSocketTimeoutException, TimeoutError) as error:
                # The server lets us wait for a kernel that has not answered it yet, or never will.
                self._alive(path)
                if time.monotonic() > end:
                    raise _too_slow(self.timeout) from error

    def _talk(self, path: str, row: Row, end: float) -> None:
        socket = self._connect(path, end)
        try:
            talk = Conversation(socket, end, self.timeout)
            info = talk.ask("kernel_info_request", {})["content"].get("language_info", {})
            row.language, row.version = str(info.get("name", "")), str(info.get("version", ""))
            line = VERSION_LINES.get(row.language.lower())
            if line:
                content = {"code": line, "silent": False, "store_history": False, "allow_stdin": False}
                reply = talk.ask("execute_request", content)["content"]
                if reply.get("status") != "ok":
                    row.error = f"{reply.get('ename', 'error')}: {reply.get('evalue', '')}"
                elif talk.output.strip():
                    row.version = talk.output.strip()
        finally:
            socket.close()


def _too_slow(timeout: float) -> VreError:
    return VreError(f"the kernel did not answer within {timeout:.0f} s", "", None, SLOW)


class Conversation:
    """Requests to one kernel over its websocket, with JSON messages of protocol 5."""

    def __init__(self, socket: Any, end: float, timeout: float) -> None:
        self.socket, self.end, self.timeout = socket, end, timeout
        self.session = uuid.uuid4().hex
        self.output = ""

    def ask(self, kind: str, content: dict[str, Any]) -> dict[str, Any]:
        """Send a request on the shell channel and wait for its reply and all of its output."""
        number = uuid.uuid4().hex
        header = {
            "msg_id": number,
            "session": self.session,
            "username": "",
            "msg_type": kind,
            "version": "5.3",
        }
        message = {"channel": "shell", "header": header, "parent_header": {}, "metadata": {}, "content": content}
        self.socket.send(json.dumps(message))
        reply: dict[str, Any] | None = None
        idle = False
        while reply is None or not idle:
            answer = json.loads(self._received())
            name = answer["header"]["msg_type"]
            if name == "status" and answer["content"].get("execution_state") in ("dead", "restarting"):
                raise DiedError("the kernel died", "", kind, DIED)
            if (answer.get("parent_header") or {}).get("msg_id") != number:
                continue
            if name == kind.replace("_request", "_reply"):
                reply = answer
            elif name == "stream" and answer["content"].get("name") == "stdout":
                self.output += answer["content"]["text"]
            elif name == "status" and answer["content"].get("execution_state") == "idle":
                idle = True
        return reply

    def _received(self) -> str:
        """The next message.

        :raises VreError: when there is none in time.
        """
        import websocket

        left = self.end - time.monotonic()
        if left <= 0:
            raise _too_slow(self.timeout)
        self.socket.settimeout(left)
        try:
            return str(self.socket.recv())
        except (websocket.WebSocketTimeoutException, TimeoutError) as error:
            raise _too_slow(self.timeout) from error


def _trust(ca_file: str | None) -> ssl.SSLContext:
    """The system's authorities, and what is in a file: an authority, or the hub's own certificate.

    :raises VreError: when the file is not there or holds none.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # ssl.SSLError is one
        remedy = "give the path of a PEM file on the host that runs this module"
        raise VreError(f"the authority's file cannot be used: {error}", "ca_file", ca_file, remedy) from error
    context.load_default_certs()
    context.verify_flags |= PARTIAL_CHAIN
    return context


def _sentence(error: HTTPError) -> str:
    try:
        return str(json.loads(error.read())["message"])
    except (ValueError, KeyError, TypeError, OSError):
        return f"the hub answered {error.code} {error.reason}"


def last_words(lines: Iterable[str]) -> str:
    """The message of the failure in the hub's stream of progress events; empty when there is none."""
    for line in lines:
        event = _event(line)
        if event.get("failed"):
            return str(event.get("message", ""))[-LONGEST_ERROR:]
    return ""


def _event(line: str) -> dict[str, Any]:
    """The event of a line in such a stream; nothing for a line that has none."""
    try:
        event = json.loads(line[5:]) if line.startswith("data:") else None
    except ValueError:
        event = None
    return event if isinstance(event, dict) else {}


def check_session(
    hub: Hub, options: dict[str, Any], expected: Iterable[Expected], bounds: Bounds | None = None
) -> Report:
    """Start a session with ``options`` and try every expected kernel; the session is always stopped.

    :raises VreError: when the hub does not answer.
    """
    report = Report(rows=[Row(item.image, item.environment, item.kernel) for item in expected])
    hub.stop()
    started = time.monotonic()
    try:
        try:
            hub.start(options)
        except VreError as error:
            # The session's failure is the failure of every kernel in it.
            report.error = str(error)[-LONGEST_ERROR:]
            report.busy = isinstance(error, BusyError)
            for row in report.rows:
                row.error = str(error)
            return report
        report.launch_seconds = time.monotonic() - started
        started = time.monotonic()
        try:
            listed = hub.kernelspecs()
        except VreError as error:
            report.error = f"the session lists no kernels: {error}"[-LONGEST_ERROR:]
            for row in report.rows:
                row.error = report.error
            return report
        report.first_list_seconds = time.monotonic() - started
        for row in report.rows:
            if row.kernel not in listed:
                row.error = f"the session does not list this kernel; it lists {', '.join(sorted(listed)) or 'none'}"
        try_kernels(hub, [row for row in report.rows if row.kernel in listed], listed, bounds or Bounds())
    finally:
        hub.stop()
    return report


def try_kernels(hub: Hub, rows: Sequence[Row], listed: Mapping[str, Any], bounds: Bounds) -> None:
    """Try kernels, some at a time, each image within its time; what is left of an image then is told in its rows."""
    ends: dict[str, float] = {}

    def one(row: Row) -> None:
        if time.monotonic() < ends.setdefault(row.image, time.monotonic() + bounds.patience):
            hub.try_kernel(row, listed[row.kernel])
        else:
            row.error = str(
                VreError(f"the kernels before took all {bounds.patience:.0f} s of this image", "", None, LATE)
            )

    with ThreadPoolExecutor(max_workers=bounds.parallel) as pool:
        list(pool.map(one, by_turns(rows)))


def by_turns(rows: Sequence[Row]) -> list[Row]:
    """The first kernel of each image, then the second: an image with many kernels holds no other."""
    seen: dict[str, int] = {}
    turns: list[tuple[int, Row]] = []
    for row in rows:
        seen[row.image] = seen.get(row.image, -1) + 1
        turns.append((seen[row.image], row))
    return [row for _turn, row in sorted(turns, key=lambda item: item[0])]
