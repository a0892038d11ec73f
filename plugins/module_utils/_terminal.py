# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel's last words: Jupyter Server keeps them to its own log, so its command is run in a terminal of the session.

Source: the websocket of terminado, messages such as ``["stdin", "text"]`` and ``["stdout", "text"]``.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

LINES = 15
SECONDS = 10
# The typed line is echoed, so it must not hold the marks as they are printed.
BEGIN, END = "gaia-vre-begin", "gaia-vre-end"
CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|[\x00-\x08\x0b-\x1f\x7f]")


def command(argv: Sequence[str], env: Mapping[str, str]) -> str:
    """A line for a shell that starts a kernel for a few seconds and prints the end of what it says."""
    file = "$(mktemp -u).json"
    words = [word.replace("{connection_file}", "\0") for word in argv]
    quoted = " ".join(shlex.quote(word).replace("\0", f"'\"{file}\"'") for word in words)
    variables = " ".join(shlex.quote(f"{key}={value}") for key, value in sorted(env.items()))
    run = f"timeout -k 1 {SECONDS} env {variables} {quoted} </dev/null 2>&1 | tail -n {LINES}"
    return f"echo gaia-vre''-begin; ({run}); echo gaia-vre''-end"


def between_marks(output: str) -> str:
    """What the command printed, without the terminal's colours; empty when it is not all there."""
    plain = CONTROL.sub("", output)
    _before, found, rest = plain.rpartition(f"{BEGIN}\n")
    said, end, _after = rest.partition(END)
    return said.strip() if found and end else ""


def listen(socket: Any, line: str) -> str:
    """Type ``line`` into a terminal and give what it printed; the socket's own timeout bounds the silence."""
    socket.send(json.dumps(["stdin", f"stty cols 500; {line}\r"]))
    output = ""
    while f"{END}\r\n" not in output:
        kind, *more = json.loads(socket.recv())
        if kind == "disconnect":
            break
        if kind == "stdout" and more:
            output += str(more[0])
    return between_marks(output)
