"""Every molecule scenario, each in a lab of its own. Its output is in build/logs/molecule-SCENARIO.log."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml"))


@pytest.fixture(scope="session")
def ended() -> Iterator[dict[str, Future[int]]]:
    """The exit code of each scenario. They run side by side, as each waits most of its time."""
    (ROOT / "build/logs").mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(len(SCENARIOS)) as pool:
        yield {scenario: pool.submit(run, scenario) for scenario in SCENARIOS}


def log(scenario: str) -> Path:
    """Where its output is."""
    return ROOT / f"build/logs/molecule-{scenario}.log"


def run(scenario: str) -> int:
    """Run a scenario; gives its exit code."""
    command = [str(ROOT / "tools/molecule"), scenario, "test"]
    with log(scenario).open("w") as output:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False)
    return done.returncode


def test_there_are_scenarios(ended: dict[str, Future[int]]) -> None:
    """They begin here; conftest.py has what runs beside them."""
    assert {"batch", "condor", "docker", "docker_life", "kubernetes"} <= set(ended)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(ended: dict[str, Future[int]], scenario: str) -> None:
    code = ended[scenario].result()
    end = "\n".join(log(scenario).read_text(errors="replace").splitlines()[-80:])
    assert code == 0, f"the end of {log(scenario).relative_to(ROOT)}:\n{end}"
