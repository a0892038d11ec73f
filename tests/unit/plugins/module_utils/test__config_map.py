"""What the hub reads, as keys of a ConfigMap. Changing one is tried on a real cluster."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _config_map, _manifest
from ansible_collections.gaia_data.vre.plugins.module_utils._state import CHECKS, LAST, MANIFEST, NOTICE


def config_map(keys: Mapping[str, bytes | str]) -> dict[str, Any]:
    data = {name: text for name, text in keys.items() if isinstance(text, str)}
    binary = {name: base64.b64encode(text).decode() for name, text in keys.items() if isinstance(text, bytes)}
    return {"kind": "ConfigMap", "metadata": {"name": "gaia-vre", "resourceVersion": "7"}, "data": data} | (
        {"binaryData": binary} if binary else {}
    )


def test_texts_are_stored_and_read_again() -> None:
    texts = {MANIFEST: '{"é": 1}\n', LAST: "{}", CHECKS: "{}", NOTICE: "é"}
    keys: dict[str, bytes | str] = {}
    for name, text in texts.items():
        compressed = _config_map.stored(name, text)
        keys[_config_map.key_of(name)] = compressed if name in _config_map.COMPRESSED else text
    assert set(keys) == {"manifest.json.gz", "manifest.last.json.gz", CHECKS, NOTICE}
    assert _config_map.texts(config_map(keys)) == texts


def test_what_somebody_else_put_there_is_read_as_it_is() -> None:
    found = _config_map.texts(config_map({"manifest.json.gz": b"junk", "other": "x", CHECKS: "y"}))
    assert found == {MANIFEST: "junk", CHECKS: "y"}
    cut = gzip.compress(b"{}" * 100)[:-9]
    assert MANIFEST in _config_map.texts(config_map({"manifest.json.gz": cut}))
    assert _config_map.texts({}) == {}
    assert _config_map.texts({"data": None}) == {}


def test_the_same_text_is_the_same_bytes_and_has_the_same_mark() -> None:
    assert _config_map.stored(MANIFEST, "{}") == _config_map.stored(MANIFEST, "{}")
    one = _config_map.revision({MANIFEST: "a", NOTICE: "b"})
    assert one == _config_map.revision({NOTICE: "b", MANIFEST: "a"})
    assert len(one) == 12
    assert one != _config_map.revision({MANIFEST: "a"})


def image(name: str, number: int) -> dict[str, Any]:
    digest = f"sha256:{hashlib.sha256(f'{name}{number}'.encode()).hexdigest()}"
    packages = {f"package{index}": f"2026.{index}" for index in range(5)}
    kernels = {"python3": {"language": "python", "display_name": f"Python ({name})"}}
    return {
        "kind": "business",
        "reference": f"registry.example.org/vre/{name}:{number}",
        "digest": digest,
        "platforms": {"linux/amd64": {"digest": digest, "size": 123456789}},
        "version": str(number),
        "title": {"en": f"Environment {name}", "fr": f"Environnement {name}"},
        "description": {"en": hashlib.sha256(name.encode()).hexdigest() * 3},
        "mount_path": f"/opt/gaia/{name}",
        "environments": {name: {"kernels": kernels, "packages": packages}},
    }


@pytest.mark.parametrize("images", [200, 1000])
def test_the_manifest_of_many_images_fits(images: int) -> None:
    able = {"substrate": "kubernetes", "platform": "linux/amd64", "mount_kind": "image", "mount_kinds": {}}
    previous = None
    for number in (1, 2, 3):
        lock = {f"tiny{name:04}": image(f"tiny{name:04}", number) for name in range(images)}
        lock["lab"] = {**image("lab", number), "kind": "system"}
        offer = {"system": ["lab"], "business": ["tiny*"]}
        made = _manifest.compile_manifest(
            {"version": 1, "images": lock}, offer, able, {"name": "example"}, "check", None, previous
        )
        previous = made.manifest
        if number < 3:
            pins = {name: one["candidate"]["digest"] for name, one in previous["images"].items() if one["candidate"]}
            previous = _manifest.promote(previous, pins).manifest
    text = _manifest.dump(previous or {})
    assert len(json.loads(text)["images"]["tiny0000"]["retained"]) == 1
    assert len(text) > images * 4000
    assert len(_config_map.stored(MANIFEST, text)) < images * 420
    assert 2 * len(_config_map.stored(MANIFEST, text)) < _config_map.LARGEST
