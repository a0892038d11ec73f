# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services of a host, and whether they run with the files that are there now."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError


@dataclass(frozen=True)
class Done:
    """How a program ended."""

    code: int
    out: str
    err: str


def run(argv: Sequence[str], *, stdin: str = "", cwd: str | None = None) -> Done:
    """Run a program to its end; whether it failed is the caller's to see."""
    try:
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            list(argv), input=stdin, cwd=cwd, capture_output=True, text=True, errors="replace", check=False
        )
    except OSError as error:
        return Done(127, "", str(error))
    return Done(done.returncode, done.stdout, done.stderr)


def systemctl(*words: str) -> None:
    """Call systemctl.

    :raises VreError: with what it said, when it fails.
    """
    done = run(["systemctl", *words])
    if done.code:
        raise VreError(f"systemctl {' '.join(words)} failed: {' '.join(done.err.split())}")


def properties(units: Sequence[str], names: Sequence[str]) -> list[dict[str, str]]:
    """Properties of units, in their order; none where there is no systemd."""
    done = run(["systemctl", "show", f"--property={','.join(names)}", *units])
    blocks = done.out.strip("\n").split("\n\n") if not done.code else [""] * len(units)
    return [dict(line.partition("=")[::2] for line in block.splitlines()) for block in blocks]


def files_below(paths: Sequence[str]) -> Iterator[Path]:
    """Every file that the paths are or hold, as ``find -type f`` lists them."""
    for path in map(Path, paths):
        yield from (found for found in (path, *path.rglob("*")) if found.is_file() and not found.is_symlink())


def sums(paths: Sequence[str]) -> dict[str, str]:
    """SHA-256 by file."""
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files_below(paths)}


def recorded(path: Path) -> dict[str, str] | None:
    """What a unit wrote by sha256sum when it started, or None where it did not."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return {name: digest for digest, _blanks, name in (line.partition("  ") for line in lines)}


def why_stale(present: Mapping[str, str], record: Mapping[str, str] | None) -> str:
    """Why a service that runs must start again, or nothing."""
    if record is None:
        return "it was not started by its present unit"
    changed = sorted({path for path in {*present, *record} if present.get(path) != record.get(path)})
    more = f" and {len(changed) - 1} more" if changed[1:] else ""
    return f"{changed[0]}{more} changed" if changed else ""
