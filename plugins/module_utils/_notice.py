# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the admins tell users, and whether new sessions may start: the text of ``notice.json``. Pure functions."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors
from ansible_collections.gaia_data.vre.plugins.module_utils._text import LANGUAGE, normal_texts

STATES = ("announce", "drain", "off")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)")
SENTENCE = """-e '{"text": {"en": "Maintenance.", "fr": "Maintenance."}}'"""


def compose(state: str, text: Any, until: str) -> str | None:
    """The text of the file; None for no file, as all is as usual then.

    :param state: one of ``STATES``.
    :param text: a sentence, or sentences by language.
    :param until: when it is over, as announced; empty where nothing is said.
    :raises VreErrors: with everything that makes no sense.
    """
    if state == "off":
        return None
    problems = []
    texts = normal_texts(text) if isinstance(text, (str, dict)) and _is_text(text) else {}
    if not texts:
        remedy = f"give a sentence, or sentences by language: {SENTENCE}"
        problems.append(VreError("text must say something, in each language of two letters", "", text, remedy))
    if until and not _is_time(until):
        remedy = "write it as in 2026-12-01T18:00+01:00"
        problems.append(VreError("ends must be a time with its zone", "", until, remedy))
    if problems:
        raise VreErrors(problems)
    content = {"version": 1, "text": texts, "drain": state == "drain", "until": until or None}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _is_text(text: Any) -> bool:
    if isinstance(text, str):
        return bool(text.strip())
    return bool(text) and all(
        LANGUAGE.fullmatch(str(language)) and isinstance(sentence, str) and sentence.strip()
        for language, sentence in text.items()
    )


def _is_time(text: str) -> bool:
    if not TIME.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return False
    return True
