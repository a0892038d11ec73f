"""OCI layouts: the same tree gives the same digests, and nothing of the builder is in them."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import pytest
import zstandard

from ansible_collections.gaia_data.vre.plugins.module_utils._build import oci


def tree(root: Path) -> Path:
    (root / "bin").mkdir(parents=True, mode=0o700)
    (root / "bin/run").write_text("#!/bin/sh\n")
    (root / "bin/run").chmod(0o4700)
    (root / "bin/again").hardlink_to(root / "bin/run")
    (root / "bin/link").symlink_to("run")
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    (root / "a file é").write_text("text")
    (root / "a file é").chmod(0o666)
    os.mkfifo(root / "fifo")
    return root


def members(folder: Path, digest: str) -> dict[str, tarfile.TarInfo]:
    data = (folder / "blobs" / digest.replace(":", "/")).read_bytes()
    plain = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        return {member.name: member for member in archive}


def test_members_say_nothing_of_the_builder(tmp_path: Path) -> None:
    layout = oci.Layout(tmp_path / "layout")
    found = members(layout.folder, layout.layer(oci.tree(tree(tmp_path / "root")), {"tmp": 1000}).digest)
    assert list(found) == ["a file é", "bin", "bin/again", "bin/link", "bin/run", "tmp"]
    modes = {name: oct(member.mode) for name, member in found.items()}
    assert modes == {
        "a file é": "0o644",
        "bin": "0o755",
        "bin/again": "0o755",
        "bin/link": "0o755",
        "bin/run": "0o755",
        "tmp": "0o1777",
    }
    assert {member.mtime for member in found.values()} == {0}
    assert {(m.uid, m.gid, m.uname, m.gname) for name, m in found.items() if name != "tmp"} == {(0, 0, "", "")}
    assert (found["tmp"].uid, found["tmp"].gid) == (1000, 1000)
    assert found["bin/run"].islnk()
    assert found["bin/run"].linkname == "bin/again"
    assert found["bin/link"].linkname == "run"


def write(folder: Path, root: Path, labels: dict[str, str]) -> str:
    layout = oci.Layout(folder)
    return layout.finish([layout.layer(oci.tree(root))], oci.ImageConfig(labels, entrypoint=("tini",), user="1000"))


def test_the_same_tree_gives_the_same_image(tmp_path: Path) -> None:
    first = write(tmp_path / "one", tree(tmp_path / "a"), {"b": "1", "a": "2"})
    second = write(tmp_path / "two", tree(tmp_path / "elsewhere"), {"a": "2", "b": "1"})
    assert first == second
    assert (tmp_path / "one/index.json").read_bytes() == (tmp_path / "two/index.json").read_bytes()


def test_labels_are_annotations_too(tmp_path: Path) -> None:
    digest = write(tmp_path / "layout", tree(tmp_path / "root"), {"a": "1"})
    assert oci.labels_of(tmp_path / "layout") == (digest, {"a": "1"})
    manifest = json.loads((tmp_path / "layout/blobs" / digest.replace(":", "/")).read_text())
    config = json.loads((tmp_path / "layout/blobs" / manifest["config"]["digest"].replace(":", "/")).read_text())
    assert config["config"] == {"Entrypoint": ["tini"], "Labels": {"a": "1"}, "User": "1000"}
    assert (config["os"], config["architecture"]) == ("linux", "amd64")


@pytest.mark.parametrize("index", [None, "", "[]", '{"manifests": []}', '{"manifests": [{"digest": "sha256:0"}]}'])
def test_a_folder_that_is_no_layout_has_no_labels(tmp_path: Path, index: str | None) -> None:
    if index is not None:
        (tmp_path / "index.json").write_text(index)
    assert oci.labels_of(tmp_path) == ("", {})
