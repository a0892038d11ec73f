"""Headers of tar archives, against Python's own tarfile and Debian's tar."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils._store import tar

NAMES = ["a", "d/é", "d/" + "x" * 100, "/".join(["y" * 90] * 4), "d/line\nfeed", "d/\udcff raw"]
FORMATS = {"ustar": tarfile.USTAR_FORMAT, "GNU": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


def archive(form: int, names: list[str]) -> bytes:
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w", format=form, encoding="utf-8", errors="surrogateescape") as out:
        for number, name in enumerate(names):
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = number * 300, 0o640 + number, 1_000_000_000 + number
            out.addfile(member, io.BytesIO(b"x" * member.size))
            for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE):
                other = tarfile.TarInfo(f"{name}{kind.decode()}")
                other.type, other.linkname, other.mtime = kind, name, 5.25 if form == tarfile.PAX_FORMAT else 5
                out.addfile(other)
    return found.getvalue()


def as_tarfile_says(data: bytes) -> list[tuple[object, ...]]:
    with tarfile.open(fileobj=io.BytesIO(data), encoding="utf-8", errors="surrogateescape") as found:
        return [(m.name, m.type.replace(b"\0", b"0"), m.size, m.mtime, m.linkname, m.offset_data) for m in found]


def as_we_say(data: bytes) -> list[tuple[object, ...]]:
    entries = tar.entries(tar.Content(io.BytesIO(data)))
    return [(e.name.rstrip("/"), e.kind, e.size, e.changed, e.target, e.start) for e in entries]


@pytest.mark.parametrize("form", FORMATS)
def test_archives_of_python(form: str) -> None:
    data = archive(FORMATS[form], NAMES[:2] if form == "ustar" else NAMES)
    assert as_we_say(data) == as_tarfile_says(data)


@pytest.mark.parametrize("form", ["v7", "ustar", "gnu", "oldgnu", "pax"])
def test_archives_of_gnu_tar(tmp_path: Path, form: str) -> None:
    for name in ("d/e", "d/" + "z" * 99):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1" * 700)
    (tmp_path / "d/link").symlink_to("e")
    (tmp_path / "d/hard").hardlink_to(tmp_path / "d/e")
    names = ["d/e", "d/link", "d/hard"] if form == "v7" else ["d"]
    command = ["tar", "--create", f"--format={form}", "--sort=name", *names]
    data = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout
    found = as_we_say(data)
    assert found == as_tarfile_says(data)
    assert len(found) >= 3


def test_a_file_of_more_than_8_gb() -> None:
    assert as_we_say(tar.header("a", tar.LINK, 0o777, 1, 0, "b") + tar.END)[0][2] == 0
    head = tar.header("a", tar.FILE, 0o644, 1, 10**10)
    assert tarfile.TarInfo.frombuf(head, "utf-8", "strict").size == 10**10


@pytest.mark.parametrize(
    "field",
    [b"00000001234\0", b"00000001234 ", b"     1234 \0 ", b"777777777777", b"1234\0junk   ", bytes(12), b" " * 12,
     b"\x80" + (10**12).to_bytes(11, "big"), b"\xff" * 11 + b"\xfb"],
)  # fmt: skip
def test_numbers(field: bytes) -> None:
    assert tar._number(field) == tarfile.nti(field)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", [*NAMES, "z" * 100, "z" * 101])
@pytest.mark.parametrize("target", ["", "/etc/x", "t" * 100, "é" * 2000])
def test_what_is_written_is_read(name: str, target: str) -> None:
    kind = tar.LINK if target else tar.FOLDER
    data = tar.header(name, kind, 0o755, 2**32 - 1, 0, target) + 2 * tar.END
    start = len(data) - 2 * tar.BLOCK
    assert as_we_say(data) == as_tarfile_says(data) == [(name, kind, 0, 2**32 - 1, target, start)]


def test_content_that_nobody_took_is_passed_over() -> None:
    data = archive(tarfile.PAX_FORMAT, ["a", "b", "c"])
    content = tar.Content(io.BytesIO(data))
    taken: list[bytes] = []
    for entry in tar.entries(content):
        if entry.name == "b":
            content.copy(entry.start, 100, taken.append)
    assert b"".join(taken) == b"x" * 100


def damaged(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


PLAIN, PAX = archive(tarfile.GNU_FORMAT, ["a"]), archive(tarfile.PAX_FORMAT, ["y" * 300])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "ends too early", id="nothing"),
        pytest.param(PLAIN[:300], "ends too early", id="half a header"),
        pytest.param(PLAIN[: 512 + 100], "ends too early", id="half a header after another one"),
        pytest.param(damaged(PLAIN, 3), "a header is damaged", id="a name that was changed"),
        pytest.param(damaged(PLAIN, 512 + 130), "a header is damaged", id="a size that was changed"),
        pytest.param(PAX.replace(b"path=", b"path:"), "an extended header is damaged", id="no key"),
        pytest.param(PAX.replace(b"310 path", b"910 path"), "an extended header is damaged", id="too long a record"),
        pytest.param(PAX.replace(b"310 path", b"-10 path"), "an extended header is damaged", id="less than nothing"),
        pytest.param(tar.header("x", tar.EXTENDED, 0, 0, 2**20 + 1), "too long", id="an extended header of 1 MB"),
    ],
)
def test_what_is_no_archive(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        list(tar.entries(tar.Content(io.BytesIO(data))))
