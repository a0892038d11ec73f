# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of the collection: each says what is wrong, where, with which value, and what to do.

Utilities raise them; only a module's ``main()`` turns them into a failure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

LONGEST_VALUE = 200


class VreError(Exception):
    """One problem, told to a person.

    :param message: what is wrong, a sentence without its full stop.
    :param where: the variable, the file with its line, the host or the image.
    :param value: the offending value; shortened, and None when there is none to show.
    :param remedy: what to do.
    """

    def __init__(self, message: str, where: str = "", value: Any = None, remedy: str = "") -> None:
        super().__init__(message)
        self.message, self.where, self.value, self.remedy = message, where, value, remedy

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        if self.value is not None:
            shown = repr(self.value)
            text += f" (got {shown if len(shown) <= LONGEST_VALUE else shown[:LONGEST_VALUE] + '...'})"
        remedy = f" Remedy: {self.remedy}{'' if self.remedy.endswith('?') else '.'}" if self.remedy else ""
        return f"{text}.{remedy}"


class VreErrors(VreError):
    """Several problems, told together."""

    def __init__(self, problems: Sequence[VreError]) -> None:
        super().__init__(f"{len(problems)} problem(s)")
        self.problems = list(problems)

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return str(self.problems[0])
        lines = "\n".join(f"- {problem}" for problem in self.problems)
        return f"{len(self.problems)} problems:\n{lines}"


def last_line(said: str, otherwise: str = "it said nothing") -> str:
    """The last line that a program wrote before it failed, for a sentence about it."""
    return (said.strip().splitlines() or [otherwise])[-1]
