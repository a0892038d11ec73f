"""What the hub says: whole in every language, and nothing that nobody hears."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

from gaia_vre_hub import locale
from gaia_vre_hub.locale import LANGUAGES, MESSAGES

PACKAGE = Path(locale.__file__).parent


def test_every_message_is_there_in_every_language_with_the_same_values() -> None:
    for name, texts in MESSAGES.items():
        assert set(texts) == set(LANGUAGES), name
        assert all(texts.values()), name
        values = [{field for _text, field, _spec, _conversion in Formatter().parse(text)} for text in texts.values()]
        assert values[0] == values[1], name


def test_every_message_is_used() -> None:
    files = [path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".html") and path.name != "locale.py"]
    used = set(re.findall(r"[\"'](\w+)[\"']", "".join(path.read_text() for path in files)))
    assert set(MESSAGES) <= used
