"""Bytecode: compiled at the final path in a sandbox, bound to no time, the same on every builder."""

from __future__ import annotations

import json
import marshal
import shutil
import sys
from pathlib import Path
from types import CodeType

import pytest
from gaia_lab.small_channel import BASE_PYTHON, PYTHON

from ansible_collections.gaia_data.vre.plugins.module_utils._build import bytecode
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

MOUNT = "/opt/gaia/ocean"
SITE = f"lib/python{PYTHON}/site-packages"
needs_bwrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")


def environment(root: Path, packages: dict[str, dict[str, str]]) -> Path:
    stage = root / "envs/a"
    (stage / "conda-meta").mkdir(parents=True)
    (stage / "bin").mkdir()
    (stage / "bin/python").write_text(f'#!/bin/sh\nexec {BASE_PYTHON} "$@"\n')
    (stage / "bin/python").chmod(0o755)
    for name, files in packages.items():
        for path, text in files.items():
            (stage / path).parent.mkdir(parents=True, exist_ok=True)
            (stage / path).write_text(text)
        (stage / "conda-meta" / f"{name}.json").write_text(json.dumps({"files": list(files)}))
    return stage


A = {f"{SITE}/a.py": "X = {'p', 'q', 'r'}\ndef f(): return 'text', 1.5\n", f"{SITE}/old.py": "print 1\n", "share/x.py": "1\n"}
B = {f"{SITE}/b/{name} é.py": f"import a\nY = '{name}'\n" for name in ("one", "two three")}


def test_modules_are_grouped_by_package(tmp_path: Path) -> None:
    stage = environment(tmp_path, {"a-1-0": A, "b-1-0": B, "c-1-0": {"share/y": ""}})
    assert bytecode.sources(stage) == [[f"{SITE}/a.py", f"{SITE}/old.py"], sorted(B)]


@needs_bwrap
def test_bytecode_is_unchecked_and_knows_its_final_path(tmp_path: Path) -> None:
    stage = environment(tmp_path, {"a-1-0": A, "b-1-0": B})
    assert bytecode.compile_modules(stage, MOUNT, tmp_path) == 3, "the file that is no Python is left out"
    data = (stage / SITE / "__pycache__" / f"a.{sys.implementation.cache_tag}.pyc").read_bytes()
    assert data[4:8] == b"\1\0\0\0"
    code = marshal.loads(data[16:])  # noqa: S302 - made a moment ago
    assert isinstance(code, CodeType)
    assert code.co_filename == f"{MOUNT}/envs/a/{SITE}/a.py"


@needs_bwrap
def test_bytecode_depends_on_nothing_but_its_package(tmp_path: Path) -> None:
    found = []
    for name, packages in (("one", {"a-1-0": A, "b-1-0": B}), ("two", {"b-1-0": B}), ("three", {"b-1-0": B, "z-1-0": A})):
        stage = environment(tmp_path / name, packages)
        bytecode.compile_modules(stage, MOUNT, tmp_path / name)
        found.append({p.name: p.read_bytes() for p in sorted((stage / SITE / "b/__pycache__").iterdir())})
    assert found[0] == found[1] == found[2]


@needs_bwrap
def test_a_python_that_does_not_run_is_told(tmp_path: Path) -> None:
    stage = environment(tmp_path, {"a-1-0": A})
    (stage / "bin/python").write_text("#!/bin/sh\necho libffi.so.8: cannot open >&2\nexit 127\n")
    with pytest.raises(VreError, match=r"/opt/gaia/ocean/envs/a: the bytecode could not be compiled: libffi"):
        bytecode.compile_modules(stage, MOUNT, tmp_path)


@needs_bwrap
def test_bytecode_that_a_package_brought_is_not_kept_silently(tmp_path: Path) -> None:
    stage = environment(tmp_path, {"a-1-0": A})
    stale = stage / "share/__pycache__/x.cpython-313.pyc"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(bytes(16))
    with pytest.raises(VreError, match="bound to a time"):
        bytecode.compile_modules(stage, MOUNT, tmp_path)


def test_an_environment_without_python_has_none(tmp_path: Path) -> None:
    (tmp_path / "conda-meta").mkdir()
    assert bytecode.compile_modules(tmp_path, "/opt/gaia/x", tmp_path) == 0
