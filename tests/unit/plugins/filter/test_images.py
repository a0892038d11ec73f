"""The filters of the role images."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.gaia_data.vre.plugins.filter.images import docker_auths, pinned_references, unpulled
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


def test_references_are_sorted_and_by_digest() -> None:
    images = {"b": {"reference": "r/b:1", "digest": "sha256:2"}, "a": {"reference": "r/a:1", "digest": "sha256:1"}}
    assert pinned_references(images) == ["r/a@sha256:1", "r/b@sha256:2"]


@pytest.mark.parametrize("junk", [{"a": {}}, {"a": None}, []])
def test_junk_in_the_lock_is_a_sentence(junk: object) -> None:
    with pytest.raises(AnsibleFilterError, match="no lock"):
        pinned_references(junk)  # type: ignore[arg-type]


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
