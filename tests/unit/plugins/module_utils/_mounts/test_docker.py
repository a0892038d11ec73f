"""Docker's own form of launch and mount."""

from __future__ import annotations

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _mounts
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._mounts import docker

REFERENCE = "registry.example.org/vre/ocean@sha256:" + "0" * 64


def test_a_business_image() -> None:
    assert docker.business(REFERENCE, "/opt/gaia/ocean") == {
        "Type": "image",
        "Source": REFERENCE,
        "Target": "/opt/gaia/ocean",
        "ReadOnly": True,
    }


def test_a_folder_of_a_foreign_image() -> None:
    mount = docker.business(REFERENCE, "/opt/conda/envs", "opt/conda/envs")
    assert mount["ImageOptions"] == {"Subpath": "opt/conda/envs"}


def test_a_system_image() -> None:
    assert docker.system(REFERENCE) == {"image": REFERENCE}


def test_the_maker_of_a_kind() -> None:
    assert _mounts.maker("docker", "image") is docker
    with pytest.raises(VreError, match="mount kind squashfs is not available on substrate docker"):
        _mounts.maker("docker", "squashfs")
