"""Definitions: what an author may write, and the line of everything that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils._build import definition
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors

ROOT = Path(__file__).resolve().parents[5]
IMAGE = """\
version: 1
kind: business
name: ocean
tag: "2026.1"
title: {en: Ocean, fr: Océan}
environments:
  ocean: environment.yml
"""
ENVIRONMENT = "dependencies:\n  - python\n  - numpy>=2\n"


def write(folder: Path, image: str = IMAGE, environment: str = ENVIRONMENT) -> Path:
    (folder / "image.yml").write_text(image)
    (folder / "environment.yml").write_text(environment)
    return folder


@pytest.mark.parametrize(
    "path",
    sorted(p.parent.relative_to(ROOT).as_posix() for g in ("images", "molecule/lab/images") for p in (ROOT / g).glob("*/image.yml")),
)
def test_our_definitions_are_right(path: str) -> None:
    found = definition.load(ROOT / path)
    assert found.environments or found.packages
    assert found.license


def test_everything_is_read(tmp_path: Path) -> None:
    image = IMAGE.replace("ocean: environment.yml", "ocean: {file: environment.yml}") + (
        "description: {en: The sea, fr: La mer}\nkeywords: [croco]\ncontact: help desk\n"
        "documentation: https://example.org/ocean\nlicense: MIT\n"
    )
    found = definition.load(write(tmp_path, image, "name: ocean\nchannels: [nowhere]\n" + ENVIRONMENT))
    assert (found.kind, found.name, found.tag, found.title) == ("business", "ocean", "2026.1", "Ocean")
    assert (found.description, found.license) == ("The sea", "MIT")
    environment = found.environments[0]
    assert (environment.name, environment.specs) == ("ocean", ("python", "numpy>=2"))
    assert environment.where == f"{tmp_path}/environment.yml:3"


SYSTEM = IMAGE.replace("business", "system").replace("ocean: env", "base: env")


@pytest.mark.parametrize(
    ("image", "environment", "line", "words"),
    [
        ("version: 1\nkind: a: b", ENVIRONMENT, "image.yml:2", "this is no YAML"),
        ("- a\n", ENVIRONMENT, "image.yml:1", "must hold a mapping"),
        ("", ENVIRONMENT, "image.yml:1", "must hold a mapping"),
        (IMAGE + "tilte: x\n", ENVIRONMENT, "image.yml:8", r"unknown key tilte. Remedy: did you mean title\?"),
        (IMAGE + "name: ocean\n", ENVIRONMENT, "image.yml:8", "name is there twice, first in line 3"),
        (IMAGE + "packages: [tini]\n", ENVIRONMENT, "image.yml:8", "unknown key packages"),
        (IMAGE.replace("version: 1", "version: 2"), ENVIRONMENT, "image.yml:1", "version must be 1"),
        (IMAGE.replace("business", "busy"), ENVIRONMENT, "image.yml:2", "kind must be business or system"),
        (IMAGE.replace("name: ocean", "name: Ocean"), ENVIRONMENT, "image.yml:3", "name must be up to 40"),
        (IMAGE.replace("name: ocean\n", ""), ENVIRONMENT, "image.yml:1", "name is missing"),
        (IMAGE.replace('"2026.1"', "2026.1"), ENVIRONMENT, "image.yml:4", "tag must be .* Remedy: put it in quotes"),
        (IMAGE.replace("en: Ocean", "en: <b>"), ENVIRONMENT, "image.yml:5", "title must be plain text"),
        (IMAGE.replace("en: Ocean, ", ""), ENVIRONMENT, "image.yml:5", "title must have the language en"),
        (IMAGE + "keywords: [a, '{{ x }}']\n", ENVIRONMENT, "image.yml:8", "keywords: an entry must be plain text"),
        (IMAGE + "documentation: javascript:x\n", ENVIRONMENT, "image.yml:8", "documentation must be a URL"),
        (IMAGE.replace("  ocean: environment.yml", "  {}"), ENVIRONMENT, "image.yml:6", "must name each environment"),
        (IMAGE.replace("  ocean:", "  ../ocean:"), ENVIRONMENT, "image.yml:7", "environment's name must be"),
        (IMAGE.replace("environment.yml", "../x.yml"), ENVIRONMENT, "image.yml:7", "must name a file of this folder"),
        (IMAGE.replace("environment.yml", "no.yml"), ENVIRONMENT, "no.yml", "cannot be read: No such file"),
        (IMAGE, "dependencies: []\n", "environment.yml:1", "must list conda packages"),
        (IMAGE, "depends: [a]\n" + ENVIRONMENT, "environment.yml:1", "unknown key depends"),
        (IMAGE, ENVIRONMENT + "  - 1\n", "environment.yml:4", "a dependency must be a text"),
        (IMAGE, ENVIRONMENT + "  - pip: [x]\n", "environment.yml:4", "pip packages are not built yet"),
        (SYSTEM.replace("base:", "lab:"), ENVIRONMENT, "image.yml:6", "one environment, base, or none"),
        (SYSTEM + "packages: ['a b']\n", ENVIRONMENT, "image.yml:8", "packages: an entry must be the name"),
        (SYSTEM + "files: ../..\n", ENVIRONMENT, "image.yml:8", "must be a folder inside"),
        (SYSTEM + "environment_variables: {A: 1}\n", ENVIRONMENT, "image.yml:8", "A must be a variable's name"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, image: str, environment: str, line: str, words: str
) -> None:
    with pytest.raises(VreErrors, match=words) as caught:
        definition.load(write(tmp_path, image, environment))
    assert f"{tmp_path}/{line}: " in str(caught.value)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(VreErrors) as caught:
        definition.load(write(tmp_path, IMAGE.replace("version: 1", "version: 3") + "x: 1\n", "a: 1\n"))
    assert len(caught.value.problems) == 4


def test_a_folder_without_image_yml(tmp_path: Path) -> None:
    with pytest.raises(VreErrors, match=r"image\.yml: the file cannot be read: No such file"):
        definition.load(tmp_path)


def test_the_digest_changes_with_the_files(tmp_path: Path) -> None:
    file = tmp_path / "root/etc/x"
    file.parent.mkdir(parents=True)
    file.write_text("a")
    write(tmp_path, SYSTEM + "files: root\n")
    digests = [definition.load(tmp_path).digest(recipe=recipe) for recipe in ("1", "1", "2")]
    file.write_text("b")
    digests.append(definition.load(tmp_path).digest(recipe="1"))
    file.chmod(0o755)
    digests.append(definition.load(tmp_path).digest(recipe="1"))
    assert digests[0] == digests[1]
    assert len(set(digests)) == 4


def test_a_link_to_outside_is_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "code/__pycache__").mkdir(parents=True)
    for name in ("code/a.py", "code/__pycache__/a.pyc", "one.py"):
        (tmp_path / name).write_text(name)
    root = tmp_path / "image/root"
    (root / "lib").mkdir(parents=True)
    targets = {"lib/code": "../../../code", "one.py": "../../one.py", "own": "lib", "absolute": "/opt/conda", "near": "no"}
    for name, target in targets.items():
        (root / name).symlink_to(target)
    found = dict(definition.members(root))
    assert {name: path.is_symlink() for name, path in found.items()} == {
        "absolute": True, "lib/code/a.py": False, "near": True, "one.py": False, "own": True,
    }  # fmt: skip
    write(tmp_path / "image", SYSTEM + "files: root\n")
    digests = [definition.load(tmp_path / "image").digest()]
    (tmp_path / "code/a.py").write_text("changed")
    digests.append(definition.load(tmp_path / "image").digest())
    assert digests[0] != digests[1]
    (root / "gone").symlink_to("../../gone")
    with pytest.raises(VreError, match=r"gone: the link leads nowhere"):
        definition.members(root)


def test_a_system_image_without_conda(tmp_path: Path) -> None:
    image = SYSTEM.replace("environments:\n  base: environment.yml\n", "packages: [tini]\n")
    assert definition.load(write(tmp_path, image)).environments == ()
