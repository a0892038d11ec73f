"""Conda packages that the lab writes, read and installed by py-rattler."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
import zipfile
from pathlib import Path

import zstandard
from rattler import Channel, Gateway, MatchSpec, Subdir, install, solve
from rattler.index import index_fs

from gaia_lab.conda import PLACEHOLDER, Package, write_package


def tree(root: Path) -> Path:
    for name, text in {"bin/run": f"#!{PLACEHOLDER}/bin/python\n", "share/text": "plain"}.items():
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text(text)
    (root / "bin/run").chmod(0o755)
    (root / "lib").mkdir()
    (root / "lib/code.so").write_bytes(b"\0" + PLACEHOLDER.encode() + b"/lib\0")
    (root / "bin/link").symlink_to("run")
    (root / "lib/folder").symlink_to("../share")
    return root


def test_the_placeholder_is_as_long_as_condas() -> None:
    assert len(PLACEHOLDER) == 255


def test_the_same_files_give_the_same_package(tmp_path: Path) -> None:
    package = Package("thing", "1.0", ["other >=2"])
    one = write_package(package, tree(tmp_path / "a"), tmp_path / "one")
    two = write_package(package, tree(tmp_path / "b"), tmp_path / "two")
    assert one.name == "thing-1.0-lab_0.conda"
    assert one.read_bytes() == two.read_bytes()


def test_the_index_says_what_is_needed(tmp_path: Path) -> None:
    file = write_package(Package("thing", "1.0", ["other >=2"], subdir="noarch"), tree(tmp_path / "a"), tmp_path)
    with zipfile.ZipFile(file) as archive:
        data = zstandard.ZstdDecompressor().stream_reader(archive.read("info-thing-1.0-lab_0.tar.zst")).read()
    with tarfile.open(fileobj=io.BytesIO(data)) as info:
        member = info.extractfile("info/index.json")
        assert member
        index = json.load(member)
    assert (index["name"], index["version"], index["depends"]) == ("thing", "1.0", ["other >=2"])
    assert (index["subdir"], index["noarch"]) == ("noarch", "generic")


def test_the_final_prefix_is_written_at_install(tmp_path: Path) -> None:
    channel = tmp_path / "channel"
    write_package(Package("thing", "1.0", []), tree(tmp_path / "a"), channel)
    (channel / "noarch").mkdir()

    async def go() -> None:
        await index_fs(channel)
        records = await solve(
            sources=[Channel(channel.as_uri())],
            specs=[MatchSpec("thing")],
            gateway=Gateway(cache_dir=tmp_path / "repodata"),
            platforms=[Subdir("linux-64"), Subdir("noarch")],
        )
        await install(
            records,
            target_prefix=tmp_path / "env",
            alternative_target_prefix="/opt/gaia/x/envs/x",
            platform=Subdir("linux-64"),
            cache_dir=tmp_path / "cache",
            show_progress=False,
        )

    asyncio.run(go())
    assert (tmp_path / "env/bin/run").read_text() == "#!/opt/gaia/x/envs/x/bin/python\n"
    assert (tmp_path / "env/bin/run").stat().st_mode & 0o777 == 0o755
    code = (tmp_path / "env/lib/code.so").read_bytes()
    assert code.startswith(b"\0/opt/gaia/x/envs/x/lib\0")
    assert len(code) == len(PLACEHOLDER) + 6, "binary files keep their length"
    assert (tmp_path / "env/bin/link").readlink() == Path("run")
    assert (tmp_path / "env/lib/folder/text").read_text() == "plain"
