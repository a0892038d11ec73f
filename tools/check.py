"""Run every static check and the unit tests, a few at a time, and say in one table what failed.

python tools/check.py [STEP…] runs all or the named ones, or all but -STEP; each writes build/logs/STEP.log.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import sanity

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / "build/logs"
PLUGINS = "build/collections/ansible_collections/gaia_data/vre/plugins"
ANSIBLE_TEST_COPY = "build/sanity/ansible_collections/gaia_data/vre"


@dataclass(frozen=True)
class Step:
    """One check: a name, what it runs in bash from the checkout's root, and about how long it takes."""

    name: str
    command: str
    seconds: int


# mypy takes plugins by the name that they are imported by, everything else by its path. Test folders of
# scenarios are scripts of their own.
MYPY = f"""
mapfile -t own < <(git ls-files --cached --others --exclude-standard '*.py' '*.pyi' \
    | grep -v '^plugins/' | while read -r path; do [ -f "$path" ] && echo "$path"; done)
[ -z "$(find plugins -name '*.py' -print -quit 2>/dev/null)" ] || own+=({PLUGINS})
mypy "${{own[@]}}"
"""
IMPORTER = f"""
rm -rf build/dist && mkdir -p build/dist
ansible-galaxy collection build --force --output-path build/dist {ANSIBLE_TEST_COPY}
cd build/dist
export PATH=$GAIA_VRE_ROOT/build/venv-galaxy-importer/bin:$PATH GALAXY_IMPORTER_RUN_ANSIBLE_LINT=false
python -m galaxy_importer.main *.tar.gz 2>&1 | tee importer.log
! grep -E '^ERROR' importer.log
"""
UNITS_OLDEST = """
export PATH=$GAIA_VRE_ROOT/build/venv-oldest/bin:$PATH
export ANSIBLE_COLLECTIONS_PATH=$GAIA_VRE_ROOT/build/collections
python -m pytest -q -o cache_dir=build/pytest-oldest tests/unit
"""
STEPS = (
    Step("sanity", "python tools/sanity.py", 40),
    Step("ansible-lint", "ansible-lint --nocolor --offline", 30),
    Step("importer", IMPORTER, 15),
    Step("mypy", MYPY, 15),
    Step("units", "python -m pytest -q tests/unit", 20),
    Step("units-oldest", UNITS_OLDEST, 20),
    Step("docs-lint", "antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck .", 10),
    Step("yamllint", "yamllint --strict .", 3),
    Step(
        "shellcheck", "git ls-files -z ':!*.md' | xargs -0 grep -d skip -lZE '^#!.*(bash|sh)$' | xargs -0 shellcheck", 2
    ),
    Step("changelog", "antsibull-changelog lint", 1),
    Step("ruff", "ruff check .", 1),
    Step("ruff-format", "ruff format --check .", 1),
)


def run(step: Step) -> tuple[Step, int, float, Path]:
    """Run one step with its output in a log file."""
    log = LOGS / f"{step.name}.log"
    started = time.monotonic()
    with log.open("w") as output:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", step.command],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    return step, done.returncode, time.monotonic() - started, log


def main(names: list[str]) -> int:
    """Run the steps, the longest first, and report."""
    unknown = {name.removeprefix("-") for name in names} - {step.name for step in STEPS}
    if unknown:
        print(f"Unknown: {', '.join(sorted(unknown))}. Known: {', '.join(step.name for step in STEPS)}")
        return 2
    wanted = [name for name in names if not name.startswith("-")]
    chosen = [step for step in STEPS if (not wanted or step.name in wanted) and f"-{step.name}" not in names]
    if not (ROOT / "build/venv-oldest").exists():
        print("left out: units-oldest (no Python here that the oldest ansible-core runs on)")
        chosen = [step for step in chosen if step.name != "units-oldest"]
    steps = sorted(chosen, key=lambda step: -step.seconds)
    LOGS.mkdir(parents=True, exist_ok=True)
    sanity.synchronise()
    started = time.monotonic()
    failed: list[tuple[Step, Path]] = []
    with ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2)) as pool:
        for future in as_completed([pool.submit(run, step) for step in steps]):
            step, code, seconds, log = future.result()
            print(f"{'ok    ' if code == 0 else 'FAILED'} {step.name:14} {seconds:6.1f} s", flush=True)
            if code:
                failed.append((step, log))
    for step, log in failed:
        print(f"\n===== {step.name}: the end of {log.relative_to(ROOT)}")
        print("\n".join(log.read_text(errors="replace").splitlines()[-40:]))
    print(f"\n{len(steps) - len(failed)} of {len(steps)} checks passed in {time.monotonic() - started:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
