"""The corpus against the rule itself, for each user."""

from __future__ import annotations

from typing import Any

import pytest

from gaia_lab.hostile import HOSTILE, SCRIPT, fields
from gaia_vre_hub.errors import Refused
from gaia_vre_hub.form import render
from gaia_vre_hub.manifest import Manifest
from gaia_vre_hub.options import Chooser, from_form, from_query


def ways(options: Any) -> list[Any]:
    """What the hub makes of it, by each way in."""
    found = fields(options)
    if found is None:
        return [options]
    lists = {key: value if isinstance(value, list) else [value] for key, value in found.items()}
    return [options, from_query(lists), from_form(lists)]


@pytest.mark.parametrize("user", ["alice", "gaia-vre-check"])
@pytest.mark.parametrize("name", HOSTILE)
def test_refused_with_a_sentence(manifest: Manifest, name: str, user: str) -> None:
    for options in ways(HOSTILE[name]):
        with pytest.raises(Refused) as raised:
            Chooser(manifest, user, {"oceanographers", "weather"}).choose(options)
        assert 400 <= raised.value.status < 500
        assert raised.value.sentence.endswith(".")
        assert len(raised.value.sentence) < 300
        assert raised.value.sentence.isprintable()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_page_that_is_shown_again_does_not_show_it(manifest: Manifest, name: str) -> None:
    options = HOSTILE[name]
    page = render(manifest, {"oceanographers"}, "en", options if isinstance(options, dict) else {})
    assert SCRIPT not in page
    assert "<svg/onload" not in page
    assert "1337" not in page
