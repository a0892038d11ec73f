"""What an engine's command tells. What it does is tested in the lab, with real ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _engine
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError


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


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A command in docker's place that fails as no real engine does when it is asked to; ``PATH`` has nothing else."""
    program = tmp_path / "docker"
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    program.touch(mode=0o755)
    return program


def test_an_inspection_that_fails_is_no_empty_answer(engine: Path) -> None:
    """Otherwise the cleaning would take what sessions stand on for unused."""
    engine.write_text('#!/bin/sh\n[ "$1" = ps ] && echo abc && exit\necho "[]"; echo "broken pipe" >&2; exit 1\n')
    said = "does not tell what is in use, so nothing is removed: broken pipe.*Remedy: "
    with pytest.raises(VreError, match=said):
        _engine.containers()
    with pytest.raises(VreError, match=said):
        _engine.image("example.org/x")


def test_a_container_that_ended_meanwhile_is_asked_for_no_more(engine: Path) -> None:
    gone = engine.parent / "gone"
    engine.write_text(
        f'#!/bin/sh\nif [ "$1" = ps ]; then [ -e {gone} ] || echo abc; echo def; exit; fi\n'
        f'[ -e {gone} ] || {{ touch {gone}; echo "no such container: abc" >&2; exit 1; }}\n'
        'echo "[{\\"Id\\": \\"def\\"}]"\n'
    )
    assert _engine.containers() == [{"Id": "def"}]


@pytest.mark.parametrize(
    "words",
    ["Error: No such image: x", "Error response from daemon: No such image: x", "Error: invalid reference format"],
)
def test_an_image_that_the_engine_does_not_have(engine: Path, words: str) -> None:
    engine.write_text(f'#!/bin/sh\necho "{words}" >&2; exit 1\n')
    assert _engine.image("x") is None


def test_an_engine_that_says_nothing(engine: Path) -> None:
    engine.write_text("#!/bin/sh\nexec sleep 60\n")
    said = r"the Docker engine gave no answer within 0\.1 s\. Remedy: see journalctl -u docker"
    with pytest.raises(VreError, match=said):
        _engine.call("version", timeout=0.1)


def test_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(VreError, match=r"Docker is not installed on this host.*Remedy: install Docker 28 or newer"):
        _engine.call("version")
