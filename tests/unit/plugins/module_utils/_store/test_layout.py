"""Paths in a store. What is refused is tested with the mounts that are made of them."""

from __future__ import annotations

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._store import layout


def test_an_entry_and_a_folder_in_it() -> None:
    digest = f"sha256:{'a' * 64}"
    assert layout.entry(layout.DEFAULT, digest) == f"/var/lib/gaia-vre-store/{'a' * 64}"
    assert layout.squashfs("/srv/store", digest) == f"/srv/store/{'a' * 64}.squashfs"
    assert layout.entry("/srv/store", digest, "opt/envs") == f"/srv/store/{'a' * 64}/opt/envs"


@pytest.mark.parametrize("digest", ["", "sha256:", f"sha512:{'a' * 64}", f"sha256:{'A' * 64}", f"sha256:{'a' * 63}/"])
def test_other_digests_have_no_name(digest: str) -> None:
    with pytest.raises(VreError, match="this is no digest"):
        layout.name_of(digest)
