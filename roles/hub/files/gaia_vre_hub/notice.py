"""What the admins tell users, and whether new sessions may start: ``notice.json`` beside the manifest."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from gaia_vre_hub.hot import Model


class Notice(Model):
    """An announcement by language; with ``drain``, sessions that run go on and no new one starts.

    :ivar until: when it is over, as announced; nothing happens by itself then.
    """

    version: Literal[1]
    text: dict[str, str]
    drain: bool = False
    until: datetime | None = None


def main(path: str) -> int:
    """Whether a file is a notice, asked before it is put in place; what is wrong is one line."""
    try:
        Notice.model_validate_json(Path(path).read_bytes())
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, found['loc']))}: {found['msg']} ({found['input']!r})" for found in error.errors())
        print("; ".join(wrong), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
