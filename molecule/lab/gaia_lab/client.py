"""A scientist, for tests: logs in through the proxy, fills in the launch page, runs code in kernels.

Everything goes over the wire that a browser would use: the login form, the spawn form, the progress
stream, the OAuth round trip to the single-user server, REST and a websocket for each kernel.
"""

from __future__ import annotations

import json
import re
import ssl
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import requests
import websocket

FormFields = Mapping[str, str | Sequence[str]]
PATIENCE = 180  # seconds for a kernel's answer, and for the end of a session, on a machine that does much else


class ClientError(RuntimeError):
    """The hub or the session did not do what a user would expect; the text says what was seen."""


@dataclass
class Execution:
    """What one piece of code printed in a kernel."""

    stdout: str = ""
    error: str = ""


@dataclass
class HubClient:
    """One user's browser.

    :param url: the hub's public address, e.g. ``https://hub.example.org``.
    :param user: login name.
    :param password: login password.
    :param ca_file: PEM file of the authority that signed the hub's certificate, or None for plain http.
    :param language: value of the ``Accept-Language`` header.
    """

    url: str
    user: str
    password: str
    ca_file: str | None = None
    language: str = "en"
    http: requests.Session = field(default_factory=requests.Session, repr=False)

    def __post_init__(self) -> None:
        self.url = self.url.rstrip("/")
        self.http.headers["Accept-Language"] = self.language
        # REQUESTS_CA_BUNDLE of the build host would win over what we are told here.
        self.http.trust_env = False
        if self.ca_file:
            self.http.verify = self.ca_file

    # -- hub ------------------------------------------------------------------------------------

    def token(self) -> str:
        """A new token of the user's own, who is logged in."""
        path, page = f"/hub/api/users/{self.user}/tokens", f"{self.url}/hub/home"
        self.http.get(page, timeout=30)
        answer = self.http.post(
            f"{self.url}{path}",
            json={"note": "script"},
            headers={"X-XSRFToken": self._xsrf(path), "Referer": page},
            timeout=30,
        )
        answer.raise_for_status()
        return str(answer.json()["token"])

    def _xsrf(self, path: str) -> str:
        """The ``_xsrf`` cookie that a browser would send to ``path``: the one of the longest prefix."""
        cookies = [c for c in self.http.cookies if c.name == "_xsrf" and path.startswith(c.path)]
        if not cookies:
            raise ClientError(f"no _xsrf cookie for {path}")
        return max(cookies, key=lambda c: len(c.path)).value or ""

    def login(self) -> None:
        """Log in by the form; refused credentials raise."""
        self.http.get(f"{self.url}/hub/login", timeout=30).raise_for_status()
        answer = self.http.post(
            f"{self.url}/hub/login?next=%2Fhub%2Fhome",
            data={"username": self.user, "password": self.password, "_xsrf": self._xsrf("/hub/login")},
            timeout=60,
        )
        if answer.status_code != 200 or not answer.url.endswith("/hub/home"):
            raise ClientError(f"login of {self.user} ended at {answer.url} with {answer.status_code}")

    def launch_page(self) -> str:
        """The HTML of the launch page."""
        answer = self.http.get(f"{self.url}/hub/spawn/{quote(self.user)}", timeout=30)
        answer.raise_for_status()
        answer.encoding = "utf-8"  # the hub's header names none; its page does
        return answer.text

    def post_form(self, fields: FormFields) -> requests.Response:
        """Send the launch form as a browser does; redirects are not followed."""
        self.launch_page()
        path = f"/hub/spawn/{quote(self.user)}"
        return self.http.post(
            f"{self.url}{path}",
            data={"_xsrf": self._xsrf(path), **fields},
            timeout=60,
            allow_redirects=False,
        )

    def query(self, fields: FormFields) -> requests.Response:
        """Follow a link such as ``/hub/spawn?composition=coastal``; redirects are not followed."""
        url = f"{self.url}/hub/spawn/{quote(self.user)}?{urlencode(fields, doseq=True)}"
        return self.http.get(url, timeout=60, allow_redirects=False)

    def rest(self, options: Any, *, method: str = "POST") -> requests.Response:
        """Start (POST) or stop (DELETE) the server by the hub's REST API, as a script of the user would."""
        path = f"/hub/api/users/{quote(self.user)}/server"
        self.http.get(f"{self.url}/hub/home", timeout=30)
        return self.http.request(
            method,
            f"{self.url}{path}",
            json=options,
            headers={"X-XSRFToken": self._xsrf(path), "Referer": f"{self.url}/hub/home"},
            timeout=60,
        )

    def server(self) -> dict[str, Any] | None:
        """The hub's record of the user's server, or None while there is none."""
        answer = self.http.get(
            f"{self.url}/hub/api/users/{quote(self.user)}",
            headers={"Referer": f"{self.url}/hub/home"},
            timeout=30,
        )
        answer.raise_for_status()
        servers: dict[str, dict[str, Any]] = answer.json().get("servers") or {}
        return servers.get("")

    def progress(self) -> Iterator[dict[str, Any]]:
        """The events of the progress page, until the server is ready or failed."""
        path = f"/hub/api/users/{quote(self.user)}/server/progress"
        with self.http.get(
            f"{self.url}{path}",
            headers={"Referer": f"{self.url}/hub/home", "Accept": "text/event-stream"},
            stream=True,
            timeout=180,
        ) as answer:
            if answer.status_code == 400:  # nothing starts any more: it failed before anybody looked
                raise ClientError(f"the session failed: {self._failure()}")
            answer.raise_for_status()
            for line in answer.iter_lines(decode_unicode=True):
                if line.startswith("data:"):
                    yield json.loads(line.removeprefix("data:"))

    def _failure(self) -> str:
        """What the page says to who waits for a start that failed already."""
        page = self.http.get(f"{self.url}/hub/spawn-pending/{quote(self.user)}", timeout=60).text
        return " ".join(unescape(re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)).split())

    def wait_ready(self) -> list[str]:
        """Wait for the started server; gives the messages that a person would have read."""
        messages: list[str] = []
        for event in self.progress():
            messages.append(str(event.get("message", "")))
            if event.get("failed"):
                raise ClientError(f"the session failed: {messages}")
            if event.get("ready"):
                return messages
        raise ClientError(f"the progress stream ended before the session was ready: {messages}")

    def start(self, fields: FormFields) -> None:
        """Submit the launch page and wait until JupyterLab answers."""
        answer = self.post_form(fields)
        if answer.status_code != 302 or "spawn-pending" not in answer.headers.get("Location", ""):
            told = re.findall(r'role="alert">(.*?)</p>', answer.text, re.DOTALL)
            raise ClientError(f"the launch page answered {answer.status_code}: {unescape(' '.join(told))}")
        self.wait_ready()
        self.open_session()

    def stop(self, wait: float = PATIENCE) -> None:
        """Stop the user's server and wait until the hub says it is gone."""
        if self.server() is None:
            return
        answer = self.rest(None, method="DELETE")
        if answer.status_code not in (202, 204):
            raise ClientError(f"stop answered {answer.status_code}: {answer.text[:500]}")
        end = time.monotonic() + wait
        while self.server() is not None:
            if time.monotonic() > end:
                raise ClientError(f"the server of {self.user} is still there after {wait} s")
            time.sleep(0.2)

    # -- session --------------------------------------------------------------------------------

    @property
    def session_path(self) -> str:
        """Path of the user's single-user server."""
        return f"/user/{quote(self.user)}/"

    def open_session(self) -> str:
        """Open JupyterLab (with the OAuth round trip); gives the page."""
        answer = self.http.get(f"{self.url}{self.session_path}lab", timeout=60)
        if answer.status_code != 200 or self.session_path not in answer.url:
            raise ClientError(f"JupyterLab ended at {answer.url} with {answer.status_code}")
        return answer.text

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Call the single-user server's REST API, e.g. ``api("GET", "kernelspecs")``."""
        full = f"{self.session_path}api/{path}"
        answer = self.http.request(
            method,
            f"{self.url}{full}",
            json=body,
            headers={"X-XSRFToken": self._xsrf(full)},
            timeout=60,
        )
        if not answer.ok:
            raise ClientError(f"{method} {full} answered {answer.status_code}: {answer.text[:500]}")
        return answer.json() if answer.content else None

    def kernelspecs(self) -> dict[str, Any]:
        """The kernelspecs that the launcher shows, by name."""
        specs: dict[str, Any] = self.api("GET", "kernelspecs")["kernelspecs"]
        return specs

    def run(self, kernel: str, code: str, timeout: float = PATIENCE) -> Execution:
        """Start a kernel by name, run ``code`` in it by websocket, shut it down."""
        kernel_id: str = self.api("POST", "kernels", {"name": kernel})["id"]
        try:
            return self.execute(kernel_id, code, timeout)
        finally:
            self.api("DELETE", f"kernels/{kernel_id}")

    def connect(self, kernel_id: str, timeout: float = PATIENCE) -> websocket.WebSocket:
        """A websocket to a kernel, as a notebook keeps one."""
        path = f"{self.session_path}api/kernels/{kernel_id}/channels"
        parts = urlsplit(self.url)
        scheme = "wss" if parts.scheme == "https" else "ws"
        cookies = requests.cookies.get_cookie_header(  # type: ignore[no-untyped-call]
            self.http.cookies, requests.Request("GET", f"{self.url}{path}").prepare()
        )
        return websocket.create_connection(
            f"{scheme}://{parts.netloc}{path}?session_id={uuid.uuid4().hex}&_xsrf={quote(self._xsrf(path))}",
            cookie=cookies,
            origin=self.url,
            timeout=timeout,
            sslopt={"ca_certs": self.ca_file, "cert_reqs": ssl.CERT_REQUIRED} if self.ca_file else None,
        )

    def execute(self, kernel_id: str, code: str, timeout: float = PATIENCE) -> Execution:
        """Run ``code`` in a kernel that runs already."""
        socket = self.connect(kernel_id, timeout)
        try:
            return _converse(socket, uuid.uuid4().hex, code, timeout)
        finally:
            socket.close()


def _converse(socket: websocket.WebSocket, session: str, code: str, timeout: float) -> Execution:
    """Send one execute_request and read until its reply and the kernel's idle state."""
    request = uuid.uuid4().hex
    socket.send(
        json.dumps(
            {
                "channel": "shell",
                "header": {
                    "msg_id": request,
                    "session": session,
                    "username": "",
                    "msg_type": "execute_request",
                    "version": "5.3",
                },
                "parent_header": {},
                "metadata": {},
                "content": {"code": code, "silent": False, "store_history": False, "allow_stdin": False},
            }
        )
    )
    result = Execution()
    replied = idle = False
    end = time.monotonic() + timeout
    while not (replied and idle):
        if time.monotonic() > end:
            raise ClientError(f"the kernel gave no answer within {timeout} s")
        message = json.loads(socket.recv())
        if message.get("parent_header", {}).get("msg_id") != request:
            continue
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "stream" and content["name"] == "stdout":
            result.stdout += content["text"]
        elif kind == "error":
            result.error = f"{content['ename']}: {content['evalue']}"
        elif kind == "execute_reply":
            replied = True
        elif kind == "status" and content["execution_state"] == "idle":
            idle = True
    return result
