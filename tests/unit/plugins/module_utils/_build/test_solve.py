"""The solver, over a channel made for the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils._build import solve
from ansible_collections.gaia_data.vre.plugins.module_utils._build.definition import EnvironmentDefinition
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors


def environment(*specs: str) -> EnvironmentDefinition:
    return EnvironmentDefinition("x", specs, "environment.yml:2")


def test_a_solution_is_complete_and_sorted(tmp_path: Path, small_channel: str) -> None:
    records = solve.solve(environment("plain", "kernel"), [small_channel], "linux-64", tmp_path)
    assert [record.name.normalized for record in records] == ["kernel", "plain", "python"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("nothing-of-that-name", "cannot be solved: .*nothing-of-that-name"),
        ("python >=99", "cannot be solved: .*python"),
    ],
)
def test_what_cannot_be_solved(tmp_path: Path, small_channel: str, spec: str, words: str) -> None:
    with pytest.raises(VreError, match=rf"(?s)environment\.yml:2: the environment {words}.*Remedy: loosen"):
        solve.solve(environment(spec), [small_channel], "linux-64", tmp_path)


def test_a_channel_that_is_not_there(tmp_path: Path) -> None:
    url = (tmp_path / "nowhere").as_uri()
    with pytest.raises(VreError, match=r"(?s)the channels cannot be read: .*Remedy: check the channels file://"):
        solve.solve(environment("python"), [url], "linux-64", tmp_path)


def test_every_dependency_that_is_none_is_named() -> None:
    with pytest.raises(VreErrors) as caught:
        solve.parse_specs(environment("python", "numpy[", "numpy =="))
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("spec", ["numpy", "numpy=2.3", "numpy >=2,<3", "numpy>=2", "NumPy", "some::numpy[version='2']"])
def test_names_that_are_asked_for(spec: str) -> None:
    assert solve.requested(environment(spec)) == {"numpy"}


def test_logins_of_channels_are_not_told(tmp_path: Path) -> None:
    channels = ["http://me:hunter2@127.0.0.1:9/t/hunter3/x"]
    with pytest.raises(VreError) as caught:
        solve.solve(environment("python"), channels, "linux-64", tmp_path)
    assert "hunter" not in str(caught.value)
    assert "127.0.0.1:9" in str(caught.value)
