"""OCI layouts: the same tree gives the same image, and nothing in it gains rights."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import zstandard
from ansible_collections.gaia_data.vre.plugins.module_utils._build import oci


def make_tree(root: Path, when: int) -> Path:
    (root / "bin").mkdir(parents=True)
    tool = root / "bin" / "tool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o4755)
    os.link(tool, root / "bin" / "same")
    (root / "bin" / "link").symlink_to("tool")
    (root / "private").write_text("x")
    (root / "private").chmod(0o600)
    for path in root.rglob("*"):
        os.utime(path, (when, when), follow_symlinks=False)
    return root


def build(root: Path, folder: Path) -> tuple[str, dict[str, tarfile.TarInfo]]:
    layout = oci.Layout(folder)
    layer = layout.layer(oci.tree(root))
    digest = layout.finish([layer], oci.ImageConfig({"a": "b"}))
    blob = folder / "blobs/sha256" / layer.digest.removeprefix("sha256:")
    data = zstandard.ZstdDecompressor().stream_reader(blob.read_bytes()).read()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return digest, {member.name: member for member in archive}


def test_the_same_tree_at_another_time_and_place_is_the_same_image(tmp_path: Path) -> None:
    first, _members = build(make_tree(tmp_path / "a", 1), tmp_path / "layout-a")
    second, _members = build(make_tree(tmp_path / "b", 10**9), tmp_path / "layout-b")
    assert first == second


def test_another_content_is_another_image(tmp_path: Path) -> None:
    first, _members = build(make_tree(tmp_path / "a", 1), tmp_path / "layout-a")
    root = make_tree(tmp_path / "b", 1)
    (root / "private").write_text("y")
    assert build(root, tmp_path / "layout-b")[0] != first


def test_members_are_root_s_readable_and_without_setuid(tmp_path: Path) -> None:
    _digest, members = build(make_tree(tmp_path / "a", 1), tmp_path / "layout")
    assert {(member.uid, member.gid, member.mtime) for member in members.values()} == {(0, 0, 0)}
    assert members["bin/same"].mode == 0o755
    assert members["private"].mode & 0o444 == 0o444


def test_hard_links_and_symlinks_are_kept(tmp_path: Path) -> None:
    _digest, members = build(make_tree(tmp_path / "a", 1), tmp_path / "layout")
    assert members["bin/link"].issym()
    links = [name for name in ("bin/same", "bin/tool") if members[name].islnk()]
    assert links == ["bin/tool"]


def test_labels_are_annotations_too(tmp_path: Path) -> None:
    digest, _members = build(make_tree(tmp_path / "a", 1), tmp_path / "layout")
    manifest = json.loads((tmp_path / "layout/blobs/sha256" / digest.removeprefix("sha256:")).read_text())
    assert manifest["annotations"] == {"a": "b"}
