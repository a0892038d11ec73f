"""A lab's Slurm without a free slot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gaia_lab.remote import on

FILL = "cd /tmp && runuser -u bob -- sbatch --parsable --array=1-9 --time=10 --output=/dev/null --wrap 'sleep 600'"


@contextmanager
def full() -> Iterator[str]:
    """Every processor is taken, by jobs of bob's where it was free; gives their number, by which they are cancelled."""
    job = on("hub", FILL).strip()
    waits = f"squeue -h -j {job} -t PENDING -o %r | grep -q Resources"
    try:
        on("hub", f"timeout 30 sh -c 'until {waits}; do sleep 0.2; done'")
        on("hub", f"scancel --state=PENDING {job}")  # or the next job would wait for these, not for a slot
        yield job
    finally:
        on("hub", f"scancel {job}")
