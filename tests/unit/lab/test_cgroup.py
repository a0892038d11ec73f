"""Control groups of a machine that has their controllers apart, and of one that has not."""

from __future__ import annotations

from pathlib import Path

import pytest

from gaia_lab import cgroup

UNIFIED = "cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n"
SYSTEMD = "cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,xattr,name=systemd 0 0\n"


@pytest.mark.parametrize(
    ("mounts", "found"),
    [
        (UNIFIED, {}),
        (UNIFIED + SYSTEMD, {}),
        (f"{UNIFIED}cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0\n", {"memory": "memory"}),
        (
            f"cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,nodev,noexec,relatime,cpu,cpuacct 0 0\n{SYSTEMD}",
            {"cpu,cpuacct": "cpu,cpuacct", "systemd": "name=systemd"},
        ),
    ],
    ids=["unified", "unified but for systemd", "apart", "together"],
)
def test_hierarchies(mounts: str, found: dict[str, str]) -> None:
    assert cgroup.apart(mounts) == {Path("/sys/fs/cgroup") / name: options for name, options in found.items()}


def test_a_host_has_its_group_in_each() -> None:
    groups = cgroup.groups("gv7-hub")
    assert groups[0] == cgroup.unified() / "gv7-hub"
    assert [group.parent for group in groups[1:]] == list(cgroup.hierarchies())
