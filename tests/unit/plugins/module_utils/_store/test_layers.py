"""Layers, applied as an engine would apply them, and what no engine should; as folders and as squashfs files."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._store import directory, pack
from ansible_collections.gaia_data.vre.plugins.module_utils._store.layers import Opened
from ansible_collections.gaia_data.vre.plugins.module_utils._store.layers import write as write_image

Entry = tuple[str, Any]
Write = Callable[..., None]
REFERENCE = "registry.example.org/vre/x@sha256:0"
LONG = "/".join(["d" * 90] * 3)
DEEP = "/".join(["d"] * 200)


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


def sparse() -> io.BytesIO:
    """A layer with a file that is said to be 8 EB long, by tar's old form of sparse files."""
    found = layer(("a", "1"))
    data = bytearray(found.getvalue())
    data[156:157] = tarfile.GNUTYPE_SPARSE
    data[257:265] = b"ustar  \0"
    data[345:512] = bytes(167)
    data[483:495] = b"77777777777\0"
    data[148:156] = b"        "
    data[148:156] = b"%06o\0 " % sum(data[:512])
    return io.BytesIO(bytes(data))


def opened(*layers: io.BytesIO) -> list[Opened]:
    return [lambda one=one: nullcontext(io.BytesIO(one.getvalue())) for one in layers]  # type: ignore[misc]


@pytest.fixture(params=["directory", "squashfs"])
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Write:
    """``write(root, layers…)`` makes a folder of layers, by way of a squashfs file or without."""

    def written(root: Path, *layers: io.BytesIO) -> None:
        if request.param == "directory":
            write_image(REFERENCE, opened(*layers), lambda: directory.writing(root))
            return
        file = tmp_path / "x.squashfs"
        try:
            write_image(REFERENCE, opened(*layers), lambda: pack.packing(file, REFERENCE))
            subprocess.run(["unsquashfs", "-quiet", "-no-progress", "-dest", root, file], check=True)
        finally:
            file.unlink(missing_ok=True)

    return written


def shown(root: Path) -> dict[str, str | None]:
    """What is in a folder: content of files, None for folders, ``-> target`` for symbolic links."""
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
        pytest.param([layer((f"{DEEP}/a", "1"), ("d/.wh.x", "")), layer((f"{DEEP}/a", "2"))], None, id="deep"),
        pytest.param([layer((".", None), ("a", "1"))], {"a": "1"}, id="the root itself"),
        pytest.param([layer()], {}, id="nothing"),
    ],
)
def test_layers(write: Write, tmp_path: Path, layers: list[io.BytesIO], expected: dict[str, str | None] | None) -> None:
    write(tmp_path / "root", *layers)
    found = shown(tmp_path / "root")
    if expected is None:
        assert found.get(f"{LONG}/é") == "1" or found.get(f"{DEEP}/a") == "2"
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
        pytest.param([sparse()], "a sparse file", id="sparse"),
        pytest.param([layer(("x" * 256, "1"))], "a path that is too long", id="long name"),
        pytest.param([layer((f"{DEEP}/d/a", "1"))], "a path that is too long", id="too deep"),
        pytest.param([layer(("/".join(["y" * 200] * 21), None))], "a path that is too long", id="long path"),
        pytest.param(
            [
                layer(("/".join(["y" * 200] * 15), None), ("l", ("symlink", "/".join(["y" * 200] * 15)))),
                layer(("l/" + "/".join(["y" * 200] * 10), "1")),
            ],
            "a path that is too long",
            id="long path by a link",
        ),
        pytest.param([layer(("a", ("symlink", "")))], "a link to what no path can be", id="link to nothing"),
        pytest.param([layer(("a", ("symlink", "y" * 4096)))], "a link to what no path can be", id="long link"),
        pytest.param([layer(("a", ("symlink", "a")), ("a/b", "1"))], "through a link that leads out", id="circle"),
        pytest.param([layer(("d/e", None), ("a", ("link", "d")))], "it leads to a folder", id="hard link to a folder"),
        pytest.param([layer(("a", "1"), mtime=1e30)], "a time that no file can have", id="time"),
        pytest.param([layer(("a", None), pax_headers={"mtime": "inf"})], "a time that no file can have", id="no end"),
        pytest.param([layer((".", None), pax_headers={"mtime": "nan"})], "a time that no file can have", id="nan"),
        pytest.param([io.BytesIO(layer(("a", "1" * 2000)).read(1024))], "no tar archive", id="cut off"),
        pytest.param([io.BytesIO(b"x" * 2000)], "no tar archive", id="junk"),
        pytest.param([io.BytesIO(b"")], "no tar archive", id="empty"),
    ],
)
def test_what_is_refused(write: Write, tmp_path: Path, layers: list[io.BytesIO], words: str) -> None:
    (tmp_path / "other").mkdir()
    root = tmp_path / "root"
    with pytest.raises(VreError) as caught:
        write(root, *layers)
    assert words in str(caught.value)
    assert "registry.example.org/vre/x" in str(caught.value)
    assert "Remedy: " in str(caught.value)
    assert [path.name for path in tmp_path.iterdir() if path != root] == ["other"]
    assert not list((tmp_path / "other").iterdir())


