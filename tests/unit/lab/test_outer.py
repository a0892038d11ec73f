"""What hosts take over from the machine that they run on."""

from __future__ import annotations

from pathlib import Path

import pytest

from gaia_lab import outer

CERT = f"cert = {outer.CA}\n"


@pytest.mark.parametrize(
    ("text", "environment", "rest"),
    [
        ("", {}, ""),
        ("[global]\ncert = /other.pem\n", {}, ""),
        ("[global]\nindex-url = https://a.example.org/simple\n", {}, "index-url = https://a.example.org/simple\n"),
        (
            "[global]\nindex-url = https://a.example.org/simple\n",
            {"PIP_INDEX_URL": "https://b.example.org/%20/simple"},
            "index-url = https://b.example.org/%20/simple\n",
        ),
        ("[install]\nuser = true\n", {"PIP_TRUSTED_HOST": "c.example.org"}, "trusted-host = c.example.org\n"),
    ],
)
def test_pip_conf(text: str, environment: dict[str, str], rest: str) -> None:
    assert outer.pip_conf(text, environment) == f"[global]\n{CERT}{rest}"


def test_apt_conf() -> None:
    dump = """Acquire "";
Acquire::http "";
Acquire::http::Proxy "http://proxy.example.org:3128";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
APT::Architecture "amd64";
"""
    assert outer.apt_conf(dump) == (
        'Acquire::http::Proxy "http://proxy.example.org:3128";\nAcquire::Check-Valid-Until "false";\n'
    )


def test_environment_file() -> None:
    found = outer.environment_file({"https_proxy": "http://proxy.example.org", "NO_PROXY": "localhost", "HOME": "/x"})
    assert "https_proxy=http://proxy.example.org\n" in found
    assert "NO_PROXY=localhost\n" in found
    assert "HOME" not in found


def test_packages_go_from_host_to_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GAIA_VRE_CACHE", str(tmp_path / "cache"))
    first, second = tmp_path / "first", tmp_path / "second"
    outer.lend_packages(first)
    archives = first / outer.APT_ARCHIVES.lstrip("/")
    (archives / "partial").mkdir()
    (archives / "a_1.deb").write_text("a")
    (archives / "b_1.deb").symlink_to("/etc/passwd")
    (archives / "lock").touch()
    outer.keep_packages(first)
    outer.lend_packages(second)
    outer.lend_packages(second)
    lent = second / outer.APT_ARCHIVES.lstrip("/")
    assert [path.name for path in lent.iterdir()] == ["a_1.deb"]
