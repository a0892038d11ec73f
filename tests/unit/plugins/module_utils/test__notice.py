"""What users are told."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _notice
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreErrors
from gaia_vre_hub.notice import Notice


@pytest.mark.parametrize(
    ("state", "text", "until", "texts"),
    [
        ("announce", "Maintenance.", "", {"en": "Maintenance."}),
        ("drain", {"fr": "Bientôt.", "en": "Soon."}, "2026-12-01T18:00+01:00", {"en": "Soon.", "fr": "Bientôt."}),
        ("drain", {"fr": "Bientôt."}, "2026-12-01T18:00:30Z", {"fr": "Bientôt."}),
    ],
)
def test_the_hub_can_read_it(state: str, text: Any, until: str, texts: dict[str, str]) -> None:
    found = _notice.compose(state, text, until)
    assert found is not None
    read = Notice.model_validate_json(found)
    assert (read.text, read.drain, read.until is not None) == (texts, state == "drain", bool(until))


def test_off_is_no_file() -> None:
    assert _notice.compose("off", {"english": 1}, "Friday") is None


@pytest.mark.parametrize(
    ("text", "until", "words"),
    [
        (None, "", "text must say something"),
        ("  ", "", "text must say something"),
        ({}, "", "text must say something"),
        ({"english": "Hello"}, "", "text must say something"),
        ({"en": ""}, "", "text must say something"),
        ({"en": 1}, "", "text must say something"),
        ([], "", "text must say something"),
        ("Hello", "Friday", "ends must be a time with its zone"),
        ("Hello", "2026-02-31T18:00Z", "ends must be a time with its zone"),
        ("Hello", "2026-12-01T18:00", "ends must be a time with its zone"),
    ],
)
def test_what_makes_no_sense(text: Any, until: str, words: str) -> None:
    with pytest.raises(VreErrors, match=words):
        _notice.compose("drain", text, until)
