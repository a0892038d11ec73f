"""Layers: large packages apart, everything exactly once, folders everywhere they are needed."""

from __future__ import annotations

import json
from pathlib import Path

from ansible_collections.gaia_data.vre.plugins.module_utils._build import layers


def package(prefix: Path, name: str, files: dict[str, int]) -> None:
    for path, size in files.items():
        (prefix / path).parent.mkdir(parents=True, exist_ok=True)
        (prefix / path).write_bytes(b"x" * size)
    (prefix / "conda-meta").mkdir(exist_ok=True)
    (prefix / "conda-meta" / f"{name}.json").write_text(json.dumps({"files": list(files)}))


def test_large_packages_have_layers_of_their_own(tmp_path: Path) -> None:
    prefix = tmp_path / "envs/a"
    package(prefix, "big-1-0", {"lib/big/m.py": layers.LARGE, "lib/big/empty": 0})
    package(prefix, "small-1-0", {"lib/small.py": 10})
    cached = prefix / "lib/big/__pycache__/m.cpython-313.pyc"
    cached.parent.mkdir()
    cached.write_bytes(b"code")
    (prefix / "conda-meta/history").write_text("")
    big, rest = (dict(found) for found in layers.split(tmp_path, [prefix]))
    files = [name for name in big if (tmp_path / name).is_file()]
    assert sorted(files) == [
        "envs/a/lib/big/__pycache__/m.cpython-313.pyc",
        "envs/a/lib/big/empty",
        "envs/a/lib/big/m.py",
    ]
    assert {"envs", "envs/a", "envs/a/lib", "envs/a/lib/big", "envs/a/lib/big/__pycache__"} <= set(big)
    assert not set(files) & set(rest)
    assert {"envs/a/lib/small.py", "envs/a/conda-meta/history", "envs/a/conda-meta/big-1-0.json"} <= set(rest)


def test_environments_share_a_package_in_one_layer(tmp_path: Path) -> None:
    prefixes = [tmp_path / "envs/a", tmp_path / "envs/b"]
    package(prefixes[0], "big-1-0", {"lib/big": layers.LARGE})
    package(prefixes[1], "big-1-0", {"share/x": 1})
    (prefixes[1] / "lib").mkdir()
    (prefixes[1] / "lib/big").hardlink_to(prefixes[0] / "lib/big")
    (prefixes[1] / "conda-meta/big-1-0.json").write_text(json.dumps({"files": ["lib/big", "share/x", "gone"]}))
    big, _rest = (dict(found) for found in layers.split(tmp_path, prefixes))
    assert {"envs/a/lib/big", "envs/b/lib/big", "envs/b/share/x"} <= set(big)


def test_small_packages_are_one_layer(tmp_path: Path) -> None:
    package(tmp_path / "envs/a", "small-1-0", {"lib/x": 1})
    assert len(layers.split(tmp_path, [tmp_path / "envs/a"])) == 1


def test_there_is_a_limit_to_layers(tmp_path: Path) -> None:
    for number in range(layers.MOST + 5):
        package(tmp_path, f"big{number:02}-1-0", {f"lib/big{number}": 1})
        with (tmp_path / f"lib/big{number}").open("ab") as file:
            file.truncate(layers.LARGE + number)
    assert len(layers.split(tmp_path, [tmp_path])) == layers.MOST + 1
