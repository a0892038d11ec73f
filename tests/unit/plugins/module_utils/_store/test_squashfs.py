"""What is wrong with a squashfs file, told in a sentence, on real ones."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils._store import squashfs


@pytest.fixture
def image(tmp_path: Path) -> Path:
    (tmp_path / "root/d").mkdir(parents=True)
    (tmp_path / "root/d/file").write_bytes(os.urandom(50_000))
    path = tmp_path / "image.squashfs"
    command = ["mksquashfs", str(tmp_path / "root"), str(path), "-quiet", "-no-progress", "-comp", "zstd"]
    subprocess.run(command, check=True, capture_output=True)
    return path


def junk(path: Path) -> None:
    path.write_bytes(b"x" * path.stat().st_size)


def older(path: Path) -> None:
    """Version 3 of squashfs."""
    data = path.read_bytes()
    path.write_bytes(data[:28] + (3).to_bytes(2, "little") + data[30:])


def longer(path: Path) -> None:
    """Cut off, and filled up again by who does not know."""
    data = path.read_bytes()
    path.write_bytes(data[:40] + (10**6).to_bytes(8, "little") + data[48:])


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda _path: None, ""),
        (Path.unlink, "{path} is not there"),
        (folder, "{path} is no file"),
        (lambda path: os.truncate(path, 100), "{path} is cut off: it has 100 of {size} bytes"),
        (lambda path: os.truncate(path, 0), "{path} is cut off: it has 0 of {size} bytes"),
        (lambda path: os.truncate(path, 10**6), "{path} is another file: it has 1000000 bytes instead of {size}"),
        (junk, "{path} is no squashfs image"),
        (older, "{path} is no squashfs image"),
        (longer, "{path} is cut off: it has {size} of 1000000 bytes"),
    ],
)
def test_what_is_wrong(image: Path, harm: Callable[[Path], None], words: str) -> None:
    size = image.stat().st_size
    harm(image)
    assert squashfs.wrong(image, size) == words.format(path=image, size=size)


def test_what_cannot_be_read(image: Path) -> None:
    """Root reads everything: what nobody can read is a loop of links."""
    (image.parent / "loop").symlink_to("loop")
    told = squashfs.wrong(image.parent / "loop", 1)
    assert told.endswith("loop cannot be read: Too many levels of symbolic links")


def test_the_superblock(image: Path) -> None:
    with image.open("rb") as file:
        block = squashfs.superblock(file)
    assert block is not None
    assert block.inodes == 3
    assert 50_000 < block.size <= image.stat().st_size


def test_a_record_is_what_was_written(image: Path) -> None:
    assert squashfs.record(image) is None
    measured = squashfs.measure(image)
    squashfs.record_path(image).write_text(squashfs.dump(measured))
    assert squashfs.record(image) == measured
    assert not squashfs.touched(image, measured)
    image.chmod(0o600)
    assert squashfs.touched(image, measured)
    image.unlink()
    assert squashfs.touched(image, measured)


@pytest.mark.parametrize("text", ["", "junk", "[]", "{}", '{"size": "x", "sha256": "", "changed": 1}'])
def test_a_record_that_is_none(image: Path, text: str) -> None:
    squashfs.record_path(image).write_text(text)
    assert squashfs.record(image) is None


def test_it_needs_nothing_but_python() -> None:
    """The hub has it without the collection."""
    done = subprocess.run([sys.executable, "-I", str(squashfs.__file__)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
