"""What the check asks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _check
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._hub import Expected


def pin(envs_dir: str, *environments: str) -> dict[str, Any]:
    return {"envs_dir": envs_dir, "environments": {name: {"kernels": {"python3": {}}} for name in environments}}


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    images = {
        "lab": {"offered": {"launch": {}}, "candidate": None},
        "ocean": {
            "offered": pin("/opt/gaia/ocean/envs", "ocean"),
            "candidate": pin("/opt/gaia/ocean/envs", "ocean", "deep"),
        },
        "old": {"offered": pin("/opt/conda/envs", "py"), "candidate": None},
    }
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"images": images}))
    return str(path)


def test_kernels_of_what_is_offered_and_of_candidates(manifest: str) -> None:
    assert _check.expected(manifest, ["ocean"], []) == [Expected("ocean", "ocean", "conda-env-ocean-ocean-py")]
    assert [item.environment for item in _check.expected(manifest, ["ocean"], ["ocean"])] == ["deep", "ocean"]


def test_a_foreign_image_is_named_by_its_folder(manifest: str) -> None:
    assert _check.expected(manifest, ["old"], [])[0].kernel == "conda-env-conda-py-py"


@pytest.mark.parametrize(
    ("images", "candidates", "words"),
    [
        (["gone"], [], "no offered image of this name"),
        (["old"], ["old"], "no candidate image of this name"),
        (["lab"], [], "this is no business image"),
    ],
)
def test_what_the_manifest_does_not_have(manifest: str, images: list[str], candidates: list[str], words: str) -> None:
    with pytest.raises(VreError, match=words):
        _check.expected(manifest, images, candidates)


@pytest.mark.parametrize("text", ["junk", "[]", '{"images": 1}'])
def test_no_manifest(text: str, tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(VreError, match="manifest"):
        _check.expected(str(tmp_path / "m.json"), [], [])
    with pytest.raises(VreError, match="manifest cannot be read"):
        _check.expected(str(tmp_path / "absent.json"), [], [])


def test_the_choice_that_is_sent() -> None:
    assert _check.options("lab", ["ocean"], []) == {"system": "lab", "business": ["ocean"]}
    assert _check.options("lab", ["ocean", "old"], ["lab", "old"])["candidate"] == ["lab", "old"]


def test_the_token_comes_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    assert _check.token(str(tmp_path / "token")) == "secret"
    with pytest.raises(VreError, match="token of the check cannot be read"):
        _check.token(str(tmp_path / "absent"))
