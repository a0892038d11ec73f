"""The filters of the role images."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.gaia_data.vre.plugins.filter.images import (
    docker_auths,
    pinned,
    registries_of_host,
    staging,
    unpulled,
)
from ansible_collections.gaia_data.vre.plugins.module_utils._registry import repository_of


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("registry.example.org/vre/ocean:2026.1", "registry.example.org/vre/ocean"),
        ("registry.example.org:5000/ocean", "registry.example.org:5000/ocean"),
        ("registry.example.org:5000/ocean:1@sha256:ab", "registry.example.org:5000/ocean"),
    ],
)
def test_repository_drops_tag_and_digest_but_no_port(reference: str, expected: str) -> None:
    assert repository_of(reference) == expected


LAB = {"kind": "system", "reference": "r/lab:1", "digest": "sha256:1"}
OCEAN = {"kind": "business", "reference": "r/ocean:1", "digest": "sha256:2"}
OLD = {"kind": "business", "reference": "r/old:1", "digest": "sha256:3", "subpath": "opt/envs"}
IMAGES = {"lab": LAB, "ocean": OCEAN, "old": OLD}
WANTED = ["r/lab@sha256:1", "r/ocean@sha256:2", "r/old@sha256:3"]
STORED = {"reference": "r/lab@sha256:1", "subpath": ""}
PARTS = [{"reference": "r/ocean@sha256:2", "subpath": ""}, {"reference": "r/old@sha256:3", "subpath": "opt/envs"}]


@pytest.mark.parametrize(
    ("kind", "seen", "pull", "unpack", "subpaths", "substrate"),
    [
        ("squashfs", [], [], [STORED, *PARTS], [], "batch"),
        ("squashfs", ["store sha256:1", "store sha256:2", "store sha256:3"], [], [], [STORED, *PARTS], "batch"),
        ("image", [], WANTED, [], [], "docker"),
        ("image", WANTED, [], [], [], "docker"),
        ("image", [WANTED[0], "store sha256:2"], WANTED[1:], [], [], "docker"),
        ("directory", [], WANTED[:1], PARTS, [], "docker"),
        ("directory", WANTED, [], PARTS, [], "docker"),
        ("directory", ["store sha256:2", "store sha256:3"], WANTED[:1], [], PARTS[1:], "docker"),
        ("", [], WANTED, [], [], "docker"),
        ("", [*WANTED[:2], "store sha256:3"], [], [], [], "docker"),
    ],
)
def test_what_is_brought_where(
    kind: str, seen: list[str], pull: Any, unpack: Any, subpaths: Any, substrate: str
) -> None:
    found = staging(IMAGES, seen, kind, substrate)
    new = [*pull, *(image["reference"] for image in unpack)]
    assert found == {"wanted": WANTED, "new": new, "pull": pull, "unpack": unpack, "subpaths": subpaths}


def test_references_by_digest() -> None:
    assert pinned(IMAGES.values()) == WANTED


@pytest.mark.parametrize("junk", [{"a": {}}, {"a": None}, []])
def test_junk_in_the_lock_is_a_sentence(junk: object) -> None:
    with pytest.raises(AnsibleFilterError, match="no lock"):
        staging(junk, [], "image", "docker")  # type: ignore[arg-type]


def test_no_secret_and_no_file_of_another_machine_gets_to_the_host() -> None:
    options = {"username": "u", "password": "p", "ca_file": "/x", "plain_http": True, "mirrors": ["m.example.org/vre"]}
    found = registries_of_host({"a.example.org": options, "b.example.org": {"username": "u"}})
    kept = {"plain_http": True, "mirrors": ["m.example.org/vre"]}
    assert found == {"a.example.org": kept, "b.example.org": {}}


def test_only_registries_with_a_login_have_auths() -> None:
    registries = {"a.example.org": {"username": "u", "password": "p"}, "b.example.org": {"ca_file": "/x"}}
    assert docker_auths(registries) == {"a.example.org": {"auth": "dTpw"}}


def test_why_an_image_is_not_there() -> None:
    slow, broken, lost = "r/slow@sha256:1", "r/broken@sha256:2", "r/lost@sha256:3"
    pulls = [
        {"item": {"item": slow}, "finished": False},
        {"item": {"item": broken}, "finished": True, "msg": "Error pulling:\n no space left on device"},
        {"item": {"item": lost}, "finished": True},
    ]
    found = unpulled([slow, broken, lost], pulls, 10)
    assert [item["failed"] for item in found] == [False, True, True]
    assert found[0]["text"].startswith("r/slow is still being pulled after 10 min, so it is left out. Remedy: ")
    assert "r/broken could not be pulled: Error pulling: no space left on device. Remedy: " in found[1]["text"]
    assert "does not list it" in found[2]["text"]
