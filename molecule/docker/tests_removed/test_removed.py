"""After `remove`: nothing of ours runs or lies around, homes are kept."""

from __future__ import annotations

import pytest
from testinfra.host import Host


@pytest.mark.parametrize("unit", ["gaia-vre-hub", "gaia-vre-proxy", "gaia-vre-verify"])
def test_no_unit_is_left(host: Host, unit: str) -> None:
    assert not host.service(unit).is_running
    assert not host.file(f"/etc/systemd/system/{unit}.service").exists
    assert not host.file(f"/etc/systemd/system/{unit}.timer").exists


@pytest.mark.parametrize("path", ["/etc/gaia-vre", "/etc/gaia-vre-proxy", "/opt/gaia-vre"])
def test_no_file_is_left(host: Host, path: str) -> None:
    assert not host.file(path).exists


def test_homes_are_kept(host: Host) -> None:
    volumes = host.check_output("docker volume ls --quiet").split()
    assert any("alice" in name for name in volumes)
