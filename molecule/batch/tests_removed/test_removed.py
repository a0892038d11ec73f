"""After remove: nothing of the hub is left, homes and store stay."""

from __future__ import annotations

import pytest
from testinfra.host import Host

GONE = (
    "/etc/gaia-vre/hub.d",
    "/etc/sudoers.d/gaia-vre",
    "/usr/local/lib/gaia-vre",
    "/etc/systemd/system/gaia-vre-hub.service",
    "/etc/systemd/system/gaia-vre-hub.service.d",
    "/opt/gaia-vre",
)
# Of any user, by the command of the cluster's scheduler.
JOBS = {
    "squeue": "squeue --noheader",
    "condor_q": "condor_q -allusers -constraint 'JobStatus < 3' -autoformat ClusterId",
}


@pytest.mark.parametrize("path", GONE)
def test_gone(host: Host, path: str) -> None:
    assert not host.file(path).exists


def test_homes_and_store_stay(host: Host) -> None:
    assert host.file("/home/alice").is_directory
    assert host.check_output("find /shared/gaia-vre -maxdepth 1 -name '*.squashfs'")


def test_no_job_runs(host: Host) -> None:
    assert [host.check_output(jobs) for name, jobs in JOBS.items() if host.exists(name)] == [""]
