"""A certificate and a key that would end the proxy are told before."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from ansible_collections.gaia_data.vre.plugins.filter.tls import tls_problems
from gaia_lab import tls

PATHS = {"certificate": "hub.pem", "key": "hub.key"}
URL = "https://hub.example.org/vre"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("authority")
    tls.make_ca(folder)
    return folder


def pair(authority: Path, name: str, *names: str, addresses: tuple[str, ...] = ()) -> dict[str, str]:
    certificate, key = tls.make_certificate(authority, name, list(names), list(addresses))
    return {"certificate": certificate.read_text(), "key": key.read_text()}


@pytest.mark.parametrize(
    ("names", "addresses", "url"),
    [
        (["hub.example.org"], (), URL),
        (["other.example.org", "HUB.example.org"], (), URL),
        (["*.example.org"], (), "https://hub.example.org:8443"),
        (["x"], ("192.0.2.1",), "https://192.0.2.1"),
    ],
)
def test_what_fits_has_no_problems(authority: Path, names: list[str], addresses: tuple[str, ...], url: str) -> None:
    assert tls_problems(pair(authority, "fits", *names, addresses=addresses), PATHS, url) == []


@pytest.mark.parametrize("names", [["other.example.org"], ["*.hub.example.org"], ["*.org"], ["example.org"]])
def test_another_name(authority: Path, names: list[str]) -> None:
    (problem,) = tls_problems(pair(authority, "other", *names), PATHS, URL)
    assert f"the certificate is for {names[0]}, not for hub.example.org (got 'hub.pem')" in problem
    assert "hub_url (https://hub.example.org/vre)" in problem


def test_a_key_of_another_certificate(authority: Path) -> None:
    one, two = (pair(authority, name, "hub.example.org") for name in ("one", "two"))
    (problem,) = tls_problems({**one, "key": two["key"]}, PATHS, URL)
    assert problem.startswith("hub_tls.key: the key does not belong to the certificate hub.pem (got 'hub.key').")


@pytest.mark.parametrize("text", ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_no_certificate_and_no_key(authority: Path, text: str) -> None:
    right = pair(authority, "right", "hub.example.org")
    assert "this is no certificate" in tls_problems({**right, "certificate": text}, PATHS, URL)[0]
    assert "this is no private key" in tls_problems({**right, "key": text}, PATHS, URL)[0]


def test_a_key_with_a_password(authority: Path) -> None:
    right = pair(authority, "locked", "hub.example.org")
    key = serialization.load_pem_private_key(right["key"].encode(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    ).decode()
    assert "the key needs a password" in tls_problems({**right, "key": locked}, PATHS, URL)[0]


def test_a_certificate_that_has_run_out(authority: Path) -> None:
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=365)
    (problem,) = tls_problems(pair(authority, "old", "hub.example.org"), PATHS, URL, later)
    assert "the certificate is valid from 20" in problem
    assert "have it renewed" in problem
