"""The store on the disk. What it brings from a registry is tested in the lab, with a real one."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import subprocess
import threading
import time
from pathlib import Path

import pytest
import zstandard

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors
from ansible_collections.gaia_data.vre.plugins.module_utils._store import store
from ansible_collections.gaia_data.vre.plugins.module_utils._store.store import Store, Wanted, wanted

DIGEST = f"sha256:{'a' * 64}"
REFERENCE = f"registry.example.org/vre/ocean@{DIGEST}"


def image(subpath: str = "") -> Wanted:
    return wanted("/srv/store", [{"reference": REFERENCE, "subpath": subpath}])[0]


@pytest.mark.parametrize(
    ("reference", "subpath", "words"),
    [
        ("registry.example.org/vre/ocean:1", "", "this is no digest"),
        ("ocean", "", "no complete image reference"),
        (REFERENCE, "../etc", "plain names only"),
        (REFERENCE, "/etc", "plain names only"),
    ],
)
def test_only_digests_and_plain_paths_are_wanted(reference: str, subpath: str, words: str) -> None:
    with pytest.raises(VreErrors, match=words):
        wanted("/srv/store", [{"reference": reference, "subpath": subpath}])


def test_what_is_missing_is_told_once(tmp_path: Path) -> None:
    one = Store(tmp_path)
    assert one.missing([image(), image("envs")]) == [image("envs")]
    (tmp_path / ("a" * 64)).mkdir()
    assert one.missing([image()]) == []


def test_it_is_made_for_all_to_read_and_forgets_what_was_half_unpacked(tmp_path: Path) -> None:
    folder = tmp_path / "new/store"
    umask = os.umask(0o077)
    try:
        with Store(folder).locked(0):
            (folder / f".partial-{'a' * 64}/root").mkdir(parents=True)
    finally:
        os.umask(umask)
    assert [one.stat().st_mode & 0o777 for one in (folder, folder.parent)] == [0o755, 0o755]
    assert (folder / "blobs").stat().st_mode & 0o777 == 0o700
    with Store(folder).locked(0):
        assert not list(folder.glob(".partial-*"))


def test_two_at_once_wait_for_each_other(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with Store(tmp_path).locked(30):
            order.append("second")

    with Store(tmp_path).locked(0):
        waits = threading.Thread(target=second)
        waits.start()
        time.sleep(0.5)
        order.append("first")
    waits.join()
    assert order == ["first", "second"]


def test_one_that_does_not_end_is_told(tmp_path: Path) -> None:
    with Store(tmp_path).locked(0), pytest.raises(VreError) as caught, Store(tmp_path).locked(0.1):
        pass
    assert "another play has been changing the store" in str(caught.value)
    assert "Remedy: wait for its end" in str(caught.value)


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = pytest.raises(VreError, match=r"the store cannot be written: Not a directory .* Remedy: ")
    with said, Store(tmp_path / "file/store").locked(0):
        pass


def test_a_full_disk_is_a_sentence() -> None:
    """The kernel's own word for it: /dev/full."""
    with pytest.raises(OSError, match="No space left") as caught:
        Path("/dev/full").write_text("x")
    said = str(store.disk_error(caught.value, Path("/srv/store")))
    assert said.startswith("images_store_dir: the disk of the store is full (got '/srv/store'). Remedy: run gaia_data")


def test_a_quota_that_is_used_up_is_a_sentence() -> None:
    said = str(store.disk_error(OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), Path("/srv/store")))
    assert said.startswith("images_store_dir: the quota of the store's disk is used up (got '/srv/store'). Remedy: ")


def test_a_folder_of_an_image_must_be_in_it(tmp_path: Path) -> None:
    root = tmp_path / ("a" * 64)
    (root / "opt/envs").mkdir(parents=True)
    (root / "out").symlink_to("/etc")
    (root / "in").symlink_to("opt")
    (root / "file").write_text("")
    one = Store(tmp_path)
    assert one.wrong_subpaths([image(), image("opt/envs")]) == {}
    for subpath in ("out", "in", "in/envs", "out/ssl", "file", "nothing"):
        told = str(one.wrong_subpaths([image(subpath)])[REFERENCE])
        assert "subpath: the image has no such folder, or it is a link" in told
        assert subpath in told


