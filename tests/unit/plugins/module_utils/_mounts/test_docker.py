"""Docker's own form of launch and mount."""

from __future__ import annotations

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _mounts
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._mounts import docker

REFERENCE = "registry.example.org/vre/ocean@sha256:" + "0" * 64
STORE = "/srv/store"


def business(kind: str, subpath: str = "", store: str = STORE, reference: str = REFERENCE) -> dict[str, object]:
    return _mounts.maker("docker", kind, store).business(reference, "/opt/gaia/ocean", subpath)


def test_a_business_image() -> None:
    assert business("image") == {
        "Type": "image",
        "Source": REFERENCE,
        "Target": "/opt/gaia/ocean",
        "ReadOnly": True,
    }


def test_a_folder_of_a_foreign_image() -> None:
    assert business("image", "opt/conda/envs")["ImageOptions"] == {"Subpath": "opt/conda/envs"}


@pytest.mark.parametrize(("subpath", "more"), [("", ""), ("opt/conda/envs", "/opt/conda/envs")])
def test_an_unpacked_image(subpath: str, more: str) -> None:
    assert business("directory", subpath) == {
        "Type": "bind",
        "Source": f"{STORE}/{'0' * 64}{more}",
        "Target": "/opt/gaia/ocean",
        "ReadOnly": True,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"subpath": "../../etc"},
        {"subpath": "opt/./x"},
        {"subpath": "/etc"},
        {"store": "/"},
        {"store": "/srv"},
        {"store": "srv/store"},
        {"store": "/srv/../etc"},
        {"store": "/srv/{username}"},
        {"reference": "registry.example.org/vre/ocean:1"},
        {"reference": "registry.example.org/vre/ocean@sha256:../../etc"},
    ],
)
def test_nothing_else_of_the_host_is_mounted(changes: dict[str, str]) -> None:
    with pytest.raises(VreError):
        business("directory", **changes)


def test_a_system_image() -> None:
    assert docker.system(REFERENCE, "image", "/s") == {"image": REFERENCE}


def test_a_kind_that_docker_does_not_know() -> None:
    with pytest.raises(VreError, match="mount kind squashfs is not available on substrate docker"):
        _mounts.maker("docker", "squashfs", STORE)
