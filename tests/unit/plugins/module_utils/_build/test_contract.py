"""The contract of business images, asked of files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils._build import contract
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreErrors

FINAL = "/opt/gaia/ocean/envs/ocean"


def environment(stage: Path, spec: Any, program: str = "bin/python") -> Path:
    for name, text in ((program, ""), ("share/jupyter/kernels/python3/kernel.json", spec)):
        (stage / name).parent.mkdir(parents=True, exist_ok=True)
        (stage / name).write_text(text if isinstance(text, str) else json.dumps(text))
    (stage / program).chmod(0o755)
    return stage


def spec(*argv: str) -> dict[str, Any]:
    return {"argv": list(argv), "display_name": "Python 3", "language": "python", "metadata": {}}


@pytest.mark.parametrize("program", ["python", f"{FINAL}/bin/python"])
def test_kernels(tmp_path: Path, program: str) -> None:
    found = contract.kernels(environment(tmp_path, spec(program, "-m", "x")), FINAL)
    assert found == {"python3": {"display_name": "Python 3", "language": "python"}}


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("{", "this is no kernelspec"),
        ([], "this is no kernelspec"),
        ({"argv": ["python"]}, "this is no kernelspec"),
        (spec(), "this is no kernelspec"),
        (spec("python4"), "program is not in the environment"),
        (spec("/usr/bin/python"), "program is not in the environment"),
        (spec(f"{FINAL}/bin/no"), "program is not in the environment"),
    ],
)
def test_kernels_that_cannot_start_are_refused(tmp_path: Path, broken: Any, words: str) -> None:
    with pytest.raises(VreErrors, match=words) as caught:
        contract.kernels(environment(tmp_path, broken), FINAL)
    assert f"{FINAL}/share/jupyter/kernels/python3/kernel.json" in str(caught.value)


def test_an_environment_needs_a_kernel(tmp_path: Path) -> None:
    with pytest.raises(VreErrors, match=r"has no kernel.*Remedy: add a kernel to its dependencies"):
        contract.kernels(tmp_path, FINAL)


def test_links_stay_in_the_image(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("nowhere")
    (tmp_path / "b").symlink_to("/opt/gaia/ocean/envs")
    (tmp_path / "null").symlink_to("/dev/null")
    contract.check_links(tmp_path, "/opt/gaia/ocean")
    (tmp_path / "c").symlink_to(tmp_path)
    with pytest.raises(VreErrors, match="/opt/gaia/ocean/c: the link leads out of the image"):
        contract.check_links(tmp_path, "/opt/gaia/ocean")


def test_our_own_labels_are_not_trusted_either() -> None:
    with pytest.raises(VreErrors, match=r"images/x: label org\.gaia-data\.vre\.environments: is missing"):
        labels = {"org.gaia-data.vre.contract": "1", "org.gaia-data.vre.kind": "business"}
        contract.check_labels(labels, "images/x")
