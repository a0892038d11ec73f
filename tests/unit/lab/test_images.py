"""The lab's images: what is good is accepted by the contract, what is bad is refused."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
import zstandard

from ansible_collections.gaia_data.vre.plugins.module_utils import _contract, _reference
from ansible_collections.gaia_data.vre.plugins.module_utils._build import definition, oci
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from gaia_lab import images

# Platform and missing image are asked of the registry, not of the labels.
REFUSED_ELSEWHERE = {"arm"}


@pytest.mark.parametrize("reference", images.definitions())
def test_references_are_those_of_the_definitions(reference: str) -> None:
    found = definition.load(images.definitions()[reference])
    parts = _reference.parse(reference)
    assert (parts.path, parts.tag) == (f"vre/{found.name}", found.tag)
    assert images.layout_of(reference).name == f"{found.name}-{found.tag}"


def test_small_images_are_valid() -> None:
    found = _contract.parse(images.contract_labels("tiny007"))
    assert found.mount_path == "/opt/gaia/tiny007"
    assert list(found.environments) == ["tiny007"]


@pytest.mark.parametrize("name", sorted(set(images.bad_images()) - REFUSED_ELSEWHERE))
def test_bad_images_are_refused(name: str) -> None:
    labels, _architecture = images.bad_images()[name]
    with pytest.raises(VreError):
        _contract.parse(labels)


def test_a_small_image_is_what_its_labels_say(tmp_path: Path) -> None:
    labels = images.contract_labels("tiny007")
    folder = images.write_tiny("tiny007", tmp_path, labels)
    digest, found = oci.labels_of(folder)
    assert found == labels
    manifest = json.loads((folder / "blobs" / digest.replace(":", "/")).read_text())
    layer = (folder / "blobs" / manifest["layers"][0]["digest"].replace(":", "/")).read_bytes()
    with tarfile.open(fileobj=io.BytesIO(zstandard.ZstdDecompressor().stream_reader(layer).read())) as archive:
        names = archive.getnames()
    assert "envs/tiny007/conda-meta/history" in names
    assert "envs/tiny007/share/jupyter/kernels/python3/kernel.json" in names
