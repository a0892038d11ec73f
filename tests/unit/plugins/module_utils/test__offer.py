"""Offers: what is right, and every way to be wrong."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _offer
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreErrors

KINDS = {"lab": "system", "lab-gpu": "system", "ocean": "business", "ocean-deep": "business", "atmosphere": "business"}
GOOD: dict[str, Any] = {
    "system": ["lab"],
    "business": ["ocean*", "atmosphere"],
    "free_choice": True,
    "access": {"ocean": {"groups": ["oceanographers", "coast"]}},
    "resources": {
        "small": {"title": "Small", "cpu": 1, "memory": "2G"},
        "gpu": {"title": {"en": "GPU", "fr": "Processeur graphique"}, "cpu": "0.5", "memory": 1 << 30, "gpu": 1},
    },
    "compositions": {
        "coastal": {
            "title": {"en": "Coastal"},
            "system": "lab",
            "business": ["atmosphere", "ocean"],
            "resources": "small",
            "groups": ["coast"],
        }
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    offer = copy.deepcopy(GOOD)
    *parents, last = path.replace("C.", "compositions.coastal.").split(".")
    place = offer
    for name in parents:
        place = place[name]
    place[last] = value
    return offer


def test_a_good_offer() -> None:
    offer = _offer.parse(GOOD, KINDS, "the catalogues")
    assert offer.images == ("lab", "ocean", "ocean-deep", "atmosphere")
    assert offer.groups == {"ocean": ["coast", "oceanographers"]}
    assert offer.resources["small"] == {
        "title": {"en": "Small"},
        "description": {},
        "cpu": 1.0,
        "memory": 2147483648,
        "gpu": 0,
        "time": None,
        "partition": None,
        "account": None,
    }
    assert offer.resources["gpu"]["cpu"] == 0.5
    assert offer.compositions["coastal"] == {
        "title": {"en": "Coastal"},
        "description": {},
        "system": "lab",
        "business": ["atmosphere", "ocean"],
        "resources": "small",
        "groups": ["coast"],
    }


def test_what_a_job_asks_for() -> None:
    asked = {"time": "1.5h", "partition": "short", "account": "coast@lab"}
    found = _offer.parse(changed("resources.small", asked), KINDS, "the catalogues").resources["small"]
    assert {key: found[key] for key in asked} == {**asked, "time": 5400}


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("time", "10", "must be a time"),
        ("time", "1s", "must be a time"),
        ("time", "500d", "must be a time"),
        ("time", 60, "must be a time"),
        ("partition", "short --uid=0", "cannot be the name of the partition"),
        ("partition", "-p", "cannot be the name of the partition"),
        ("account", "a\nb", "cannot be the name of the account"),
    ],
)
def test_what_no_job_asks_for(key: str, value: Any, words: str) -> None:
    with pytest.raises(VreErrors, match=words):
        _offer.parse(changed("resources.small", {key: value}), KINDS, "the catalogues")


def test_the_least_offer() -> None:
    offer = _offer.parse({"system": ["lab"], "business": ["*"]}, KINDS, "the catalogues")
    assert offer.business == ("atmosphere", "ocean", "ocean-deep")
    assert offer.free_choice
    assert offer.compositions == {}


@pytest.mark.parametrize(
    ("offer", "expected"),
    [
        (None, ": the offer is empty"),
        ({}, ": the offer is empty"),
        ([], ": the offer is empty"),
        ({"system": [], "business": []}, ".system: the offer has no system image"),
        ({"business": ["ocean"]}, ".system: the offer has no system image"),
        ({"system": ["lab"]}, ".business: the offer has no business image and no composition"),
        (changed("systems", ["lab"]), ".systems: unknown key systems. Remedy: did you mean system?"),
        (changed("system", "lab"), ".system: must be a list of names (got 'lab')"),
        (changed("system", [1]), ".system: must be the name of an image (got 1)"),
        (changed("system", ["labb"]), ".system: there is no image labb in the catalogues."),
        (changed("system", ["ocean"]), ".system: image ocean is of kind business, not system"),
        (changed("business", ["ocaen"]), ".business: there is no image ocaen in the catalogues. Remedy: did you"),
        (changed("business", ["lab"]), ".business: image lab is of kind system, not business"),
        (changed("business", ["bio*"]), ".business: no business image of the catalogues matches (got 'bio*')"),
        (changed("free_choice", "yes"), ".free_choice: must be true or false"),
        (changed("access", ["ocean"]), ".access: must be a mapping"),
        (changed("access.ocean", ["coast"]), ".access.ocean: must be a mapping"),
        (changed("access.ocean", {"group": ["x"]}), ".access.ocean.group: unknown key group. Remedy: did you"),
        (changed("access.ocean", {}), ".access.ocean: must have groups"),
        (changed("access.ocean.groups", []), ".access.ocean.groups: must be a list of groups"),
        (changed("access.ocean.groups", "coast"), ".access.ocean.groups: must be a list of groups"),
        (changed("access.ocean.groups", ["<b>"]), ".access.ocean.groups: a group must be plain text"),
        (changed("access.oceans", {"groups": ["x"]}), ".access.oceans: image oceans is not in the offer. Remedy"),
        (changed("access.lab-gpu", {"groups": ["x"]}), ".access.lab-gpu: image lab-gpu is not in the offer"),
        (changed("resources.Small", {}), ".resources.Small: this cannot be a name"),
        (changed("resources.small.cpus", 1), ".resources.small.cpus: unknown key cpus. Remedy: did you mean cpu?"),
        (changed("resources.small.cpu", 0), ".resources.small.cpu: must be a number of processors"),
        (changed("resources.small.cpu", "one"), ".resources.small.cpu: must be a number of processors"),
        (changed("resources.small.cpu", True), ".resources.small.cpu: must be a number of processors"),
        (changed("resources.small.cpu", float("nan")), ".resources.small.cpu: must be a number of processors"),
        (changed("resources.small.memory", 2), ".resources.small.memory: must be an amount from 64M to"),
        (changed("resources.small.memory", "9" * 400 + "T"), ".resources.small.memory: must be an amount"),
        (changed("resources.small.memory", 10**400), ".resources.small.memory: must be an amount"),
        (changed("resources.small.cpu", 10**400), ".resources.small.cpu: must be a number of processors"),
        (changed("resources.small.memory", "2 apples"), ".resources.small.memory: must be an amount"),
        (changed("resources.small.memory", [2]), ".resources.small.memory: must be an amount"),
        (changed("resources.small.gpu", 0.5), ".resources.small.gpu: must be a whole number"),
        (changed("resources.small.gpu", -1), ".resources.small.gpu: must be a whole number"),
        (changed("resources.small.title", "{{ x }}"), ".resources.small.title: must be plain text"),
        (changed("compositions", []), ".compositions: must be a mapping"),
        (changed("compositions.coastal", "lab"), ".compositions.coastal: must be a mapping"),
        (changed("compositions.Coast/1", {"system": "lab"}), ".compositions.Coast/1: this cannot be a name"),
        (changed("C.image", "x"), ".C.image: unknown key image"),
        (changed("C.system", None), ".compositions.coastal: has no system image"),
        (changed("C.system", "lap"), ".C.system: there is no image lap"),
        (changed("C.system", "ocean"), ".C.system: image ocean is of kind business, not system"),
        (changed("C.system", "lab-gpu"), ".C.system: image lab-gpu is not in the offer"),
        (changed("C.business", "ocean"), ".C.business: must be a list"),
        (changed("C.business", ["gone"]), ".C.business: there is no image gone"),
        (changed("C.business", [{"a": 1}]), ".C.business: must be the name"),
        (changed("C.resources", "big"), ".C.resources: there are no resources big"),
        (changed("C.resources", ["small"]), ".C.resources: there are no resources"),
        (changed("C.groups", []), ".C.groups: must be a list of groups"),
        (changed("C.title", 1), ".C.title: must be a text"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(offer: Any, expected: str) -> None:
    problems = [str(problem) for problem in _offer.read(offer, KINDS, "the catalogues")[1]]
    expected = expected.replace(".C.", ".compositions.coastal.")
    assert any(f"vre_offer{expected}" in f"{problem}" for problem in problems), problems


def test_what_a_catalogue_refused_is_not_told_again() -> None:
    offer, problems = _offer.read({"system": ["lab"], "business": ["ocean"]}, {}, "the catalogues", {"lab", "ocean"})
    assert problems == []
    assert offer.images == ()


@pytest.mark.parametrize(
    ("value", "number"),
    [("2G", 2 << 30), ("2GiB", 2 << 30), ("512 m", 512 << 20), ("1.5G", 3 << 29), ("100", 100), (7, 7),
     ("G", None), ("-1G", None), (True, None), (None, None), (1.5, None)],
)  # fmt: skip
def test_memory(value: Any, number: int | None) -> None:
    assert _offer.bytes_of(value) == number
