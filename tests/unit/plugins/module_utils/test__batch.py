"""What is made of the answers of schedulers and of jobs that look at nodes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _batch
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._units import Done

SINFO = """short*|10:00|2|1000|2|up|(null)
long|1-00:00:00|4|2000|1|up|gpu:2
long|1-00:00:00|16|64000|3|up|gpu:a100:4(S:0-1)
endless|infinite|1|500|1|down|(null)
"""
NODE = {
    "host": "node1",
    "machine": "x86_64",
    "apptainer": "1.4.5",
    "squashfuse": "/usr/bin/squashfuse_ll",
    "fuse": "yes",
    "userns": "yes",
    "setuid": "",
    "user bind control": "yes",
    "enable fusemount": "yes",
    "store": "yes",
}


class Cluster:
    """Answers as a Slurm does; keeps what it was asked."""

    def __init__(self, **node: str) -> None:
        self.node, self.asked = {**NODE, **node}, []  # type: ignore[var-annotated]

    def __call__(self, argv: Sequence[str]) -> Done:
        self.asked.append(list(argv))
        if "--version" in argv:
            return Done(0, "slurm 26.05.5\n", "")
        if argv[0].endswith("condor_version"):
            return Done(0, "$CondorVersion: 25.14.0 2026-10-01 $\n$CondorPlatform: X86_64-Debian_14 $\n", "")
        if argv[0].endswith("sinfo"):
            return Done(0, SINFO, "")
        return Done(0, "".join(f"{key}={value}\n" for key, value in self.node.items()), "")


def measured(cluster: Any, *partitions: str, **more: Any) -> dict[str, Any]:
    places = dict.fromkeys(partitions, "") or None
    return _batch.measure("slurm", "/usr/bin", "vrecheck", "/shared/vre", places, call=cluster, **more)


def test_a_cluster_that_can_all() -> None:
    cluster = Cluster()
    found = measured(cluster)
    assert (found["version"], found["platform"], found["mount_kind"]) == ("slurm 26.05.5", "linux/amd64", "squashfs")
    assert "measured on node1" in found["reason"]
    assert cluster.asked[-1][:5] == ["runuser", "-u", "vrecheck", "--", "/usr/bin/srun"]
    assert "--partition=short" in cluster.asked[-1]
    assert found["partitions"] == {
        "short": {"default": True, "time": 600, "cpu": 2, "memory": 1000 << 20, "nodes": 2, "gpu": 0, "up": True},
        "long": {"default": False, "time": 86400, "cpu": 16, "memory": 64000 << 20, "nodes": 4, "gpu": 4, "up": True},
        "endless": {"default": False, "time": None, "cpu": 1, "memory": 500 << 20, "nodes": 1, "gpu": 0, "up": False},
    }


def test_each_partition_that_is_named_is_looked_at() -> None:
    assert set(measured(Cluster(), "long", "short", "long")["nodes"]) == {"long", "short"}


@pytest.mark.parametrize(
    ("node", "kind", "words"),
    [
        ({"squashfuse": ""}, "directory", "node1: squashfuse is not installed"),
        ({"fuse": ""}, "directory", "users may not open /dev/fuse"),
        ({"enable fusemount": "no"}, "directory", "Apptainer may not use FUSE"),
        ({"apptainer": ""}, None, "there is no Apptainer"),
        ({"apptainer": "1.0.3"}, None, "Apptainer 1.0.3 is too old"),
        ({"userns": ""}, None, "users may not make user namespaces"),
        ({"userns": "", "setuid": "/usr/libexec/apptainer/bin/starter-suid"}, "squashfs", "binds squashfs files"),
        ({"user bind control": "no"}, None, "users may bind nothing"),
        ({"store": ""}, None, "the store is not there"),
    ],
)
def test_what_a_node_lacks_is_told(node: dict[str, str], kind: str | None, words: str) -> None:
    found = measured(Cluster(**node))
    assert found["mount_kind"] == kind
    assert words in found["reason"]
    if kind != "squashfs":
        assert "Remedy: " in found["reason"]


@pytest.mark.parametrize(
    ("resources", "partition", "account", "places"),
    [
        ({}, "", "", {"": ""}),
        ({}, "long", "ocean", {"long": "ocean"}),
        ({"small": {"partition": "short"}}, "", "ocean", {"short": "ocean"}),
        ({"small": {"cpu": 1}, "big": {"partition": "long", "account": "a"}}, "", "", {"": "", "long": "a"}),
        (
            {"first": {"partition": "long", "account": "a"}, "second": {"partition": "long", "account": "b"}},
            "short",
            "c",
            {"long": "a", "short": "c"},
        ),
    ],
)
def test_where_jobs_of_resources_run(resources: Any, partition: str, account: str, places: dict[str, str]) -> None:
    assert _batch.places(resources, partition, account) == places


def test_a_probe_asks_as_the_jobs_of_sessions_do() -> None:
    cluster = Cluster()
    options = "--qos='a b' --requeue --time=60 # as agreed"
    _batch.measure("slurm", "/opt/bin", "vrecheck", "/shared/vre", {"long": "coast"}, options, call=cluster)
    words = cluster.asked[-1][: cluster.asked[-1].index("sh")]
    assert words[4:8] == ["/opt/bin/srun", "--qos=a b", "--time=60", "--account=coast"]
    assert words.index("--time=1") > words.index("--time=60"), "the last one counts"
    with pytest.raises(VreError, match="batch_options: these are no words of an option: No closing quotation"):
        measured(Cluster(), options="--qos='a")


def busy(argv: Sequence[str]) -> Done:
    """A cluster without a free slot."""
    return Done(1, "", "srun: error: Unable to allocate resources") if "srun" in str(argv) else Cluster()(argv)


def half_busy(argv: Sequence[str]) -> Done:
    """Only the partition short has a free slot."""
    return busy(argv) if "--partition=long" in argv else Cluster()(argv)


def test_a_job_that_does_not_run_is_told() -> None:
    found = measured(busy)
    assert found["mount_kind"] is None
    assert "no job of ours ran on partition short: srun: error: Unable to allocate" in found["reason"]
    assert "Remedy: try again when a slot is free, or set vre_mount_kind" in found["reason"]


def record(cluster: Any, *partitions: str, **more: Any) -> str:
    return json.dumps(_batch.record(measured(cluster, *partitions, **more), "/shared/vre"))


def test_on_a_full_cluster_what_was_measured_before_counts_and_is_told() -> None:
    former = _batch.recorded(record(Cluster(fuse="")), "slurm", "/shared/vre")
    found = measured(busy, former=former)
    assert found["mount_kind"] == "directory"
    assert (found["platform"], len(found["notes"])) == ("linux/amd64", 1)
    assert "no job of ours ran on partition short: srun: error: Unable to allocate" in found["notes"][0]
    assert "so what was measured on node1 on 20" in found["notes"][0]
    assert "measured on node1 on 20" in found["reason"]
    again = json.dumps(_batch.record(found, "/shared/vre"))
    assert _batch.recorded(again, "slurm", "/shared/vre") == former, "with the date of then"


def test_a_full_partition_is_what_it_was_beside_one_that_is_measured() -> None:
    """Or a cluster would have another mount kind for as long as its partition without FUSE is full."""
    before = record(Cluster(fuse=""), "long", "short")
    former = _batch.recorded(before, "slurm", "/shared/vre")
    assert measured(half_busy, "long", "short")["mount_kind"] == "squashfs", "nothing else is known"
    found = measured(half_busy, "long", "short", former=former)
    assert found["mount_kind"] == "directory"
    assert [bool(probe.get("at")) for probe in found["nodes"].values()] == [True, False]


@pytest.mark.parametrize(
    ("text", "store"),
    [("", "/shared/vre"), ("junk", "/shared/vre"), ("[]", "/shared/vre"), ('{"version": 2}', "/shared/vre")],
)
def test_a_record_of_something_else_counts_for_nothing(text: str, store: str) -> None:
    assert _batch.recorded(text, "slurm", store) == {}
    assert _batch.recorded(record(Cluster()), "slurm", "/other/store") == {}
    assert _batch.recorded(record(Cluster()), "pbs", store) == {}
    assert _batch.recorded(record(busy), "slurm", store) == {}


def test_a_forced_mount_kind_needs_no_measurement() -> None:
    found = measured(busy, forced="directory")
    assert [found["mount_kinds"][kind]["usable"] for kind in ("squashfs", "directory")] == [False, True]
    assert found["platform"].startswith("linux/a")
    assert "so nodes are not measured, and taken for" in found["notes"][0]
    assert not measured(Cluster(userns=""), forced="directory")["mount_kinds"]["directory"]["usable"], "it is known"


@pytest.mark.parametrize(
    ("partition", "words"), [("nowhere", "slurm has no partition nowhere"), ("short; x", "slurm has no partition")]
)
def test_an_unknown_partition(partition: str, words: str) -> None:
    with pytest.raises(VreError, match=words):
        measured(Cluster(), partition)


def test_a_scheduler_that_does_not_answer() -> None:
    with pytest.raises(VreError, match="slurm does not answer: sinfo: error: no controller"):
        measured(lambda _argv: Done(1, "", "sinfo: error: no controller"))


def test_where_no_job_can_look_the_host_itself_is_looked_at_and_told() -> None:
    found = _batch.measure("pbs", "/opt/pbs/bin", "vrecheck", "/shared/vre", call=Cluster())
    assert found["mount_kind"] == "squashfs"
    assert "measured on node1, as pbs gives no way to look at nodes" in found["reason"]


def test_a_job_of_htcondor_looks_at_a_node() -> None:
    cluster = Cluster()
    found = _batch.measure("htcondor", "/opt/condor/bin", "vrecheck", "/shared/vre", call=cluster)
    assert (found["version"], found["mount_kind"]) == ("htcondor 25.14.0", "squashfs")
    assert found["reason"].endswith("(measured on node1)")
    assert cluster.asked[-1][:6] == ["runuser", "-u", "vrecheck", "--", "sh", "-c"]
    assert cluster.asked[-1][8] == "/opt/condor/bin"


def test_htcondor_has_no_partitions() -> None:
    with pytest.raises(VreError, match=r"htcondor has no partitions.*Remedy: leave partition out"):
        _batch.measure("htcondor", "/usr/bin", "vrecheck", "/shared/vre", {"long": ""}, call=Cluster())
