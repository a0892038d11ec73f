"""Apptainer's own form of launch and bind."""

from __future__ import annotations

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _mounts
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

REFERENCE = "registry.example.org/vre/ocean@sha256:" + "0" * 64
STORE = "/shared/vre"
HERE = f"{STORE}/{'0' * 64}"


def maker(kind: str, store: str = STORE) -> _mounts.Maker:
    return _mounts.maker("batch", kind, store)


@pytest.mark.parametrize(("kind", "source"), [("squashfs", f"{HERE}.squashfs"), ("directory", HERE)])
def test_a_system_image(kind: str, source: str) -> None:
    assert maker(kind).system(REFERENCE) == {"source": source}


@pytest.mark.parametrize(
    ("kind", "subpath", "source", "bind"),
    [
        ("squashfs", "", f"{HERE}.squashfs", f"{HERE}.squashfs:/opt/gaia/ocean:ro,image-src=/"),
        ("squashfs", "opt/x", f"{HERE}.squashfs", f"{HERE}.squashfs:/opt/gaia/ocean:ro,image-src=/opt/x"),
        ("directory", "", HERE, f"{HERE}:/opt/gaia/ocean:ro"),
        ("directory", "opt/x", f"{HERE}/opt/x", f"{HERE}/opt/x:/opt/gaia/ocean:ro"),
    ],
)
def test_a_business_image(kind: str, subpath: str, source: str, bind: str) -> None:
    assert maker(kind).business(REFERENCE, "/opt/gaia/ocean", subpath) == {"source": source, "bind": bind}


@pytest.mark.parametrize("kind", ["squashfs", "directory"])
@pytest.mark.parametrize(
    ("store", "reference", "subpath"),
    [
        ("/", REFERENCE, ""),
        ("/shared/a b", REFERENCE, ""),
        ("/shared/x,y", REFERENCE, ""),
        ("/shared/$HOME", REFERENCE, ""),
        (STORE, "registry.example.org/vre/ocean:1", ""),
        (STORE, "registry.example.org/vre/ocean@sha256:../../etc", ""),
        (STORE, REFERENCE, "../x"),
        (STORE, REFERENCE, "x:/etc"),
        (STORE, REFERENCE, "x,rw"),
    ],
)
def test_nothing_else_becomes_a_word_of_a_command(kind: str, store: str, reference: str, subpath: str) -> None:
    with pytest.raises(VreError):
        maker(kind, store).business(reference, "/opt/gaia/ocean", subpath)
