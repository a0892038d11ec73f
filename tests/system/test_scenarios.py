"""Every molecule scenario, each in a lab of its own. Its output is in build/logs/molecule-SCENARIO.log."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml"))


def test_there_are_scenarios() -> None:
    assert "docker" in SCENARIOS


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(scenario: str) -> None:
    log = ROOT / f"build/logs/molecule-{scenario}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        done = subprocess.run(
            [ROOT / "tools/molecule", scenario, "test"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    end = "\n".join(log.read_text(errors="replace").splitlines()[-80:])
    assert done.returncode == 0, f"the end of {log.relative_to(ROOT)}:\n{end}"
