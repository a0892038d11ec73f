"""The one error of the lab: a sentence for a person."""

from __future__ import annotations


class LabError(RuntimeError):
    """Something the lab needs is missing or failed; the text says what and what to do."""
