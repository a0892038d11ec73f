"""What must hold for the whole tree of files."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
# Written in pieces, so that this file does not name them either.
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("deb", "debian", "org"),
        ("security", "debian", "org"),
        ("snapshot", "debian", "org"),
        ("docker", "io/"),  # without the slash it is the name of a Debian package
        ("docker", "com"),
        ("quay", "io"),
        ("ghcr", "io"),
        ("conda", "anaconda", "org"),
        ("repo", "anaconda", "com"),
        ("prefix", "dev"),
        ("registry", "npmjs", "org"),
        ("galaxy", "ansible", "com"),
    )
]
USED_COLLECTION = re.compile(r"^\s*(?:- )?([a-z_]+\.[a-z0-9_]+)\.[a-z0-9_]+:", re.MULTILINE)
OURS_OR_CORE = {"ansible.builtin", "ansible.legacy", "gaia_data.vre"}


def files(*patterns: str) -> list[Path]:
    """List the files that git tracks or would track."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in sorted(set(listed.split("\0"))) if name and (ROOT / name).is_file()]


def test_no_file_names_a_public_registry() -> None:
    """Where things come from is the machine's or the centre's choice, never the project's."""
    # Not the end of a longer name: docs.docker.com is a manual.
    pattern = re.compile("|".join(rf"(?<![\w.-]){re.escape(host)}\b" for host in REGISTRIES))
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in files()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found, "\n".join(found)


def test_used_collections_are_dependencies() -> None:
    declared = set(yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["dependencies"])
    used = {
        name
        for path in files("roles/**/*.yml", "playbooks/*.yml")
        for name in USED_COLLECTION.findall(path.read_text(encoding="utf-8"))
    }
    assert used - OURS_OR_CORE <= declared


def test_sanity_ignores_are_explained() -> None:
    for path in (ROOT / "tests/sanity").glob("ignore-*.txt"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert " # " in line, f"{path.name}: say why: {line}"


def test_ci_runs_what_a_developer_runs() -> None:
    lines = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert lines == ["#!/usr/bin/env bash", "exec make test"]


@pytest.mark.parametrize("name", ["dev", "oldest", "galaxy-importer", "uv"])
def test_requirements_are_pinned_by_hash(name: str) -> None:
    text = (ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8")
    packages = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert packages, "nothing is pinned"
    for line in packages:
        assert re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+ ", line), f"not pinned: {line}"
    assert text.count("--hash=sha256:") >= len(packages)
