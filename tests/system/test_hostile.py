"""Hostile input on a real hub behind a real proxy: every value by every way, as user and with another's token."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from gaia_lab.client import HubClient
from gaia_lab.hostile import FORGED, HOSTILE, SCRIPT, fields
from gaia_lab.small_hub import Hub, error, running

LINES = {name: found for name, options in HOSTILE.items() if (found := fields(options)) is not None}
LONGEST_LINK = 8_000
# What templates would have made of the corpus: 7 * 191, and a loop.
EVALUATED = ("1337", "471147114711")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """Its log is looked at when every test is done."""
    with running(tmp_path_factory.mktemp("hub"), "session") as hub:
        yield hub
        lines = hub.log.splitlines()
        assert not [line for line in re.split(r"[\n\r\x85\u2028\u2029]", hub.log) if line.startswith(FORGED)]
        assert not [line for line in lines if re.match(r"(launch user=root|Set-Cookie|\[I 2026-01-01)", line)]
        assert "\x1b[2K" not in hub.log
        assert not [line for line in lines if " launch user=" in line], "nothing was launched"
        assert not Path("/tmp/gaia-hostile").exists()


@pytest.fixture(scope="module")
def alice(hub: Hub) -> HubClient:
    """To her everything is open, so what is refused is refused for what it is."""
    return hub.user("alice")


def test_the_corpus_is_one() -> None:
    assert len(HOSTILE) >= 60
    assert len(LINES) >= 60


def refused(answer: requests.Response) -> None:
    assert 400 <= answer.status_code < 500, f"{answer.status_code}: {answer.text[:500]}"
    if answer.headers["Content-Type"] != "application/json":  # no markup, whoever shows it
        assert SCRIPT not in answer.text
        assert "<svg/onload" not in answer.text
        assert "<img src=x" not in answer.text
    assert not [made for made in EVALUATED if made in answer.text]
    assert "Traceback" not in answer.text
    assert len(answer.text) < 100_000
    assert FORGED not in str(answer.headers)


@pytest.mark.parametrize("name", HOSTILE)
def test_by_rest(alice: HubClient, name: str) -> None:
    answer = alice.rest(HOSTILE[name])
    refused(answer)
    assert answer.headers["Content-Type"] == "application/json"
    assert len(answer.json()["message"]) > 15
    assert alice.server() is None


@pytest.mark.parametrize("name", [name for name, found in LINES.items() if len(str(found)) < LONGEST_LINK])
def test_by_link(alice: HubClient, name: str) -> None:
    answer = alice.query(LINES[name])
    refused(answer)
    assert html.unescape(error(answer.text)).endswith(".")
    assert alice.server() is None


@pytest.mark.parametrize("name", [name for name, found in LINES.items() if len(str(found)) >= LONGEST_LINK])
def test_a_longer_link_than_the_proxy_takes(alice: HubClient, name: str) -> None:
    with suppress(requests.ConnectionError, requests.exceptions.ChunkedEncodingError):  # it hangs up while we send
        assert alice.query(LINES[name]).status_code == 431
    assert alice.server() is None


@pytest.mark.parametrize("name", LINES)
def test_by_form(alice: HubClient, name: str) -> None:
    answer = alice.post_form(LINES[name])
    refused(answer)
    assert html.unescape(error(answer.text)).endswith(".")
    assert 'name="choice"' in answer.text, "another try on the same page"
    assert alice.server() is None


@pytest.mark.parametrize(
    "choice", ["composition:" + SCRIPT, "composition:../..", "free ", "FREE", "{{ 7 * 191 }}", "\n"]
)
def test_by_the_form_s_own_field(alice: HubClient, choice: str) -> None:
    refused(alice.post_form({"choice": choice, "system": "lab", "business": ["atmosphere"]}))
    assert alice.server() is None


def test_a_file_is_no_choice(alice: HubClient) -> None:
    alice.launch_page()
    path = "/hub/spawn/alice"
    answer = alice.http.post(
        f"{alice.url}{path}",
        data={"_xsrf": alice._xsrf(path), "choice": "free", "system": "lab"},
        files={"business": ("../../x.py", b"import os")},
        timeout=60,
        allow_redirects=False,
    )
    refused(answer)
    assert alice.server() is None


def token(client: HubClient) -> str:
    path = f"/hub/api/users/{client.user}/tokens"
    client.http.get(f"{client.url}/hub/home", timeout=30)
    headers = {"X-XSRFToken": client._xsrf(path), "Referer": f"{client.url}/hub/home"}
    answer = client.http.post(f"{client.url}{path}", json={}, headers=headers, timeout=30)
    assert answer.ok, answer.text
    return str(answer.json()["token"])


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "server"), ("DELETE", "server"), ("GET", ""), ("GET", "server/progress")]
)
def test_a_token_of_another_user(hub: Hub, alice: HubClient, method: str, path: str) -> None:
    """Alice's token on bob's server: bob has logged in, so he exists."""
    hub.user("bob")
    headers = {"Authorization": f"token {token(alice)}"}
    address = f"{hub.url}/hub/api/users/bob/{path}".rstrip("/")
    for body in ({"business": ["atmosphere"]}, {"business": [SCRIPT]}, None):
        answer = requests.request(method, address, json=body, headers=headers, timeout=30)
        assert answer.status_code in (403, 404), answer.text
        refused(answer)
    assert hub.user("bob").server() is None


def test_another_user_s_launch_page(hub: Hub, alice: HubClient) -> None:
    hub.user("bob")
    for answer in (
        alice.http.get(f"{alice.url}/hub/spawn/bob", timeout=30),
        alice.http.get(f"{alice.url}/hub/spawn/bob?business=atmosphere", timeout=30),
    ):
        assert answer.status_code in (403, 404)


@pytest.mark.parametrize(
    "path", ["/hub/spawn/alice", "/hub/spawn/alice?business=nothing", "/hub/spawn/alice?composition=x"]
)
def test_the_policy_of_jupyterhub_is_kept(alice: HubClient, path: str) -> None:
    policy = alice.http.get(f"{alice.url}{path}", timeout=30).headers["Content-Security-Policy"]
    assert policy.startswith("frame-ancestors 'none'; report-uri /hub/security/csp-report")


def test_whatever_was_sent_the_next_launch_is_as_ever(alice: HubClient, hub: Hub) -> None:
    for options in HOSTILE.values():
        alice.rest(options)
    page = alice.launch_page()
    assert SCRIPT not in page
    assert hub.log.count("refusal user=alice reason=") >= len(HOSTILE)
