"""Which hosts of a lab are a cluster, and what each is told by its scheduler's configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from gaia_lab import condor, slurm
from gaia_lab.cluster import Cluster
from gaia_lab.lab import Lab
from gaia_lab.spec import load_spec


def cluster_of(spec: str) -> Cluster:
    found = Cluster.of(Lab("x", load_spec(spec), 7, Path("/lab")).hosts)
    assert found
    return found


@pytest.mark.parametrize(
    ("spec", "service", "nodes"),
    [
        ("batch", "slurmctld", ["node1", "node2"]),
        ("condor", "schedd", ["node1"]),
        ("kubernetes", "apiserver", ["node1", "node2"]),
    ],
)
def test_members(spec: str, service: str, nodes: list[str]) -> None:
    found = cluster_of(spec)
    assert found.scheduler.manager == service
    assert found.manager.spec.name == "hub"
    assert [node.spec.name for node in found.nodes] == nodes
    members = [host.spec.name for host in Lab("x", load_spec(spec), 7, Path("/lab")).hosts if host in found]
    assert members == ["hub", *nodes]


@pytest.mark.parametrize("spec", ["docker", "plain", "host"])
def test_a_lab_without_a_cluster(spec: str) -> None:
    assert Cluster.of(Lab("x", load_spec(spec), 7, Path("/lab")).hosts) is None


def test_slurm() -> None:
    found = cluster_of("batch")
    lines = slurm.configuration(found.manager, found.nodes).splitlines()
    assert "SlurmctldHost=hub(10.99.7.10)" in lines
    assert [line.split(" State=")[0] for line in lines if line.startswith("NodeName=")] == [
        "NodeName=node1 NodeAddr=10.99.7.31 CPUs=2 RealMemory=4000",
        "NodeName=node2 NodeAddr=10.99.7.32 CPUs=2 RealMemory=4000 Gres=gpu:1",
    ]
    partitions = [line.split()[:2] for line in lines if line.startswith("PartitionName=")]
    assert partitions == [["PartitionName=short", "Nodes=ALL"], ["PartitionName=long", "Nodes=node2"]]


@pytest.mark.parametrize(
    ("index", "daemons"), [(0, "MASTER COLLECTOR NEGOTIATOR SCHEDD"), (1, "MASTER STARTD")], ids=["hub", "node1"]
)
def test_condor(index: int, daemons: str) -> None:
    found = cluster_of("condor")
    host = (found.manager, *found.nodes)[index]
    lines = condor.configuration(host, found.manager).splitlines()
    assert "CONDOR_HOST = hub.example.org" in lines
    assert f"DAEMON_LIST = {daemons}" in lines
    assert "UID_DOMAIN = example.org" in lines
