"""A host before it boots: the files it gets, the systemd-nspawn it becomes a child of."""

from __future__ import annotations

from pathlib import Path

import pytest

from gaia_lab.host import Host
from gaia_lab.network import Network
from gaia_lab.spec import HostSpec


@pytest.fixture
def host(tmp_path: Path) -> Host:
    spec = HostSpec("hub", 10, "plain", disks=("/var/lib/docker",))
    return Host(spec, "hub.example.org", Network(7, tmp_path), tmp_path / "hub")


def test_command(host: Host) -> None:
    argv = host.command([(Path("/cache/channel"), "/srv/channel")])
    assert argv[0] == "systemd-nspawn"
    assert f"--directory={host.folder}/root" in argv
    assert "--network-namespace-path=/run/netns/gv7-hub" in argv
    assert f"--bind={host.folder}/disks/var/lib/docker:/var/lib/docker" in argv
    assert "--bind=/cache/channel:/srv/channel" in argv
    assert {"--register=no", "--keep-unit"} <= set(argv), "no service of the build host may know it"


def test_identity(host: Host) -> None:
    assert host.address == "10.99.7.10"
    assert {path.name for path in host.cgroups} == {"gv7-hub"}
    assert not host.runs()


def test_what_hosts_share_is_mounted_after_the_base(tmp_path: Path) -> None:
    spec = HostSpec("node1", 31, "plain", shared=("/home", "/shared"))
    hosts = [Host(spec, "node1.example.org", Network(7, tmp_path), tmp_path / name) for name in ("one", "two")]
    for host in hosts:
        host.prepare("", "")
        mounts = host.mounts(Path("/base")).split(" && ")
        assert mounts[0].startswith("mount -t overlay ")
        assert mounts[1:] == [
            f"mount --bind {tmp_path}/shared/home {host.folder}/root/home",
            f"mount --bind {tmp_path}/shared/shared {host.folder}/root/shared",
        ]
        assert (host.upper / "shared").is_dir(), "there is something to mount on"


def test_secrets_are_never_readable_by_others(host: Host) -> None:
    host.write("/root/key", "secret", 0o600)
    assert (host.upper / "root/key").stat().st_mode & 0o777 == 0o600
    host.write("/root/key", "another", 0o644)
    assert (host.upper / "root/key").read_text() == "another"
