"""Labels are untrusted; kernel names are nb_conda_kernels'."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _contract
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreErrors

ROOT = Path(__file__).resolve().parents[4]
KERNEL = {"language": "python", "display_name": "Python 3 (ipykernel)"}
ENVIRONMENTS = {"ocean": {"kernels": {"python3": KERNEL}, "packages": {"python": "3.13.5", "numpy": "2.1.0"}}}
GOOD = json.dumps(ENVIRONMENTS)


def labels(environments: Any = GOOD, **changes: str | None) -> dict[str, str]:
    found: dict[str, str | None] = {
        _contract.LABEL_CONTRACT: "1",
        _contract.LABEL_KIND: "business",
        _contract.LABEL_MOUNT_PATH: "/opt/gaia/ocean",
        _contract.LABEL_ENVIRONMENTS: environments
        if environments is None or isinstance(environments, str)
        else json.dumps(environments),
        _contract.LABEL_VERSION: "2026.1",
        _contract.LABEL_TITLE: "Ocean",
    }
    found.update({getattr(_contract, f"LABEL_{key.upper()}"): value for key, value in changes.items()})
    return {key: value for key, value in found.items() if value is not None}


def test_a_business_image() -> None:
    found = _contract.parse(labels())
    assert found == _contract.Contract("business", "2026.1", "Ocean", "", "/opt/gaia/ocean", ENVIRONMENTS)


def test_a_system_image_has_no_mount() -> None:
    found = _contract.parse(labels(kind="system", mount_path=None, environments=None))
    assert (found.kind, found.mount_path, found.environments) == ("system", None, {})


def test_environments_kernels_and_packages_are_sorted() -> None:
    entry = {"packages": {"b": "1", "a": "2"}, "kernels": {"python3": KERNEL, "ir": KERNEL}}
    found = _contract.parse(labels({"z": entry, "a": entry})).environments
    assert list(found) == ["a", "z"]
    assert list(found["a"]["kernels"]) == ["ir", "python3"]
    assert list(found["a"]["packages"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({}, r"no label org\.gaia-data\.vre\.contract, so it is no VRE image"),
        (labels(contract="2"), "another version"),
        (labels(kind="busyness"), r"label org\.gaia-data\.vre\.kind: must be business or system"),
        (labels(kind=None), r"label org\.gaia-data\.vre\.kind"),
        (labels(mount_path=None), r"label org\.gaia-data\.vre\.mount-path: is missing"),
        (labels(mount_path="/etc"), "mount-path: must be like"),
        (labels(mount_path="/opt/gaia/../../etc"), "mount-path: must be like"),
        (labels(mount_path="/opt/gaia/ocean\n"), "mount-path: must be like"),
        (labels(version="1\n2"), r"label org\.opencontainers\.image\.version: must not hold control"),
        (labels(title="<script>"), r"label org\.opencontainers\.image\.title: must be plain text"),
        (labels(licenses="{{ x }}"), r"label org\.opencontainers\.image\.licenses: must be plain text"),
        (labels(environments=None), r"label org\.gaia-data\.vre\.environments: is missing"),
    ],
)
def test_labels_that_lie_are_named(wrong: dict[str, str], words: str) -> None:
    with pytest.raises(VreErrors, match=words):
        _contract.parse(wrong)


def kernels(**found: Any) -> dict[str, Any]:
    return {"ocean": {"kernels": found, "packages": {}}}


@pytest.mark.parametrize(
    ("environments", "words"),
    [
        ("{", "must be JSON"),
        ("[" * 100_000, "must be JSON"),
        ("x" * 300_000, "must not be longer"),
        ([], "must be a mapping"),
        ({}, "must name an environment"),
        ({"ocean": 1}, "environment ocean must be a mapping"),
        ({"../etc": ENVIRONMENTS["ocean"]}, "environment with a name"),
        ({"a..b": ENVIRONMENTS["ocean"]}, "environment with a name"),
        ({"a/b": ENVIRONMENTS["ocean"]}, "environment with a name"),
        ({"a b": ENVIRONMENTS["ocean"]}, "environment with a name"),
        ({"$(id)": ENVIRONMENTS["ocean"]}, "environment with a name"),
        ({"{{ x }}": ENVIRONMENTS["ocean"]}, "environment with a name"),
        ({"<b>": ENVIRONMENTS["ocean"]}, "environment with a name"),
        ({"": ENVIRONMENTS["ocean"]}, "environment with a name"),
        ({"x" * 64: ENVIRONMENTS["ocean"]}, "environment with a name"),
        ({f"e{i}": ENVIRONMENTS["ocean"] for i in range(101)}, "at most 100"),
        ({"ocean": {"packages": {}}}, "environment ocean has no kernel"),
        (kernels(), "environment ocean has no kernel"),
        ({"ocean": {"kernels": ["python3"]}}, "environment ocean has no kernel"),
        (kernels(**{"../python3": KERNEL}), "kernel with a name"),
        (kernels(python3="python"), "kernel ocean/python3 must be a mapping"),
        (kernels(python3={"display_name": "x"}), "no usable language"),
        (kernels(python3={"language": "py;id", "display_name": "x"}), "no usable language"),
        (kernels(python3={"language": "python"}), "display_name must be a text"),
        (kernels(python3={"language": "python", "display_name": "<script>alert(1)</script>"}), "display_name must be"),
        (kernels(python3={"language": "python", "display_name": "{{ 7 * 7 }}"}), "display_name must be"),
        (kernels(python3={"language": "python", "display_name": "x" * 121}), "display_name must not be longer"),
        ({"ocean": {"kernels": {"python3": KERNEL}, "packages": ["numpy"]}}, "packages of environment ocean"),
        ({"ocean": {"kernels": {"python3": KERNEL}, "packages": {"numpy": "1; id"}}}, "a package that is none"),
        ({"ocean": {"kernels": {"python3": KERNEL}, "packages": {"<b>": "1"}}}, "a package that is none"),
        ({"ocean": {"kernels": {"python3": KERNEL}, "packages": {"numpy": 2}}}, "a package that is none"),
    ],
)
def test_environments_that_lie_are_refused(environments: Any, words: str) -> None:
    with pytest.raises(VreErrors, match=words) as caught:
        _contract.parse(labels(environments), "registry.example.org/vre/ocean:1")
    assert "registry.example.org/vre/ocean:1: label org.gaia-data.vre.environments" in str(caught.value)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(VreErrors) as caught:
        _contract.parse(labels({"..": {}, "ocean": {}}, mount_path="/etc", title="<b>"))
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize(
    ("image", "environment", "kernel", "name"),
    [
        ("ocean", "ocean", "python3", "conda-env-ocean-ocean-py"),
        ("atmos", "py", "python3", "conda-env-atmos-py-py"),
        ("bio", "stats", "ir", "conda-env-bio-stats-r"),
        ("geo", "geo", "bash", "conda-env-geo-geo-bash"),
        ("geo", "v1.2", "julia-1.11", "conda-env-geo-v1.2-julia-1.11"),
        ("geo", "été", "python3", "conda-env-geo-ete-py"),
        ("geo", "a b", "python3", "conda-env-geo-a_b-py"),
    ],
)
def test_kernel_names_as_nb_conda_kernels_and_the_system_image_give_them(
    image: str, environment: str, kernel: str, name: str
) -> None:
    """The system image has its own copy of the rule: it lives where the collection does not."""
    file = ROOT / "images/lab/root/opt/conda/share/gaia-vre/mounted_kernels.py"
    spec = importlib.util.spec_from_file_location("mounted_kernels", file)
    assert spec
    assert spec.loader
    start_up = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(start_up)
    assert _contract.kernel_name(image, environment, kernel) == name
    assert start_up.kernel_name(image, environment, kernel) == name
