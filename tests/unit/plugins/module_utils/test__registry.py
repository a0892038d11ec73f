"""What is told to skopeo and how its words are understood. What registries answer is tried in the lab."""

from __future__ import annotations

import base64
import json
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _registry
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

needs_skopeo = pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")


@pytest.mark.parametrize(
    ("stderr", "message", "whole"),
    [
        ('msg="… reading manifest 1 in r.example.org/a: manifest unknown"', "the image is not in the registry", False),
        ('msg="… name unknown: repository name not known to registry"', "the image is not in the registry", False),
        ('msg="… unauthorized: authentication required"', "registry r.example.org refused the login", True),
        ('msg="… invalid username/password: unauthorized"', "registry r.example.org refused the login", True),
        ('msg="… requested access to the resource is denied"', "registry r.example.org denied access", False),
        (
            'msg="… x509: certificate signed by unknown authority"',
            "the certificate of registry r.example.org is not trusted",
            True,
        ),
        ('msg="… http: server gave HTTP response to HTTPS client"', "registry r.example.org speaks plain http", True),
        ('msg="… lookup r.example.org: no such host"', "registry r.example.org has no address", True),
        ('msg="… connect: connection refused"', "registry r.example.org does not answer", True),
        ('time="x" level=fatal msg="something \\"new\\""', 'skopeo failed: something "new"', False),
        ("", "skopeo failed: it said nothing", False),
    ],
)
def test_words_of_skopeo(stderr: str, message: str, whole: bool) -> None:
    error = _registry.explain("r.example.org", "docker://r.example.org/a:1", stderr)
    assert error.message == message
    assert isinstance(error, _registry.HostError) is whole
    assert error.where == ("registries: r.example.org" if whole else "r.example.org/a:1")


@pytest.mark.parametrize(
    ("reference", "repository"),
    [
        ("r.example.org/a/b:1", "r.example.org/a/b"),
        ("r.example.org:5000/a:1", "r.example.org:5000/a"),
        ("r.example.org:5000/a@sha256:12", "r.example.org:5000/a"),
        ("r.example.org:5000/a:1@sha256:12", "r.example.org:5000/a"),
    ],
)
def test_repository_of(reference: str, repository: str) -> None:
    assert _registry.repository_of(reference) == repository


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"os": "linux", "architecture": "amd64"}, "linux/amd64"),
        ({"os": "linux", "architecture": "arm64", "variant": "v8"}, "linux/arm64"),
        ({"os": "linux", "architecture": "arm", "variant": "v7"}, "linux/arm/v7"),
        ({}, ""),
    ],
)
def test_platform_names(data: dict[str, str], name: str) -> None:
    assert _registry.platform_name(data) == name


@needs_skopeo
def test_files_for_skopeo_are_private_and_go_away(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("pem")
    (tmp_path / "mirror.pem").write_text("mirror's pem")
    (tmp_path / "auth.json").write_text('{"auths": {"other.example.org": {"auth": "x"}}}')
    settings: dict[str, Any] = {
        "r.example.org": {
            "username": "vre",
            "password": "secret",
            "ca_file": str(tmp_path / "ca.pem"),
            "mirrors": ["m.example.org:5000/vre", "plain.example.org"],
        },
        "m.example.org:5000": {"ca_file": str(tmp_path / "mirror.pem")},
        "plain.example.org": {"plain_http": True},
    }
    with _registry.Registries.open(settings, str(tmp_path / "auth.json")) as registries:
        folder = registries.folder
        assert registries.narrow == {"m.example.org:5000"}  # the other's plain mirror has no authority
        auth = folder / "auth.json"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(auth.stat().st_mode) == 0o600
        auths = json.loads(auth.read_text())["auths"]
        assert base64.b64decode(auths["r.example.org"]["auth"]) == b"vre:secret"
        assert auths["other.example.org"] == {"auth": "x"}
        certificates = {path.name: path.read_text() for path in (folder / "certs/r.example.org").iterdir()}
        assert certificates == {"r.example.org.crt": "pem", "m.example.org_5000.crt": "mirror's pem"}
        assert (folder / "registries.conf").read_text() == (
            '[[registry]]\nlocation = "r.example.org"\n'
            '[[registry.mirror]]\nlocation = "m.example.org:5000/vre"\n'
            '[[registry.mirror]]\nlocation = "plain.example.org"\ninsecure = true\n'
        )
    assert not folder.exists()
    assert "secret" not in (tmp_path / "auth.json").read_text()


@needs_skopeo
@pytest.mark.parametrize(
    ("settings", "authfile", "words"),
    [
        ({"r.example.org": {"ca_file": "/nowhere.pem"}}, None, "the authority's file is not there"),
        ({}, "/nowhere.json", "the auth file is not there"),
        ({"r.example.org": {"username": "vre"}}, "junk", "the auth file cannot be read"),
    ],
)
def test_files_that_are_not_there(settings: Any, authfile: str | None, words: str, tmp_path: Path) -> None:
    if authfile == "junk":
        (tmp_path / "junk").write_text("[")
        authfile = str(tmp_path / "junk")
    with pytest.raises(VreError, match=words), _registry.Registries.open(settings, authfile):
        pass


@needs_skopeo
def test_a_registry_that_is_not_there_is_asked_once() -> None:
    references = [f"localhost:1/a{number}:1" for number in range(20)]
    with _registry.Registries.open({"localhost:1": {"plain_http": True}}) as registries:
        found = registries.inspect_all(references, workers=1)
    assert len({id(error) for error in found.values()}) == 1
    assert str(found[references[0]]).startswith("registries: localhost:1: registry localhost:1 does not answer")


def test_a_digest_that_is_not_what_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registries = _registry.Registries({}, None, tmp_path)
    monkeypatch.setattr(registries, "_skopeo", lambda *_arguments, **_options: b'{"layers": []}')
    with pytest.raises(VreError, match="something else than this digest"):
        registries.inspect(f"r.example.org/a@sha256:{0:064x}")


def test_what_mirrors_say_is_told_apart() -> None:
    stderr = (
        'msg="(Mirrors also failed: [m.example.org/a:1: unauthorized: authentication required]): r.example.org/a:1: '
        'pinging container registry r.example.org: no such host"'
    )
    error = _registry.explain("r.example.org", "docker://r.example.org/a:1", stderr)
    assert isinstance(error, _registry.HostError)
    assert error.message == (
        "registry r.example.org has no address; its mirrors failed, too: "
        "m.example.org/a:1: unauthorized: authentication required"
    )


@needs_skopeo
def test_skopeo_reads_the_mirrors() -> None:
    """Both are refused at this port; that the mirror was asked shows that the file is read."""
    settings: dict[str, dict[str, Any]] = {
        "127.0.0.1:1": {"plain_http": True, "mirrors": ["127.0.0.1:2/vre"]},
        "127.0.0.1:2": {"plain_http": True},
    }
    with _registry.Registries.open(settings) as registries, pytest.raises(VreError) as raised:
        registries._skopeo("inspect", "127.0.0.1:1", "--raw", "docker://127.0.0.1:1/ocean:1")
    assert raised.value.message.startswith(
        "registry 127.0.0.1:1 does not answer; its mirrors failed, too: 127.0.0.1:2/vre"
    )
