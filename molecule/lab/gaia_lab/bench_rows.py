"""The lines of what is measured: to the screen and to ``build/bench.json``."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

TARGET = Path(os.environ["GAIA_VRE_ROOT"]) / "build/bench.json"


@dataclass
class Row:
    """One line of the table; ``ratio`` is ours to reference, ``goal`` bounds the ratio, or ours where there is none."""

    id: str
    what: str
    ours: float
    reference: float | None
    unit: str
    goal: float | None

    def result(self) -> dict[str, Any]:
        """As it stands in ``build/bench.json``; ``met`` is null where there is no goal."""
        ratio = None if self.reference is None else self.ours / self.reference
        met = None if self.goal is None else (self.ours if ratio is None else ratio) <= self.goal
        rounded = {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(self).items()}
        return {**rounded, "ratio": None if ratio is None else round(ratio, 3), "met": met}


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    started = time.monotonic()
    work()
    return time.monotonic() - started


def report(measured: Iterable[Row], substrate: str) -> None:
    """Print each row as it comes, and put the rows of a substrate in place of what ``build/bench.json`` had of it.

    What a run that fails late has measured stays.
    """
    TARGET.parent.mkdir(exist_ok=True)
    before = json.loads(TARGET.read_text())["rows"] if TARGET.is_file() else []
    rows = [row for row in before if row.get("substrate", substrate) != substrate]
    print(f"{'id':34} {'ours':>8} {'reference':>10} {'ratio':>7} {'goal':>6}  met")
    for row in ({**row.result(), "substrate": substrate} for row in measured):
        rows.append(row)
        TARGET.write_text(json.dumps({"rows": rows}, indent=1) + "\n")
        reference = "" if row["reference"] is None else f"{row['reference']:.3f}"
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.3f}"
        met = {True: "yes", False: "MISSED", None: ""}[row["met"]]
        print(f"{row['id']:34} {row['ours']:8.3f} {reference:>10} {ratio:>7} {row['goal'] or '':6}  {met}", flush=True)
