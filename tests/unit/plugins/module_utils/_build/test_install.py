"""What an installed environment says of where it came from."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils._build import install
from ansible_collections.gaia_data.vre.plugins.module_utils._build.definition import EnvironmentDefinition

ENVIRONMENT = EnvironmentDefinition("ocean", ("numpy >=2", "python"))
RECORD = SimpleNamespace(subdir="linux-64", name=SimpleNamespace(normalized="numpy"), version="2.1.0", build="h1_0")


@pytest.mark.parametrize(
    ("url", "keep", "public"),
    [
        ("https://channel.example.org/x/noarch/a.conda", 2, "https://channel.example.org/x/noarch/a.conda"),
        ("https://user:secret@channel.example.org/x/", 0, "https://channel.example.org/x/"),
        ("https://channel.example.org/t/secret/x/?a=b#c", 0, "https://channel.example.org/x/"),
        ("file:///home/me/channel/noarch/a.conda", 2, "file:///noarch/a.conda"),
        ("file:///home/me/channel", 0, "file:///"),
        ("/home/me/channel", 0, "file:///"),
    ],
)
def test_urls_hold_neither_secrets_nor_the_builders_folders(url: str, keep: int, public: str) -> None:
    assert install.public_url(url, keep) == public


def test_tidy_leaves_no_trace_of_the_builder(tmp_path: Path) -> None:
    meta = tmp_path / "env/conda-meta"
    meta.mkdir(parents=True)
    cached = tmp_path / "cache.json"
    record = {
        "name": "numpy",
        "url": "https://me:secret@channel.example.org/noarch/numpy.conda",
        "channel": "https://me:secret@channel.example.org/",
        "extracted_package_dir": "/home/me/cache",
        "package_tarball_full_path": "/home/me/cache",
        "link": {"source": "/home/me/cache", "type": 1},
    }
    cached.write_text(json.dumps(record))
    (meta / "numpy-2.1.0-h1_0.json").hardlink_to(cached)
    (meta / "history").write_text("")
    (tmp_path / "env/CACHEDIR.TAG").write_text("")
    (tmp_path / "env/lib/__pycache__").mkdir(parents=True)
    install.tidy(ENVIRONMENT, [RECORD], tmp_path / "env")  # type: ignore[list-item]
    assert json.loads((meta / "numpy-2.1.0-h1_0.json").read_text()) == {
        "name": "numpy",
        "requested_spec": "numpy >=2",
        "url": "https://channel.example.org/noarch/numpy.conda",
        "channel": "https://channel.example.org/",
        "link": {"type": 1},
    }
    assert json.loads(cached.read_text()) == record, "the package cache was written to"
    assert sorted(p.relative_to(tmp_path / "env").as_posix() for p in (tmp_path / "env").rglob("*")) == [
        "conda-meta",
        "conda-meta/frozen",
        "conda-meta/history",
        "conda-meta/numpy-2.1.0-h1_0.json",
        "lib",
    ]


def test_history_is_condas(tmp_path: Path) -> None:
    assert install.history(ENVIRONMENT, [RECORD]).splitlines() == [  # type: ignore[list-item]
        "==> 1970-01-01 00:00:00 <==",
        "# cmd: gaia_data.vre.build",
        "+linux-64::numpy-2.1.0-h1_0",
        '# update specs: ["numpy >=2", "python"]',
    ]