def test_everybody_may_read_and_nothing_is_setuid(write: Write, tmp_path: Path) -> None:
    root = tmp_path / "root"
    umask = os.umask(0o077)
    try:
        write(
            root,
            layer(("private", "1"), mode=0o600),
            layer(("d/program", "1"), mode=0o4750),
            layer(("shared", "1"), mode=0o666),
            layer(("e", None), mode=0o3700),
        )
    finally:
        os.umask(umask)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [root, *root.rglob("*")]}
    assert modes == {
        "root": 0o755,
        "private": 0o644,
        "d": 0o755,
        "program": 0o755,
        "shared": 0o644,
        "e": 0o755,
    }
    assert {path.stat().st_uid for path in root.rglob("*")} == {os.getuid()}


def test_times_are_those_of_the_image(write: Write, tmp_path: Path) -> None:
    """Python looks at them before it takes compiled files, fontconfig before it takes its cache."""
    root = tmp_path / "root"
    first = layer(("d", None), ("d/a", "1"), ("d/b", "2"), (".", None))
    write(root, first, layer(("d/c", "3"), ("e/f", "4")), layer(("g", "5"), mtime=-5.5))
    times = {str(path.relative_to(root)): path.stat().st_mtime for path in [root, *root.rglob("*")]}
    assert times.pop("e") == 0, "no layer names it"
    assert times.pop("g") in (-5.5, 0), "squashfs knows no earlier time"
    assert times == dict.fromkeys([".", "d", "d/a", "d/b", "d/c", "e/f"], 1_000_000_000)


def test_hard_links_stay(write: Write, tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(root, layer(("z", "1"), ("a", ("link", "z"))), layer(("d/b", ("link", "a")), (".wh.a", "")))
    assert (root / "z").samefile(root / "d/b")


def test_it_is_the_same_file_however_it_is_packed(tmp_path: Path) -> None:
    """Whatever the umask, the time zone, the moment and the number of processors."""
    words = "".join(f"{number * 7919} " for number in range(200_000))
    content = layer(*((f"d/{number}", words[number * 100 :][:60_000]) for number in range(400)), ("e", ("link", "d/5")))
    (tmp_path / "layer.tar").write_bytes(content.getvalue())
    code = f"""
import pathlib, sys
from {pack.__name__.rpartition(".")[0]} import layers, pack
layers.write("x", [lambda: open("layer.tar", "rb")], lambda: pack.packing(pathlib.Path(sys.argv[1]), "x"))
"""
    found = set()
    later = ["sh", "-c", 'umask 077; sleep 1.1; exec "$@"', "sh"]
    for number, before in enumerate((["taskset", "--cpu-list", "0"], later, [])):
        environment = {**os.environ, "TZ": "Pacific/Auckland", "SOURCE_DATE_EPOCH": str(number)}
        command = [*before, sys.executable, "-c", code, f"{number}.squashfs"]
        subprocess.run(command, cwd=tmp_path, env=environment, check=True)
        found.add((tmp_path / f"{number}.squashfs").read_bytes())
        assert (tmp_path / f"{number}.squashfs").stat().st_mode & 0o777 == 0o644
    assert len(found) == 1
    assert len(found.pop()) > 1_000_000


def test_what_changes_between_two_readings_is_told(tmp_path: Path) -> None:
    """Where a layer's file takes the place of another one, the image is read again."""
    streams = iter([layer(("a", "1"), ("b", "2" * 2000)), layer(("a", "3")), io.BytesIO(b"x" * 1600)])
    with pytest.raises(VreError, match="ends too early"):
        write_image(REFERENCE, [lambda: nullcontext(next(streams))] * 2, lambda: directory.writing(tmp_path / "root"))
