"""What a Docker engine says of itself, and the mount kind that follows. Recorded from real engines."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _substrate
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

# Debian's Docker 28.5.2 with the containerd image store, on a host without cgroup controllers.
RECORDED = json.loads((Path(__file__).parent / "docker-28.5.2.json").read_text())
# The same engine before "containerd-snapshotter" is set.
GRAPH_DRIVER = {
    "Driver": "overlay2",
    "DriverStatus": [["Backing Filesystem", "extfs"], ["Supports d_type", "true"], ["userxattr", "false"]],
}
USABLE = "API 1.51 mounts images, and the containerd image store keeps them over a restart of the engine"
UNPACKED = "images are unpacked into /var/lib/gaia-vre-store and mounted from there"
# A client alone: docker 28.2.2, "Cannot connect to the Docker daemon".
NO_ENGINE = '{"Client":{"Version":"28.2.2","ApiVersion":"1.50","DefaultAPIVersion":"1.50"},"Server":null}'
CANNOT_CONNECT = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n"


def recorded(version: dict[str, Any] | None = None, info: dict[str, Any] | None = None) -> tuple[Any, Any]:
    found = copy.deepcopy(RECORDED)
    found["version"]["Server"].update(version or {})
    found["info"].update(info or {})
    return found["version"], found["info"]


def test_an_engine_that_mounts_images() -> None:
    assert _substrate.docker_capabilities(*recorded()) == {
        "substrate": "docker",
        "version": "28.5.2+dfsg4",
        "api_version": "1.51",
        "image_store": "containerd",
        "storage_driver": "overlayfs",
        "cgroup": {"version": "2", "memory": False, "cpu": False},
        "platform": "linux/amd64",
        "mount_kinds": {
            "image": {
                "usable": True,
                "reason": USABLE,
            },
            "directory": {"usable": True, "reason": UNPACKED},
        },
        "mount_kind": "image",
        "reason": USABLE,
    }


@pytest.mark.parametrize(
    ("version", "info", "reason", "remedy"),
    [
        (
            {"Version": "20.10.24", "ApiVersion": "1.41"},
            {},
            "Docker 20.10.24 (API 1.41) cannot mount",
            "install Docker 28",
        ),
        ({"Version": "27.5.1", "ApiVersion": "1.47"}, {}, "Docker 27.5.1 (API 1.47) cannot mount", "install Docker 28"),
        ({"Version": "27.5.1", "ApiVersion": "1.47"}, GRAPH_DRIVER, "(API 1.47) cannot mount", "install Docker 28"),
        ({}, GRAPH_DRIVER, "keeps images in the graph driver overlay2", '"containerd-snapshotter": true'),
        ({}, {"Driver": "vfs", "DriverStatus": None}, "keeps images in the graph driver vfs", "containerd-snapshotter"),
    ],
)
def test_an_engine_that_does_not(version: Any, info: Any, reason: str, remedy: str) -> None:
    found = _substrate.docker_capabilities(*recorded(version, info))
    assert found["mount_kind"] == "directory"
    assert not found["mount_kinds"]["image"]["usable"]
    assert found["reason"].endswith(f". Instead: {UNPACKED}"), "why not images, and what instead"
    assert reason in found["reason"]
    assert f"Remedy: {remedy}" in found["reason"] or remedy in found["reason"].split("Remedy: ")[1]


OLD = {"Version": "26.1.5", "ApiVersion": "1.45"}


@pytest.mark.parametrize(
    ("version", "store_reason", "words"),
    [
        ({"Version": "19.3.15", "ApiVersion": "1.40"}, "", "Docker 19.3.15 (API 1.40) is too old for sessions. Remedy"),
        (OLD, "/var/lib cannot be written. Remedy: x", "Also: /var/lib cannot be written"),
    ],
)
def test_an_engine_with_neither_kind(version: Any, store_reason: str, words: str) -> None:
    found = _substrate.docker_capabilities(*recorded(version), store_reason=store_reason)
    assert found["mount_kind"] is None
    assert words in found["reason"]
    assert "cannot mount images" in found["reason"]


def test_a_store_that_can_be_made() -> None:
    assert _substrate.wrong_with_store("/usr/new/store") == ""


def test_a_store_that_somebody_else_could_exchange(tmp_path: Path) -> None:
    """The folder for temporary files is everybody's, and cleaned by the clock."""
    said = _substrate.wrong_with_store(str(tmp_path / "store"))
    assert "is not root's alone, so somebody else could change what sessions get. Remedy: set images_store_dir" in said


@pytest.mark.parametrize(
    ("store", "words"),
    [
        ("/proc/self/status/store", "/proc/self/status is no folder"),
        ("store", "this cannot be the store's folder"),
        ("/srv/x y", "this cannot be the store's folder"),
    ],
)
def test_a_store_that_cannot_be_used(store: str, words: str) -> None:
    reason = _substrate.wrong_with_store(store)
    assert words in reason
    assert "Remedy: " in reason


@pytest.mark.parametrize(
    ("info", "cgroup", "platform"),
    [
        (
            {"MemoryLimit": True, "CpuCfsQuota": True, "CpuCfsPeriod": True},
            {"memory": True, "cpu": True},
            "linux/amd64",
        ),
        ({"MemoryLimit": True, "CpuCfsQuota": True}, {"memory": True, "cpu": False}, "linux/amd64"),
        ({"Architecture": "aarch64"}, {"memory": False, "cpu": False}, "linux/arm64"),
        ({"Architecture": "riscv64"}, {"memory": False, "cpu": False}, "linux/riscv64"),
    ],
)
def test_limits_and_platform(info: Any, cgroup: dict[str, bool], platform: str) -> None:
    found = _substrate.docker_capabilities(*recorded(info=info))
    assert found["cgroup"] == {"version": "2", **cgroup}
    assert found["platform"] == platform


def answers(*outputs: tuple[int, str, str]) -> Any:
    """What runs docker, with recorded answers."""
    queue = list(outputs)

    def run(*_arguments: Any, **_options: Any) -> Any:
        code, stdout, stderr = queue.pop(0)
        return SimpleNamespace(returncode=code, stdout=stdout, stderr=stderr)

    return run


@pytest.mark.parametrize(
    ("run", "words", "remedy"),
    [
        (
            answers((1, NO_ENGINE, CANNOT_CONNECT)),
            "does not answer: Cannot connect to the Docker daemon",
            "systemctl start",
        ),
        (answers((1, "", "permission denied while trying to connect")), "permission denied", "run as a user that may"),
        (answers((0, "junk", "")), "does not answer: it said nothing", "systemctl start docker"),
        (
            answers((0, json.dumps(RECORDED["version"]), ""), (1, "{}", CANNOT_CONNECT)),
            "Cannot connect",
            "systemctl start",
        ),
    ],
)
def test_an_engine_that_is_not_there(run: Any, words: str, remedy: str) -> None:
    with pytest.raises(VreError) as caught:
        _substrate.docker_words(run)
    assert words in str(caught.value)
    assert remedy in caught.value.remedy


def test_an_engine_that_answers() -> None:
    run = answers((0, json.dumps(RECORDED["version"]), ""), (0, json.dumps(RECORDED["info"]), ""))
    assert _substrate.docker_words(run) == (RECORDED["version"], RECORDED["info"])