@pytest.mark.parametrize("press", [gzip.compress, zstandard.ZstdCompressor().compress, bytes])
def test_layers_are_read_however_they_are_compressed(tmp_path: Path, press: object) -> None:
    content = os.urandom(3_000_000)
    blob = tmp_path / "blob"
    blob.write_bytes(press(content))  # type: ignore[operator]
    with store._uncompressed(blob, "x") as stream:
        assert stream.read(10) == content[:10]
    with store._uncompressed(blob, "x") as stream:
        assert stream.read() == content


@pytest.mark.parametrize("magic", [b"\x1f\x8b", b"\x28\xb5\x2f\xfd"])
def test_a_layer_that_cannot_be_read_is_a_sentence(tmp_path: Path, magic: bytes) -> None:
    blob = tmp_path / "blob"
    blob.write_bytes(magic + b"junk" * 100)
    said = pytest.raises(VreError, match=r"cannot read a layer .* Remedy: push the image again")
    with said, store._uncompressed(blob, "x") as stream:
        stream.read()


def test_without_its_program_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blob = tmp_path / "blob"
    blob.write_bytes(zstandard.ZstdCompressor().compress(b"x"))
    monkeypatch.setenv("PATH", str(tmp_path))
    said = pytest.raises(VreError, match=r"zstd is not installed on this host\. Remedy: install the package zstd")
    with said, store._uncompressed(blob, "x"):
        pass


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    """A play that was killed leaves no lock behind."""
    with Store(tmp_path).locked(0):
        pass
    command = ["flock", "--no-fork", str(tmp_path / ".lock"), "sh", "-c", "echo held; exec sleep 60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(VreError, match="another play"), Store(tmp_path).locked(0):
            pass
        holder.kill()
    with Store(tmp_path).locked(5):
        pass


def blob(one: Store, content: dict[str, object] | bytes) -> str:
    """A blob in the store; gives its name."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    name = hashlib.sha256(data).hexdigest()
    (one.blobs / "sha256" / name).write_bytes(data)
    return name


def parts(*names: str) -> list[dict[str, str]]:
    return [{"digest": f"sha256:{name}"} for name in names]


def test_layers_that_no_image_is_made_of_go(tmp_path: Path) -> None:
    one = Store(tmp_path / "store")
    with one.locked(0):
        shared, first, second = blob(one, b"shared"), blob(one, b"1"), blob(one, os.urandom(100_000))
        config = blob(one, b"{}")
        old = blob(one, {"config": parts(config)[0], "layers": parts(shared, second)})
        inner = blob(one, {"config": parts(config)[0], "layers": parts(shared, first)})
        index = blob(one, {"manifests": parts(inner)})
        junk = blob(one, b"junk")
    left = {path.name for path in (one.blobs / "sha256").iterdir()}
    told = one.remove_blobs({index}, check=True)
    assert told >= 100_000
    assert {path.name for path in (one.blobs / "sha256").iterdir()} == left
    assert one.remove_blobs({index}, check=False) == told
    assert left - {path.name for path in (one.blobs / "sha256").iterdir()} == {second, old, junk}
    assert one.remove_blobs({index}, check=False) == 0


def test_an_image_that_goes_tells_its_size(tmp_path: Path) -> None:
    one = Store(tmp_path)
    folder = tmp_path / ("a" * 64)
    (folder / "d").mkdir(parents=True)
    (folder / "d/file").write_bytes(os.urandom(100_000))
    os.link(folder / "d/file", folder / "again")
    (tmp_path / "other").mkdir()
    assert one.entries() == [folder]
    told = one.remove(folder, check=True)
    assert 100_000 <= told < 200_000, "what has two names is there once"
    assert folder.is_dir()
    assert one.remove(folder, check=False) == told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other"]


def test_the_record_of_what_was_pulled(tmp_path: Path) -> None:
    one = Store(tmp_path)
    assert one.staged() == set()
    one.record({"b", "a"})
    assert (tmp_path / "staged").read_text() == "a\nb\n"
    assert one.staged() == {"a", "b"}
    one.record(set())
    assert one.staged() == set()
