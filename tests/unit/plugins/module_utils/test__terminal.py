"""A kernel's last words: the command is run by a real shell here, the terminal of a session in the lab."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _terminal


def shell(line: str) -> str:
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("argv", "env", "words"),
    [
        (["python3", "-c", "import no_such_module", "-f", "{connection_file}"], {}, "No module named 'no_such_module'"),
        (["sh", "-c", "echo $WORD; test $# -eq 0 && echo $0", "{connection_file}"], {"WORD": "a 'quote'"}, "a 'quote'"),
        (["sh", "-c", 'echo "$1"', "x", "$(echo no); `echo no`"], {}, "$(echo no); `echo no`"),
        (["/no/such/program"], {}, "No such file or directory"),
    ],
)
def test_the_command_prints_what_the_kernel_says(argv: list[str], env: dict[str, str], words: str) -> None:
    assert words in _terminal.between_marks(shell(_terminal.command(argv, env)))


def test_the_connection_file_is_a_new_one() -> None:
    said = _terminal.between_marks(shell(_terminal.command(["echo", "-f={connection_file}"], {})))
    assert said.startswith("-f=/tmp/")
    assert said.endswith(".json")


def test_only_the_last_lines_are_kept() -> None:
    said = _terminal.between_marks(shell(_terminal.command(["seq", "100"], {})))
    assert said.splitlines() == [str(number) for number in range(86, 101)]


def test_the_echo_of_the_typed_line_is_not_taken_for_its_output() -> None:
    line = _terminal.command(["true"], {})
    assert _terminal.BEGIN not in line
    assert _terminal.END not in line


class Wire:
    """The websocket of a terminal that prints what it is told to."""

    def __init__(self, *messages: Any) -> None:
        self.messages, self.sent = list(messages), ""

    def send(self, text: str) -> None:
        self.sent = json.loads(text)[1]

    def recv(self) -> str:
        return json.dumps(self.messages.pop(0))


def test_what_a_terminal_prints() -> None:
    wire = Wire(
        ["setup", {}],
        ["stdout", "\x1b[?2004h$ echo gaia-vre''-begin; …\r\n"],
        ["stdout", "gaia-vre-begin\r\n\x1b[31mImportError\x1b[0m: no\r\n"],
        ["stdout", "gaia-vre-end\r\n$ "],
    )
    assert _terminal.listen(wire, "x") == "ImportError: no"
    assert wire.sent.endswith("; x\r")


def test_a_terminal_that_ends_early() -> None:
    assert _terminal.listen(Wire(["stdout", "gaia-vre-begin\r\nhalf"], ["disconnect", 1]), "x") == ""
