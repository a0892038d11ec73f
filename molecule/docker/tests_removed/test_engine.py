"""The engine that `remove` left, in states that `deploy` refuses instead of changing them unasked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from testinfra.host import Host

from gaia_lab.playbook import play

CENTRE = Path(os.environ["GAIA_LAB_STATE"]) / "inventory"
SETTINGS = "/etc/docker/daemon.json"
# systemd starts no service more than three times a minute, which these tests do.
AGAIN = "systemctl reset-failed docker.service"


@pytest.fixture
def graph_driver(host: Host) -> Iterator[None]:
    """The engine keeps its images as it did before containerd's store."""
    host.check_output(f"cp {SETTINGS} /root/daemon.json")
    host.check_output(f"sed -i 's/true/false/' {SETTINGS} && {AGAIN} && systemctl restart docker")
    yield
    host.check_output(f"cp /root/daemon.json {SETTINGS} && {AGAIN} && systemctl restart docker")


@pytest.fixture
def stopped(host: Host) -> Iterator[None]:
    """The engine is installed and does not run."""
    host.check_output("systemctl stop docker.socket docker.service")
    yield
    host.check_output(f"{AGAIN}; systemctl start docker.service")


@pytest.mark.usefixtures("graph_driver")
def test_images_in_a_graph_driver_are_not_mounted(host: Host) -> None:
    before = host.file(SETTINGS).content_string
    done = play(CENTRE, "deploy", {"vre_mount_kind": "image"})
    assert done.code != 0
    assert "graph driver" in done.text, done.text[-3000:]
    assert "docker_enable_containerd_store to true" in done.text
    assert done.changed == 0
    assert host.file(SETTINGS).content_string == before


@pytest.mark.usefixtures("stopped")
def test_an_engine_that_does_not_answer_is_refused(host: Host) -> None:
    done = play(CENTRE, "deploy")
    assert done.code != 0
    assert "Docker is installed but does not answer" in done.text, done.text[-3000:]
    assert done.changed == 0
    assert not host.service("docker").is_running
