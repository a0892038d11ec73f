"""Volumes and mounts of a pod, as the cluster's API has them."""

from __future__ import annotations

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _mounts
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

HEX = "0123456789abcdef" * 4
REFERENCE = f"registry.example.org/vre/ocean@sha256:{HEX}"
NAME = f"gaia-{HEX[:40]}"
PATH = "/opt/gaia/ocean"


def maker(kind: str) -> _mounts.Maker:
    return _mounts.maker("kubernetes", kind, "/srv/store")


def test_a_business_image_as_a_volume_of_its_own() -> None:
    assert maker("image").business(REFERENCE, PATH, "") == {
        "volume": {"name": NAME, "image": {"reference": REFERENCE, "pullPolicy": "IfNotPresent"}},
        "volume_mount": {"name": NAME, "mountPath": PATH, "readOnly": True},
    }
    assert len(NAME) <= 63


def test_a_folder_of_a_foreign_image() -> None:
    assert maker("image").business(REFERENCE, PATH, "opt/conda/envs")["volume_mount"] == {
        "name": NAME,
        "mountPath": PATH,
        "readOnly": True,
        "subPath": "opt/conda/envs",
    }


@pytest.mark.parametrize(("subpath", "inner"), [("", HEX), ("opt/conda/envs", f"{HEX}/opt/conda/envs")])
def test_a_business_image_in_the_store(subpath: str, inner: str) -> None:
    assert maker("directory").business(REFERENCE, PATH, subpath) == {
        "volume": {
            "name": "gaia-vre-store",
            "persistentVolumeClaim": {"claimName": "gaia-vre-store", "readOnly": True},
        },
        "volume_mount": {"name": "gaia-vre-store", "mountPath": PATH, "readOnly": True, "subPath": inner},
    }


@pytest.mark.parametrize("kind", ["image", "directory"])
def test_a_system_image(kind: str) -> None:
    assert maker(kind).system(REFERENCE) == {"image": REFERENCE}


@pytest.mark.parametrize("kind", ["image", "directory"])
@pytest.mark.parametrize(
    ("reference", "path", "subpath"),
    [
        ("registry.example.org/vre/ocean:1", PATH, ""),
        ("registry.example.org/vre/ocean@sha256:../../etc", PATH, ""),
        (REFERENCE, "/opt/{username}", ""),
        (REFERENCE, "opt/gaia", ""),
        (REFERENCE, PATH, "../x"),
        (REFERENCE, PATH, "/etc"),
        (REFERENCE, PATH, "{username}"),
    ],
)
def test_nothing_else_becomes_a_mount(kind: str, reference: str, path: str, subpath: str) -> None:
    with pytest.raises(VreError):
        maker(kind).business(reference, path, subpath)
