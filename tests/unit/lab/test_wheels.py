"""Wheels as conda packages."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from gaia_lab import wheels
from gaia_lab.conda import PLACEHOLDER


def wheel(folder: Path, name: str = "My_Thing", requires: tuple[str, ...] = ()) -> Path:
    info = f"{name}-1.2.dist-info"
    lines = [f"Name: {name}", "Version: 1.2", "License-Expression: MIT", *(f"Requires-Dist: {r}" for r in requires)]
    file = folder / f"{name}-1.2-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for path, text in {
            "my_thing/__init__.py": "",
            f"{name}-1.2.data/scripts/tool": "#!python\nprint()\n",
            f"{name}-1.2.data/data/share/jupyter/kernels/x/kernel.json": "{}",
            f"{info}/METADATA": "\n".join(["Metadata-Version: 2.4", *lines, "", "body"]),
            f"{info}/entry_points.txt": "[console_scripts]\nthing = my_thing.cli:App.main [extra]\n[other]\nx = y\n",
        }.items():
            archive.writestr(path, text)
    return file


def test_metadata(tmp_path: Path) -> None:
    assert wheels.metadata(wheel(tmp_path, requires=("numpy",))) == ("my-thing", "1.2", ["numpy"], "MIT")


def test_files_lie_where_an_installer_puts_them(tmp_path: Path) -> None:
    root = tmp_path / "root"
    wheels.unpack(wheel(tmp_path), root)
    assert (root / wheels.SITE / "my_thing/__init__.py").is_file()
    assert (root / "share/jupyter/kernels/x/kernel.json").is_file()
    tool, script = root / "bin/tool", root / "bin/thing"
    assert tool.read_text() == f"#!{PLACEHOLDER}/bin/python{wheels.PYTHON}\nprint()\n"
    assert "from my_thing.cli import App\n" in script.read_text()
    assert "sys.exit(App.main())" in script.read_text()
    assert tool.stat().st_mode & script.stat().st_mode & 0o111 == 0o111


@pytest.mark.parametrize(
    ("requirement", "depends"),
    [
        ("Typing_Extensions>=4,<5", ["typing-extensions >=4,<5"]),
        ("numpy", ["numpy"]),
        ("pywin32; sys_platform == 'win32'", []),
        ("tomli; python_version < '3.11'", []),
        ("uvloop; sys_platform == 'linux'", ["uvloop"]),
        ("pytest; extra == 'test'", []),
        ("a===1.0", ["a ==1.0"]),
        ("jsonschema[format]>=4", ["jsonschema >=4"]),
    ],
)
def test_requirements_in_condas_words(requirement: str, depends: list[str]) -> None:
    found = wheels.conda_depends([requirement])
    assert [set(text.replace(",", " ").split()) for text in found] == [
        set(t.replace(",", " ").split()) for t in depends
    ]


def test_extras_bring_their_requirements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[list[str]] = []
    monkeypatch.setattr(wheels, "write_package", lambda package, *_rest: written.append(list(package.depends)))
    requirements = {"jsonschema": ["attrs", "fqdn; extra == 'format'", "x; extra == 'other'"]}
    wheels.convert(wheel(tmp_path, requires=("jsonschema[format]>=4",)), requirements, tmp_path / "work", tmp_path)
    assert set(written[0]) == {f"python {wheels.PYTHON}.*", "jsonschema >=4", "attrs", "fqdn"}
