"""Links that make a choice again launch the very same."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gaia_vre_hub.links import link
from gaia_vre_hub.manifest import Manifest
from gaia_vre_hub.options import Chooser, from_query

from .conftest import pin


@pytest.mark.parametrize(
    "options",
    [
        {"business": []},
        {"business": ["atmosphere", "ocean"], "resources": "large"},
        {"composition": "coastal"},
        {"composition": "coastal", "resources": "small"},
    ],
)
def test_a_link_makes_the_same_choice_by_names_and_by_digests(data: dict[str, Any], options: dict[str, Any]) -> None:
    chooser = Chooser(Manifest.model_validate(data), "alice", {"oceanographers"})
    choice = chooser.choose(options)
    for pinned in (False, True):
        address = urlsplit(link("/hub/spawn", choice, pinned=pinned))
        assert address.path == "/hub/spawn"
        assert chooser.choose(from_query(parse_qs(address.query))) == choice


def test_a_pinned_link_stays_with_its_versions(data: dict[str, Any]) -> None:
    choice = Chooser(Manifest.model_validate(data), "alice", {"oceanographers"}).choose({"composition": "coastal"})
    former = data["images"]["ocean"]["offered"]
    data["images"]["ocean"] |= {"offered": pin("ocean", 5, "business"), "retained": [former]}
    later = Chooser(Manifest.model_validate(data), "alice", {"oceanographers"})
    for pinned, version in ((False, "5"), (True, "1")):
        query = urlsplit(link("/hub/spawn", choice, pinned=pinned)).query
        assert later.choose(from_query(parse_qs(query))).images["ocean"].version == version
