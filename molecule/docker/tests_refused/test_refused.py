"""Wrong input on a plain host: one clear message with the remedy each, and nothing is changed.

What is wrong with catalogues, offers and images is told by unit tests of the modules; here the playbooks speak.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from gaia_lab.playbook import Played, play
from gaia_lab.remote import on

STATE = Path(os.environ["GAIA_LAB_STATE"])
CENTRE = STATE / "inventory"


def said(done: Played, *words: str) -> None:
    """It was refused in these words, before anything changed."""
    assert done.code != 0, done.text
    for word in words:
        assert word in done.text, done.text[-3000:]
    assert "Traceback" not in done.text
    assert done.changed == 0, done.text[-3000:]


@pytest.fixture(scope="module")
def lock(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A lock of the example's offer, beside the centre's own, which does not exist yet."""
    path = str(tmp_path_factory.mktemp("lock") / "vre.lock.yml")
    assert play(CENTRE, "lock", {"vre_lock_file": path}).code == 0
    return path


@pytest.fixture
def no_registry() -> Iterator[None]:
    """The registry does not answer during the test."""
    on("registry", "systemctl", "stop", "docker-registry")
    yield
    on("registry", "systemctl", "start", "docker-registry")


def test_deploy_without_a_lock() -> None:
    said(play(CENTRE, "deploy"), str(CENTRE / "vre.lock.yml"), "run the playbook gaia_data.vre.lock")


@pytest.mark.parametrize("playbook", ["lock", "deploy"])
def test_wrong_login_of_the_registry(playbook: str, lock: str, tmp_path: Path) -> None:
    target = lock if playbook == "deploy" else str(tmp_path / "new.lock.yml")
    done = play(CENTRE, playbook, {"vre_lock_file": target, "vault_registry_password": "not-it"})
    said(done, "registry registry.example.org refused the login", "check username and password")
    assert "not-it" not in done.text
    assert playbook == "deploy" or not Path(target).exists()


@pytest.mark.parametrize("playbook", ["lock", "deploy"])
@pytest.mark.usefixtures("no_registry")
def test_registry_is_down(playbook: str, lock: str, tmp_path: Path) -> None:
    target = lock if playbook == "deploy" else str(tmp_path / "new.lock.yml")
    done = play(CENTRE, playbook, {"vre_lock_file": target})
    said(done, "registry registry.example.org does not answer", "check that it is up")
    assert playbook == "deploy" or not Path(target).exists()


CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no engine": ({"docker_install": False}, ["hub.example.org", "Docker does not answer", "docker_install to true"]),
    "no certificate": (
        {"hub_tls": {"certificate": "/nowhere/hub.pem", "key": "/nowhere/hub.key"}},
        ["hub_tls.certificate", "/nowhere/hub.pem", "give the path of a PEM file"],
    ),
    "key of another certificate": (
        {"hub_tls": {"certificate": f"{STATE}/hub.pem", "key": f"{STATE}/registry.key"}},
        ["hub_tls.key: the key does not belong to the certificate", "registry.key", "Remedy"],
    ),
    "certificate of another name": (
        {"hub_tls": {"certificate": f"{STATE}/registry.pem", "key": f"{STATE}/registry.key"}},
        ["hub_tls.certificate: the certificate is for registry.example.org", "not for hub.example.org", "hub_url"],
    ),
    "authority of something else": (
        {"registry_ca_file": f"{STATE}/hub.pem"},
        ["certificate of registry registry.example.org is not trusted", "hub.pem", "give the authority that signed it"],
    ),
    "no authority": ({"registry_ca_file": "/nowhere/ca.pem"}, ["ca_file", "/nowhere/ca.pem", "Remedy"]),
    "type": ({"hub_cull_timeout": "soon"}, ["hub_cull_timeout", "soon"]),
    "substrate": ({"vre_substrate": "podman"}, ["vre_substrate: podman is not known", "set it to docker"]),
    "address": ({"hub_url": "hub.example.org"}, ["hub_url must begin with http:// or https://", "Remedy"]),
    "mount over our own": (
        {"docker_mounts": [{"source": "/data", "target": "/opt/gaia"}]},
        ["docker_mounts", "/opt/gaia", "Remedy"],
    ),
    "offer": (
        {"vre_offer": {"system": ["lab"], "business": ["oceam"], "free_choice": True}},
        ["oceam", "vre_offer"],
    ),
    "ldap": (
        {"hub_authenticator": "ldap", "hub_ldap": {"server_address": "ldap.example.org"}},
        ["hub_ldap lacks bind_dn_template or lookup_dn"],
    ),
    "administrators": (
        {"hub_admin_groups": ["root", "nobodies"]},
        ["hub_admin_groups: there is no group nobodies on hub.example.org", "groupadd"],
    ),
    "oidc": ({"hub_authenticator": "oidc"}, ["hub_oidc lacks", "client_secret"]),
}


@pytest.mark.parametrize("case", CASES)
def test_wrong_variable(case: str, lock: str) -> None:
    variables, words = CASES[case]
    said(play(CENTRE, "deploy", {"vre_lock_file": lock, **variables}), *words)


def test_engine_is_too_old_to_mount_images(lock: str) -> None:
    (CENTRE / "old.yml").write_text("vre_hubs:\n  hosts:\n    old.example.org:\n")
    done = play(CENTRE, "deploy", {"vre_lock_file": lock, "vre_mount_kind": "image"}, hosts="old.yml")
    said(done, "old.example.org: Docker 26", "needs 28.0 or newer", "upgrade the engine", "leave vre_mount_kind out")


@pytest.mark.parametrize("path", ["/etc/gaia-vre", "/opt/gaia-vre", "/etc/docker", "/usr/bin/docker"])
def test_the_host_is_as_it_was(host: Host, path: str) -> None:
    assert not host.file(path).exists
