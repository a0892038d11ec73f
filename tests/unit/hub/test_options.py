"""What users may send: names from the manifest that are open to them, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from gaia_vre_hub.errors import Refused
from gaia_vre_hub.manifest import Manifest
from gaia_vre_hub.options import Chooser, from_form, from_query

from .conftest import pin

OCEAN = frozenset({"oceanographers"})


def choose(
    manifest: Manifest, options: Any, user: str = "alice", groups: frozenset[str] = OCEAN, lang: str = "en"
) -> Any:
    return Chooser(manifest, user, groups, lang).choose(options)


def refused(manifest: Manifest, options: Any, **who: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        choose(manifest, options, **who)
    return caught.value


def test_images_come_in_the_manifest_s_order_with_the_first_system_image(manifest: Manifest) -> None:
    choice = choose(manifest, {"business": ["atmosphere", "ocean"]})
    assert list(choice.images) == ["lab", "ocean", "atmosphere"]
    assert choice.system == "lab"
    assert [p.envs_dir for p in choice.business] == ["/opt/gaia/ocean/envs", "/opt/gaia/atmosphere/envs"]


def test_a_system_image_alone_is_a_choice(manifest: Manifest) -> None:
    assert list(choose(manifest, {"business": []}).images) == ["lab"]


def test_a_composition_brings_its_resources_and_a_wish_wins(manifest: Manifest) -> None:
    who: dict[str, Any] = {"groups": frozenset({"weather"})}
    assert choose(manifest, {"composition": "weather"}, **who).resources.cpu == 4
    assert choose(manifest, {"composition": "weather", "resources": "small"}, **who).resources.cpu == 1


def test_only_the_check_takes_candidates(manifest: Manifest) -> None:
    options = {"system": "lab", "business": ["ocean", "geo"], "candidate": ["ocean", "geo"]}
    choice = choose(manifest, options, user="gaia-vre-check", groups=frozenset())
    assert [p.version for p in choice.business] == ["2", "1"]
    assert refused(manifest, options).status == 400
    assert choose(manifest, {"business": ["ocean"]}).business[0].version == "1"


@pytest.mark.parametrize(
    ("options", "groups", "status"),
    [
        ({"business": ["ocean"]}, set(), 403),
        ({"composition": "coastal"}, set(), 403),
        ({"composition": "weather"}, {"oceanographers"}, 403),
        ({"composition": "nothing"}, {"oceanographers"}, 400),
        ({"business": ["geo"]}, set(), 400),
        ({}, set(), 400),
        ({"composition": "coastal", "business": []}, {"oceanographers"}, 400),
        ({"business": ["lab"]}, set(), 400),
        ({"system": "atmosphere"}, set(), 400),
    ],
)
def test_what_is_not_there_or_not_open_is_refused(
    manifest: Manifest, options: dict[str, Any], groups: set[str], status: int
) -> None:
    assert refused(manifest, options, groups=frozenset(groups)).status == status


def test_without_free_choice_only_compositions_are_launched(data: dict[str, Any]) -> None:
    manifest = Manifest.model_validate({**data, "free_choice": False})
    assert refused(manifest, {"business": ["atmosphere"]}).status == 403
    assert choose(manifest, {"composition": "coastal"}).composition == "coastal"
    assert choose(manifest, {"business": ["ocean"]}, user="gaia-vre-check").business


def test_a_former_version_is_pinned_by_its_digest(data: dict[str, Any]) -> None:
    new, old = pin("ocean", 3, "business"), pin("ocean", 1, "business")
    data["images"]["ocean"].update(offered=new, retained=[old])
    manifest = Manifest.model_validate(data)
    pinned = [f"ocean@{old['digest']}"]
    assert choose(manifest, {"business": ["ocean"], "pin": pinned}).business[0].version == "1"
    assert choose(manifest, {"composition": "coastal", "pin": pinned}).business[0].version == "1"
    assert choose(manifest, {"business": ["ocean"], "pin": [f"ocean@{new['digest']}"]}).business[0].version == "3"
    assert choose(manifest, {"business": ["ocean"]}).business[0].version == "3"
    assert refused(manifest, {"business": ["ocean"], "pin": pinned}, groups=frozenset()).status == 403
    gone = refused(manifest, {"business": ["ocean"], "pin": ["ocean@sha256:" + "f" * 64]})
    assert (gone.status, "This version of Ocean (sha256:ffff" in gone.sentence) == (400, True)


def test_a_candidate_is_no_version_to_pin(manifest: Manifest) -> None:
    candidate = manifest.images["ocean"].candidate
    assert candidate is not None
    assert refused(manifest, {"business": ["ocean"], "pin": [f"ocean@{candidate.digest}"]}).status == 400


HOSTILE: list[Any] = [
    None,
    "ocean",
    ["ocean"],
    7,
    {"image": "evil"},
    {"mounts": [{"Source": "/"}]},
    {1: "x"},
    {"business": "ocean"},
    {"business": {"a": 1}},
    {"business": [None]},
    {"business": [["ocean"]]},
    {"business": ["atmosphere"] * 2},
    {"business": ["a" * 10_000]},
    {"business": [f"x{n}" for n in range(10_000)]},
    {"business": ["../../etc/passwd"]},
    {"business": ["{username}"]},
    {"business": ["{{ 7 * 7 }}"]},
    {"business": ["$(id)"]},
    {"business": ["<script>"]},
    {"business": ["océan"]},
    {"business": ["%s%n"]},
    {"composition": ["coastal"]},
    {"composition": ""},
    {"composition": {"$ne": None}},
    {"system": "__class__"},
    {"resources": "huge"},
    {"resources": 4, "business": []},
    {"business": ["atmosphere"], "pin": "atmosphere@sha256:" + "0" * 64},
    {"business": ["atmosphere"], "pin": ["atmosphere"]},
    {"business": ["atmosphere"], "pin": ["atmosphere@sha256:{username}"]},
    {"business": ["atmosphere"], "pin": ["atmosphere@sha256:" + "0" * 64 + "\n"]},
    {"business": ["atmosphere"], "pin": ["geo@sha256:" + "0" * 64]},
    {"composition": "coastal", "pin": ["geo@sha256:" + "0" * 64]},
    {"business": ["atmosphere"], "pin": [None]},
]


@pytest.mark.parametrize("options", HOSTILE, ids=lambda value: repr(value)[:40])
@pytest.mark.parametrize("lang", ["en", "fr"])
def test_hostile_options_get_a_sentence(manifest: Manifest, options: Any, lang: str) -> None:
    error = refused(manifest, options, lang=lang)
    assert 400 <= error.status < 500
    assert error.sentence.endswith(".")
    assert len(error.sentence) < 250, "no flood of what was sent"


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({"choice": ["composition:coastal"], "system": ["lab"], "business": ["geo"]}, {"composition": "coastal"}),
        ({"choice": ["free"], "system": ["lab"], "resources": [""]}, {"system": "lab", "business": []}),
        (
            {"choice": ["free"], "system": ["lab"], "business": ["a", "b"], "resources": ["small"], "_xsrf": ["x"]},
            {"system": "lab", "business": ["a", "b"], "resources": "small"},
        ),
        ({"choice": ["evil"]}, {"choice": "evil"}),
        ({"image": ["evil"]}, {"image": "evil"}),
    ],
)
def test_a_posted_page(fields: dict[str, list[str]], options: dict[str, Any]) -> None:
    assert from_form(fields) == options


def test_a_link() -> None:
    assert from_query({"business": ["a"]}) == {"business": ["a"]}
    assert from_query({"composition": ["x", "y"]}) == {"composition": ["x", "y"]}, "two are told, not one dropped"
