"""Run programs; a failure becomes one sentence with the program's own last words."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from gaia_lab.errors import LabError


def say(text: str) -> None:
    """Progress, on stderr, so that stdout stays for results."""
    print(f"lab: {text}", file=sys.stderr, flush=True)


def run(*argv: str, stdin: str = "", timeout: float = 900) -> str:
    """Run a program to its end and give its stdout. It never gets our stdin, which ssh would leave non-blocking.

    :raises LabError: when it ends with another code than 0 or takes longer than ``timeout`` seconds.
    """
    try:
        done = subprocess.run(argv, input=stdin, text=True, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        raise LabError(f"`{' '.join(argv[:4])} …` did not end within {timeout:.0f} s") from error
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()[-4:]
        raise LabError(f"`{' '.join(argv)}` ended with {done.returncode}: {' / '.join(words)}")
    return done.stdout


def succeeds(argv: Sequence[str], timeout: float = 30) -> bool:
    """Whether a program ends with 0; its output is dropped."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def answer(argv: Sequence[str], timeout: float = 30) -> str:
    """What a program printed, whatever its exit code; empty when it did not end in time."""
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout.strip()
