"""Layers, applied as an engine would apply them; and what no engine should."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._store.layers import Unpacker

Entry = tuple[str, Any]
LONG = "/".join(["d" * 90] * 3)


def layer(*entries: Entry, **attributes: Any) -> io.BytesIO:
    """A layer: a text is a file's content, None a folder, ``("symlink" | "link", target)`` a link, a type itself."""
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, what in entries:
            member = tarfile.TarInfo(name)
            member.mtime, member.mode, member.uid = 1_000_000_000, 0o644, 1000
            content = b""
            if what is None:
                member.type, member.mode = tarfile.DIRTYPE, 0o700
            elif isinstance(what, str):
                content = what.encode()
            elif isinstance(what, tuple):
                member.type = tarfile.SYMTYPE if what[0] == "symlink" else tarfile.LNKTYPE
                member.linkname = what[1]
            else:
                member.type = what
            for key, value in attributes.items():
                setattr(member, key, value)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    found.seek(0)
    return found


def unpacked(root: Path, *layers: io.BytesIO) -> dict[str, str | None]:
    """What is there after the layers: content of files, None for folders, ``-> target`` for symbolic links."""
    unpacker = Unpacker(root, "registry.example.org/vre/x@sha256:0")
    for one in layers:
        unpacker.layer(one)
    unpacker.finish()
    found: dict[str, str | None] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        else:
            found[name] = None if path.is_dir() else path.read_text()
    return found


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        pytest.param([layer(("a", "1"), ("./d/", None), ("/d/b", "2"))], {"a": "1", "d": None, "d/b": "2"}, id="plain"),
        pytest.param([layer(("d/e/b", "1"))], {"d": None, "d/e": None, "d/e/b": "1"}, id="folders without entries"),
        pytest.param([layer(("a", "1")), layer(("a", "2"))], {"a": "2"}, id="replaced"),
        pytest.param([layer(("a", "1"), ("a", "2"))], {"a": "2"}, id="twice in a layer"),
        pytest.param([layer(("a/b", "1")), layer(("a", "2"))], {"a": "2"}, id="folder becomes file"),
        pytest.param([layer(("a", "1")), layer(("a", None), ("a/b", "2"))], {"a": None, "a/b": "2"}, id="and back"),
        pytest.param([layer(("a/b", "1")), layer(("a", ("symlink", "c")))], {"a": "-> c"}, id="folder becomes link"),
        pytest.param([layer(("a", "1"), ("b", "2")), layer((".wh.a", ""))], {"b": "2"}, id="whiteout of a file"),
        pytest.param([layer(("d/a", "1"), ("b", "2")), layer((".wh.d", ""))], {"b": "2"}, id="whiteout of a folder"),
        pytest.param([layer(("b", "2")), layer((".wh.a", ""))], {"b": "2"}, id="whiteout of nothing"),
        pytest.param(
            [layer(("d/a", "1")), layer((".wh.d", ""), ("d/b", "2"))], {"d": None, "d/b": "2"}, id="whiteout first"
        ),
        pytest.param(
            [layer(("d/a", "1")), layer(("d/b", "2"), (".wh.d", ""))], {"d": None, "d/b": "2"}, id="whiteout last"
        ),
        pytest.param(
            [layer(("d/a", "1"), ("d/e/f", "1")), layer(("d", None), ("d/.wh..wh..opq", ""), ("d/b", "2"))],
            {"d": None, "d/b": "2"},
            id="opaque first",
        ),
        pytest.param(
            [layer(("d/a", "1"), ("d/e/f", "1")), layer(("d/e/g", "2"), ("d/.wh..wh..opq", ""))],
            {"d": None, "d/e": None, "d/e/g": "2"},
            id="opaque last",
        ),
        pytest.param([layer(("a", "1"), ("b", ("link", "a")))], {"a": "1", "b": "1"}, id="hard link"),
        pytest.param([layer(("a", "1")), layer(("b", ("link", "./a")))], {"a": "1", "b": "1"}, id="to a lower layer"),
        pytest.param(
            [layer(("a", "1"), ("b", ("link", "a"))), layer(("a", "2"))],
            {"a": "2", "b": "1"},
            id="one is replaced",
        ),
        pytest.param([layer(("a", "1"), ("a", ("link", "a")))], {"a": "1"}, id="hard link to itself"),
        pytest.param(
            [layer(("lib", None), ("lib64", ("symlink", "lib"))), layer(("lib64/x", "1"))],
            {"lib": None, "lib/x": "1", "lib64": "-> lib"},
            id="through a link that stays inside",
        ),
        pytest.param(
            [layer(("a", ("symlink", "/etc/passwd")), ("b", ("symlink", "../../x")))],
            {"a": "-> /etc/passwd", "b": "-> ../../x"},
            id="links that are only followed in a session",
        ),
        pytest.param(
            [layer(("a", ("symlink", "/etc/hostname"))), layer(("a", "mine"))], {"a": "mine"}, id="link becomes file"
        ),
        pytest.param([layer((f"{LONG}/é", "1"))], None, id="long and not ASCII"),
        pytest.param([layer((".", None), ("a", "1"))], {"a": "1"}, id="the root itself"),
        pytest.param([layer()], {}, id="nothing"),
    ],
)
def test_layers(tmp_path: Path, layers: list[io.BytesIO], expected: dict[str, str | None] | None) -> None:
    found = unpacked(tmp_path, *layers)
    if expected is None:
        assert found[f"{LONG}/é"] == "1"
    else:
        assert found == expected


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        pytest.param([layer(("../a", "1"))], "leads out of the image", id="dots"),
        pytest.param([layer(("d/../../a", "1"))], "leads out of the image", id="dots inside"),
        pytest.param([layer(("d", ("symlink", "/")), ("d/tmp/x", "1"))], "through a link that leads out", id="link"),
        pytest.param(
            [layer(("d", ("symlink", "../other"))), layer(("d/x", "1"))], "through a link that leads out", id="relative"
        ),
        pytest.param(
            [layer(("a", ("symlink", "b")), ("b", ("symlink", "/tmp")), ("a/x", "1"))], "leads out", id="two links"
        ),
        pytest.param([layer(("a", ("link", "../../etc/passwd")))], "leads out of the image", id="hard link out"),
        pytest.param(
            [layer(("d", ("symlink", "/etc")), ("a", ("link", "d/passwd")))], "leads out", id="hard link by a link"
        ),
        pytest.param([layer(("a", ("link", "nothing")))], "hard link cannot be made", id="hard link to nothing"),
        pytest.param([layer(("a", ("link", "/")))], "leads to nothing", id="hard link to the root"),
        pytest.param([layer(("a", "1"), ("a/b", "1"))], "below a file", id="below a file"),
        pytest.param([layer(("a/.wh...", "1"))], "a whiteout of nothing", id="whiteout of .."),
        pytest.param([layer(("a", tarfile.CHRTYPE))], "a device or a pipe", id="character device"),
        pytest.param([layer(("a", tarfile.BLKTYPE))], "a device or a pipe", id="block device"),
        pytest.param([layer(("a", tarfile.FIFOTYPE))], "a device or a pipe", id="pipe"),
        pytest.param([layer(("a", "1"), mtime=1e30)], "a time that no file can have", id="time"),
        pytest.param([layer(("a", None), pax_headers={"mtime": "inf"})], "a time that no file can have", id="no end"),
        pytest.param([layer((".", None), pax_headers={"mtime": "nan"})], "a time that no file can have", id="nan"),
        pytest.param([io.BytesIO(layer(("a", "1" * 2000)).read(1024))], "no tar archive", id="cut off"),
        pytest.param([io.BytesIO(b"x" * 2000)], "no tar archive", id="junk"),
        pytest.param([io.BytesIO(b"")], "no tar archive", id="empty"),
    ],
)
def test_what_is_refused(tmp_path: Path, layers: list[io.BytesIO], words: str) -> None:
    (tmp_path / "other").mkdir()
    root = tmp_path / "root"
    root.mkdir()
    with pytest.raises(VreError) as caught:
        unpacked(root, *layers)
    assert words in str(caught.value)
    assert "registry.example.org/vre/x" in str(caught.value)
    assert "Remedy: " in str(caught.value)
    assert [path.name for path in tmp_path.iterdir() if path != root] == ["other"]
    assert not list((tmp_path / "other").iterdir())


def test_everybody_may_read_and_nothing_is_setuid(tmp_path: Path) -> None:
    umask = os.umask(0o077)
    try:
        unpacked(
            tmp_path,
            layer(("private", "1"), mode=0o600),
            layer(("d/program", "1"), mode=0o4750),
            layer(("shared", "1"), mode=0o666),
            layer(("e", None), mode=0o3700),
        )
    finally:
        os.umask(umask)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [tmp_path, *tmp_path.rglob("*")]}
    assert modes == {
        tmp_path.name: 0o755,
        "private": 0o644,
        "d": 0o755,
        "program": 0o755,
        "shared": 0o644,
        "e": 0o755,
    }
    assert {path.stat().st_uid for path in tmp_path.rglob("*")} == {os.getuid()}


def test_times_are_those_of_the_image(tmp_path: Path) -> None:
    """Python looks at them before it takes compiled files, fontconfig before it takes its cache."""
    unpacked(tmp_path, layer(("d", None), ("d/a", "1"), ("d/b", "2")), layer(("d/c", "3")))
    assert {(tmp_path / name).stat().st_mtime for name in ("d", "d/a", "d/b", "d/c")} == {1_000_000_000}
