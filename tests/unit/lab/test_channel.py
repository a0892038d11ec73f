"""The channel's pins; making it for real is part of every lab's first boot."""

from __future__ import annotations

import re

import pytest

from gaia_lab import channel, cpython


@pytest.mark.parametrize("name", channel.PINS)
def test_wheels_are_pinned_by_hash(name: str) -> None:
    text = (channel.DATA / name).read_text()
    packages = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert packages
    assert all(re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+ ", line) for line in packages)
    assert text.count("--hash=sha256:") >= len(packages)
    assert "://" not in text


def test_there_are_two_versions_of_a_library() -> None:
    found = {
        name: re.findall(r"^numpy==(\S+)", (channel.DATA / name).read_text(), re.MULTILINE)
        for name in ("science.txt", "science-former.txt")
    }
    assert len(set(map(tuple, found.values()))) == 2


def test_cpython_is_built_from_debians_source() -> None:
    assert "apt-get -qq source" in cpython.SCRIPT
    assert "://" not in cpython.SCRIPT
