"""What an engine's command tells. What it does is tested in the lab, with real ones."""

from __future__ import annotations

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _engine


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0B", 0),
        ("9.003kB", 9003),
        ("213.9MB", 213_900_000),
        ("2.262GB", 2_262_000_000),
        ("1.1TB", 1_100_000_000_000),
        ("N/A", 0),
        ("", 0),
    ],
)
def test_sizes_as_docker_writes_them(text: str, size: int) -> None:
    assert _engine.bytes_of(text) == size
