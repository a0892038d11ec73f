"""What is needed and what is used. What an engine removes is tested in the lab, with a real one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _clean
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

PLACE = "registry.example.org/vre/ocean"


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def pin(number: int) -> dict[str, str]:
    return {"reference": f"{PLACE}@{digest(number)}", "digest": digest(number)}


def test_what_manifest_and_lock_name_is_needed(tmp_path: Path) -> None:
    ocean = {"kind": "business", "offered": pin(1), "candidate": pin(2), "retained": [pin(3), pin(4)]}
    lab = {"kind": "system", "offered": pin(6), "candidate": None}
    lock = [{"kind": "business", "reference": f"{PLACE}:2026.3", "digest": digest(5)}]
    oceans, labs = ({f"{PLACE}@{digest(number)}" for number in numbers} for numbers in ((1, 2, 3, 4, 5), (6,)))
    for kind, engine, store in (("image", oceans | labs, set()), ("directory", labs, oceans)):
        content = {"version": 1, "mount_kind": kind, "images": {"ocean": ocean, "lab": lab}}
        (tmp_path / "manifest.json").write_text(json.dumps(content))
        assert _clean.needed(tmp_path / "manifest.json", lock) == _clean.Needed(engine, store)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, r"the manifest cannot be read: No such file or directory .* Remedy: run gaia_data\.vre\.deploy first"),
        ("junk", r"it is no JSON: .*, so nothing is removed\. Remedy: run publish first"),
        ('{"version": 1, "images": {"ocean": {}}}', "so nothing is removed"),
    ],
)
def test_without_a_manifest_nothing_is_known(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "manifest.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(VreError, match=words):
        _clean.needed(path, [])


def test_what_containers_stand_on() -> None:
    """As ``docker inspect`` of 26.1 and 28.5 tells it, running or stopped alike."""
    containers: list[dict[str, Any]] = [
        {
            "Image": digest(1),
            "Config": {"Image": "lab"},
            "HostConfig": {
                "Binds": ["gaia-vre-home-alice:/home/vre:rw", "/data:/data:ro"],
                "Mounts": [
                    {"Type": "image", "Source": "ocean", "Target": "/opt/gaia/ocean"},
                    {"Type": "image", "Source": "/var/lib/docker/rootfs/x", "Target": "/opt/gaia/y"},
                    {"Type": "bind", "Source": "/srv/store/abc", "Target": "/opt/gaia/geo"},
                ],
            },
            "Mounts": [{"Type": "volume", "Name": "home", "Source": "/var/lib/docker/volumes/home/_data"}],
        },
        {"Image": digest(2), "Config": {"Image": "other"}, "HostConfig": {"Binds": None}},
    ]
    images, paths = _clean.used(containers)
    assert images == {digest(1), digest(2), "lab", "ocean", "other"}
    assert {"/data", "/srv/store/abc"} <= paths


@pytest.mark.parametrize(
    ("path", "uses"),
    [("/srv/store/abc", True), ("/srv/store/abc/opt/envs", True), ("/srv/store/abcd", False), ("/srv/store", False)],
)
def test_a_folder_in_use(path: str, uses: bool) -> None:
    assert _clean.in_use_below(Path("/srv/store/abc"), [path]) is uses
