"""What a lab says of itself: names, the hosts file, the admin's secrets."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gaia_lab import controller, paths
from gaia_lab.errors import LabError
from gaia_lab.lab import Lab
from gaia_lab.spec import load_spec


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab("x", load_spec("plain"), 7, tmp_path)


def test_hosts_file(lab: Lab) -> None:
    assert lab.hosts_file.splitlines() == [
        "127.0.0.1 localhost",
        "::1 localhost",
        "10.99.7.2 registry.example.org registry",
        "10.99.7.10 hub.example.org hub",
        "10.99.7.20 control.example.org control",
        "10.99.7.3 channel.example.org channel",
    ]


@pytest.mark.parametrize("name", ["hub", "hub.example.org"])
def test_host_by_short_or_full_name(lab: Lab, name: str) -> None:
    assert lab.host(name).address == "10.99.7.10"


def test_unknown_host_names_the_known(lab: Lab) -> None:
    with pytest.raises(LabError, match=r"no host nobody; it has registry\.example\.org"):
        lab.host("nobody")


def test_secrets_file() -> None:
    assert yaml.safe_load(controller.secrets_file("pass: word", Path("/root"))) == {
        "vault_registry_password": "pass: word",
        "registry_ca_file": "/root/ca.pem",
        "hub_tls": {"certificate": "/root/hub.pem", "key": "/root/hub.key"},
    }


@pytest.mark.parametrize("name", ["", "A", "a/b", "..", "a b", "1", "x" * 32])
def test_names_that_no_lab_can_have(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GAIA_VRE_CACHE", str(tmp_path))
    with pytest.raises(LabError, match="no name for a lab"):
        paths.lab_dir(name)


def test_the_cache_moves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GAIA_VRE_CACHE", str(tmp_path / "elsewhere"))
    assert paths.lab_dir("x") == tmp_path / "elsewhere/labs/x"
    assert (tmp_path / "elsewhere/labs").stat().st_mode & 0o777 == 0o700
