"""The filters of the role images."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.gaia_data.vre.plugins.filter.images import docker_auths, pinned_references
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
