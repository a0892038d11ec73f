"""A real hub behind a real proxy with the package in it: the page, the three ways in, refusals, a new manifest."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gaia_lab.client import HubClient
from gaia_lab.small_hub import Hub, error, manifest, nothing_started, pin, running, seen


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with running(tmp_path_factory.mktemp("hub"), "session") as hub:
        yield hub


@pytest.fixture(autouse=True)
def whole_offer(request: pytest.FixtureRequest) -> None:
    """Each test begins with the whole offer."""
    if "hub" in request.fixturenames:
        request.getfixturevalue("hub").offer(manifest())


# -- the page --------------------------------------------------------------------------------------


def test_the_page_shows_what_is_open_and_nothing_else(hub: Hub) -> None:
    alice, bob = hub.user("alice").launch_page(), hub.user("bob").launch_page()
    assert 'value="composition:coastal"' in alice
    assert "Coastal studies" in alice
    assert "Shoreline" not in alice
    assert 'value="composition:shore"' in bob
    for closed in ("ocean", "CROCO", "Coastal", "composition:coastal"):
        assert closed.lower() not in bob.lower()
    assert "it has to pass its check first" in bob, "geo is not locked, and not on offer yet"


def test_the_page_speaks_french(hub: Hub) -> None:
    page = hub.user("alice", "fr-FR,fr;q=0.9,en;q=0.5").launch_page()
    assert "Études côtières" in page
    assert "Modélisation océanique" in page
    assert "Coastal studies" not in page


def test_texts_of_the_manifest_stay_texts(hub: Hub) -> None:
    page = hub.user("alice").launch_page()
    assert "<b>" not in page
    assert "{{ 7 * 7 }}" in page
    assert "javascript:alert" not in page
    assert 'href="https://docs.example.org/ocean"' in page


# -- the three ways in -----------------------------------------------------------------------------


def test_form(hub: Hub) -> None:
    alice = hub.user("alice")
    fields = {"choice": "free", "system": "lab", "business": ["ocean", "atmosphere"], "resources": "small"}
    answer = alice.post_form(fields)
    assert answer.status_code == 302, answer.text
    env = seen(alice)
    assert env["CONDA_ENVS_PATH"] == "/opt/gaia/ocean/envs:/opt/gaia/atmosphere/envs"
    assert env["CONDA_REGISTER_ENVS"] == "false"
    record = json.loads(env["GAIA_VRE_SESSION"])
    assert record["centre"] == "example"
    assert record["composition"] is None
    expected = {key: pin("ocean", 1)[key] for key in ("reference", "digest", "version")}
    assert record["images"]["ocean"] == {"title": "Ocean modelling", **expected}
    assert record["link"] == "/hub/spawn?system=lab&business=ocean&business=atmosphere&resources=small"
    assert record["pinned_link"].startswith(f"{record['link']}&pin=lab@{pin('lab', 1)['digest']}&pin=ocean@")
    got = json.loads(env["TEST_SEEN"])
    assert got["image"] == pin("lab", 1, system=True)["reference"]
    assert (got["mem_limit"], got["cpu_limit"]) == (2 << 30, 1.0)
    assert [m["Target"] for m in got["host"]["mounts"]] == ["/data", "/opt/gaia/ocean", "/opt/gaia/atmosphere"]
    assert got["host"]["init"] is True, "the centre's own settings stay"
    assert env["CENTRE"] == "kept"
    assert env["SITE"].startswith("alice-")


def test_composition_by_form_ignores_ticks_of_the_other_way(hub: Hub) -> None:
    alice = hub.user("alice")
    answer = alice.post_form({"choice": "composition:coastal", "system": "lab", "business": ["geo"], "resources": ""})
    assert answer.status_code == 302, answer.text
    env = seen(alice)
    assert json.loads(env["GAIA_VRE_SESSION"])["composition"] == "coastal"
    assert json.loads(env["TEST_SEEN"])["mem_limit"] == 8 << 30


@pytest.mark.parametrize(
    ("fields", "images"),
    [
        ({"composition": "coastal"}, ["atmosphere", "lab", "ocean"]),
        ({"opt-composition": "coastal"}, ["atmosphere", "lab", "ocean"]),
        ({"business": ["ocean", "atmosphere"]}, ["atmosphere", "lab", "ocean"]),
        ({"business": "ocean", "resources": "small"}, ["lab", "ocean"]),
        ({"system": "lab"}, ["lab"]),
    ],
)
def test_link(hub: Hub, fields: dict[str, Any], images: list[str]) -> None:
    alice = hub.user("alice")
    answer = alice.query(fields)
    assert answer.status_code == 302, answer.text
    assert sorted(json.loads(seen(alice)["GAIA_VRE_SESSION"])["images"]) == images


@pytest.mark.parametrize("wrapped", [False, True])
def test_rest(hub: Hub, wrapped: bool) -> None:
    alice = hub.user("alice")
    options: dict[str, Any] = {"business": ["ocean"]}
    answer = alice.rest({"user_options": options} if wrapped else options)
    assert answer.status_code in (201, 202), answer.text
    assert list(json.loads(seen(alice)["GAIA_VRE_SESSION"])["images"]) == ["lab", "ocean"]


def test_each_launch_is_made_afresh(hub: Hub) -> None:
    """Also after refusals, whose spawner object may be used again: the hook runs, nothing of before is left."""
    alice = hub.user("alice")
    runs = []
    for options, mounts in (({"composition": "coastal"}, 3), ({"business": []}, 1), ({"business": ["ocean"]}, 2)):
        assert alice.rest({"business": ["nothing"]}).status_code == 400
        assert alice.rest(options).status_code in (201, 202)
        env = seen(alice)
        runs.append(env["SITE"])
        assert len(json.loads(env["TEST_SEEN"])["host"]["mounts"]) == mounts
    assert len(set(runs)) == 3


def test_the_check_alone_takes_candidates(hub: Hub) -> None:
    check = hub.user("gaia-vre-check")
    options = {"system": "lab", "business": ["ocean", "geo"], "candidate": ["ocean", "geo"]}
    assert check.rest(options).status_code in (201, 202)
    images = json.loads(seen(check)["GAIA_VRE_SESSION"])["images"]
    assert images["ocean"]["version"] == "2026.2"
    alice = hub.user("alice")
    assert alice.rest(options).status_code == 400
    nothing_started(alice)


# -- refusals --------------------------------------------------------------------------------------

REFUSED: list[tuple[str, dict[str, Any], int]] = [
    ("closed image", {"business": ["ocean"]}, 403),
    ("closed composition", {"composition": "coastal"}, 403),
    ("not offered", {"business": ["geo"]}, 400),
    ("unknown image", {"business": ["nothing"]}, 400),
    ("unknown composition", {"composition": "nothing"}, 400),
    ("unknown resources", {"composition": "shore", "resources": "huge"}, 400),
    ("system as business", {"business": ["lab"]}, 400),
    ("business as system", {"system": "atmosphere"}, 400),
    ("candidate", {"business": ["atmosphere"], "candidate": ["atmosphere"]}, 400),
    ("unknown key", {"image": "evil"}, 400),
    ("markup", {"business": ["<script>alert(1)</script>"]}, 400),
    ("markup key", {"<script>alert(1)</script>": "x"}, 400),
    ("template", {"composition": "{{ 7 * 7 }}{username}{0}"}, 400),
    ("format", {"composition": "%s%n%(x)d"}, 400),
    ("path", {"business": ["../../etc"]}, 400),
    ("shell", {"business": ["$(touch /tmp/x)"]}, 400),
    ("line feed", {"composition": "shore\r\nSet-Cookie: a=b"}, 400),
    ("twice", {"business": ["atmosphere", "atmosphere"]}, 400),
    ("both", {"composition": "shore", "business": ["atmosphere"]}, 400),
]
ids = [name for name, _options, _status in REFUSED]
refusals = pytest.mark.parametrize(("options", "status"), [(o, s) for _name, o, s in REFUSED], ids=ids)


@pytest.fixture(scope="module")
def bob(hub: Hub) -> HubClient:
    return hub.user("bob")


@refusals
def test_refused_by_rest(bob: HubClient, options: dict[str, Any], status: int) -> None:
    answer = bob.rest(options)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["message"].endswith((".", "…"))
    nothing_started(bob)


@refusals
def test_refused_by_link(bob: HubClient, options: dict[str, Any], status: int) -> None:
    answer = bob.query(options)
    assert answer.status_code == status, answer.text
    assert error(answer.text).endswith(".")
    assert "<script>alert" not in answer.text
    nothing_started(bob)


@refusals
def test_refused_by_form(bob: HubClient, options: dict[str, Any], status: int) -> None:
    answer = bob.post_form(options)
    assert answer.status_code == status, answer.text
    assert error(answer.text).endswith(".")
    assert "<script>alert" not in answer.text
    assert 'name="choice"' in answer.text, "another try on the same page"
    nothing_started(bob)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        [1],
        "ocean",
        7,
        {"user_options": "ocean"},
        {"user_options": {}},
        {"user_options": None},
        {"business": "atmosphere"},
        {"business": {"a": 1}},
        {"business": [None]},
        {"business": [["atmosphere"]]},
        {"business": [f"x{n}" for n in range(5000)]},
        {"business": ["a" * 100_000]},
        {"composition": ["shore"]},
        {"composition": ""},
        {"composition": {"$ne": None}},
        {"system": True},
        {"resources": 4},
        {"composition": "shore\u0000"},
        {"composition": "\ud800"},
        {"composition": "shоre"},
    ],
    ids=lambda body: repr(body)[:40],
)
def test_hostile_rest(hub: Hub, body: Any) -> None:
    carol = hub.user("carol")
    answer = carol.rest(body)
    assert answer.status_code == 400, answer.text
    assert len(answer.text) < 500
    nothing_started(carol)


def test_a_refusal_speaks_the_user_s_language(hub: Hub) -> None:
    bob = hub.user("bob", "fr")
    assert "ne vous est pas ouvert" in bob.rest({"business": ["ocean"]}).json()["message"]
    for _ in range(2):
        assert "ne vous est pas ouvert" in bob.query({"business": "ocean"}).text
        assert "ne vous est pas ouvert" in bob.post_form({"choice": "free", "business": ["ocean"]}).text


# -- a new manifest --------------------------------------------------------------------------------


def test_a_new_manifest_counts_at_once_and_a_bad_one_not(hub: Hub) -> None:
    alice = hub.user("alice")
    new = manifest()
    new["images"]["ocean"] |= {"offered": pin("ocean", 2), "candidate": None, "title": {"en": "Ocean, renewed"}}
    hub.offer(new)
    assert "Ocean, renewed" in alice.launch_page()
    broken = manifest()
    broken["compositions"]["coastal"]["business"] = ["gone"]
    for bad in ("", "{", json.dumps({**new, "version": 2}), json.dumps(broken)):
        hub.offer(bad)
        assert "Ocean, renewed" in alice.launch_page()
    assert "the last good one stays in use" in hub.log
    (hub.folder / "manifest.json").unlink()
    assert alice.query({"business": "ocean"}).status_code == 302
    assert json.loads(seen(alice)["GAIA_VRE_SESSION"])["images"]["ocean"]["version"] == "2026.2"


def test_without_free_choice_there_are_compositions_only(hub: Hub) -> None:
    alice = hub.user("alice")
    hub.offer({**manifest(), "free_choice": False})
    page = alice.launch_page()
    assert 'value="free"' not in page
    assert 'value="composition:coastal"' in page
    assert alice.query({"business": "ocean"}).status_code == 403


def test_an_engine_that_does_not_answer_is_told(tmp_path: Path) -> None:
    with running(tmp_path, "docker") as hub:
        alice = hub.user("alice")
        answer = alice.rest({"composition": "coastal"})
        assert answer.status_code == 503, answer.text
        assert "administrators" in answer.json()["message"]
        assert "no-engine.sock" not in answer.text
        nothing_started(alice)
        for _ in range(4):  # more than consecutive_failure_limit: the hub must not end over it
            answer = alice.post_form({"choice": "composition:coastal"})
            assert answer.status_code == 503
            assert "administrators" in error(answer.text)
        time.sleep(3)
        nothing_started(alice)
