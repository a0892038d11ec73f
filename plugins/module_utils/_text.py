# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that people read on the launch page, and names that end in paths and references.

They come from catalogues, offers and images. What could be taken for a command, a template or HTML is refused
here, so that nobody downstream has to think about it.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

LANGUAGE = re.compile(r"[a-z]{2}")
# HTML, Jinja, shell and str.format: none of them has a place in a title.
HOSTILE = ("<", ">", "{{", "{%", "{#", "${", "$(", "`", "\\")
TITLE_LENGTH = 120
DESCRIPTION_LENGTH = 2000
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
NAME_RULE = "up to 40 of a-z, 0-9 and -, with a letter or a digit at both ends"


def is_name(value: Any) -> bool:
    """Whether ``value`` can name an image, a composition or a resource profile."""
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def wrong_with_text(value: Any, longest: int) -> str | None:
    """Why ``value`` cannot be shown to people as plain text, or None when it can."""
    if not isinstance(value, str):
        return "must be a text"
    if not value.strip():
        return "must not be empty"
    if len(value) > longest:
        return f"must not be longer than {longest} characters"
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for character in value):
        return "must not hold control characters or line breaks"
    for sign in HOSTILE:
        if sign in value:
            return f"must be plain text, without {sign}"
    return None


def wrong_with_texts(value: Any, longest: int) -> str | None:
    """The same for a text, or a mapping of languages to texts."""
    if not isinstance(value, dict):
        return wrong_with_text(value, longest)
    if "en" not in value:
        return "must have the language en"
    for language, text in value.items():
        if not isinstance(language, str) or not LANGUAGE.fullmatch(language):
            return "must have two-letter languages, such as en and fr"
        wrong = wrong_with_text(text, longest)
        if wrong:
            return f"{wrong} (in language {language})"
    return None


def normal_texts(value: Any) -> dict[str, str]:
    """``{language: text}``, English first; a bare text is English."""
    if value is None:
        return {}
    if isinstance(value, str):
        return {"en": value.strip()}
    return {key: str(value[key]).strip() for key in sorted(value, key=lambda key: (key != "en", key))}


def suggest(name: str, known: Iterable[str], several: str = "known names") -> str:
    """A remedy for a name that is not known."""
    names = sorted(known)
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    if not names:
        return f"there are no {several}"
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"{several}: {shown}"
