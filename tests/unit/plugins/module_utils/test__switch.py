"""The pure parts of a switch, and its looks at a real server."""

from __future__ import annotations

import fcntl
import os
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _switch
from ansible_collections.gaia_data.vre.plugins.module_utils._database import Database
from gaia_lab.tls import make_ca, make_certificate


class Hub(BaseHTTPRequestHandler):
    """Healthy under the name that users type, and nowhere else."""

    def do_GET(self) -> None:
        self.send_response(200 if self.headers["Host"] == "hub.example.org" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def wanted(tmp_path: Path) -> Iterator[_switch.Wanted]:
    """A hub that answers by TLS with the certificate hub.pem."""
    make_ca(tmp_path)
    make_certificate(tmp_path, "other", ["hub.example.org"], [])
    certificate, key = make_certificate(tmp_path, "hub", ["hub.example.org"], [])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = HTTPServer(("127.0.0.1", 0), Hub)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    database = Database(tmp_path / "settings.json", "nobody", tmp_path, tmp_path, tmp_path)
    yield _switch.Wanted(
        root=tmp_path,
        releases={"hub": tmp_path / "hub-2", "proxy": tmp_path / "proxy-1"},
        reads={
            _switch.PROXY: [f"{tmp_path}/token", f"{tmp_path}/proxy/.installed"],
            _switch.HUB: [f"{tmp_path}/hub.d", f"{tmp_path}/hub/.installed"],
        },
        records=tmp_path,
        database=database,
        health_url=f"https://127.0.0.1:{server.server_port}/hub/health",
        hub_url="https://hub.example.org",
        certificate=str(certificate),
        retries=1,
    )
    server.shutdown()
    server.server_close()


def test_a_healthy_hub(wanted: _switch.Wanted) -> None:
    assert _switch.health(wanted.health_url, wanted.hub_url) == ""


def test_what_keeps_a_hub_from_being_healthy(wanted: _switch.Wanted) -> None:
    assert "503" in _switch.health(wanted.health_url, "https://other.example.org")
    assert "refused" in _switch.health("http://127.0.0.1:1/hub/health", wanted.hub_url)


def test_which_certificate_is_given(wanted: _switch.Wanted, tmp_path: Path) -> None:
    assert _switch.Switch(wanted).gives_certificate()
    other = replace(wanted, certificate=str(tmp_path / "other.pem"))
    assert not _switch.Switch(other).gives_certificate()
    assert not _switch.Switch(replace(wanted, health_url="https://127.0.0.1:1/")).gives_certificate()


def test_what_is_kept_are_links_and_files_but_no_release(wanted: _switch.Wanted, tmp_path: Path) -> None:
    assert wanted.kept == [f"{tmp_path}/{name}" for name in ("hub", "proxy", "hub.d", "token")]


def test_a_link_is_pointed_somewhere_else_at_once(tmp_path: Path) -> None:
    for name in ("hub-1", "hub-2", "hub-2"):
        _switch.link(tmp_path / "hub", tmp_path / name)
        assert (tmp_path / "hub").readlink() == Path(name)
    assert [path.name for path in tmp_path.iterdir()] == ["hub"]


def test_a_release_in_words(tmp_path: Path) -> None:
    assert _switch.version(None) == "none"
    assert _switch.version(tmp_path / "hub-1") == "hub-1"
    (tmp_path / "hub-2/lib/python3.13/site-packages/jupyterhub-6.1.1.dist-info").mkdir(parents=True)
    assert _switch.version(tmp_path / "hub-2") == "hub-2 (JupyterHub 6.1.1)"


@pytest.mark.parametrize(
    ("before", "left"), [("hub-2", ["hub-0", "hub-1", "hub-2"]), ("hub-1", ["hub-1", "hub-2"]), (None, ["hub-2"])]
)
def test_the_former_release_stays_until_the_next_one(
    wanted: _switch.Wanted, tmp_path: Path, before: str | None, left: list[str]
) -> None:
    for name in ("hub-0", "hub-1", "hub-2"):
        (tmp_path / name).mkdir()
    switch = _switch.Switch(
        wanted, before={"hub": tmp_path / before if before else None, "proxy": tmp_path / "proxy-1"}
    )
    switch._keep()
    assert sorted(path.name for path in tmp_path.glob("hub-*")) == left
    assert wanted.good.is_file()


def test_one_at_a_time(tmp_path: Path) -> None:
    with _switch.alone(tmp_path):
        number = os.open(tmp_path, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(number)
    with _switch.alone(tmp_path), _switch.alone(tmp_path / "absent"):
        pass
