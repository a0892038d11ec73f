"""The manifest: compiled, promoted, and never what somebody else wrote."""

from __future__ import annotations

import copy
import json
import time
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _manifest
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors

ENVIRONMENTS = {"ocean": {"kernels": {"python3": {"language": "python", "display_name": "Python 3"}}, "packages": {}}}
CENTRE = {"name": "example", "title": {"fr": "Exemple", "en": "Example"}}
OFFER: dict[str, Any] = {
    "system": ["lab"],
    "business": ["ocean"],
    "access": {"ocean": {"groups": ["coast"]}},
    "resources": {"small": {"title": "Small", "cpu": 1, "memory": "2G"}},
    "compositions": {"coastal": {"title": "Coastal", "system": "lab", "business": ["ocean"], "resources": "small"}},
}
CAPABILITIES: dict[str, Any] = {
    "substrate": "docker",
    "platform": "linux/amd64",
    "cgroup": {"version": "2", "memory": True, "cpu": True},
    "mount_kinds": {
        "image": {"usable": True, "reason": "API 1.51 mounts images"},
        "directory": {"usable": False, "reason": "no store"},
    },
    "mount_kind": "image",
    "reason": "API 1.51 mounts images",
}


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def locked(name: str, kind: str, number: int, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "kind": kind,
        "reference": f"registry.example.org/vre/{name}:1",
        "digest": digest(number),
        "platforms": {"linux/amd64": {"digest": digest(number), "size": 7}},
        "version": "1",
        "title": {"en": name},
    }
    if kind == "business":
        found.update(mount_path=f"/opt/gaia/{name}", environments=ENVIRONMENTS)
    return {**found, **more}


def lock(ocean: int = 1, lab: int = 2, **more: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "images": {"lab": locked("lab", "system", lab), "ocean": locked("ocean", "business", ocean, **more)},
    }


def compiled(the_lock: Any = None, **changes: Any) -> _manifest.Compiled:
    options: dict[str, Any] = {
        "lock": lock() if the_lock is None else the_lock,
        "offer": OFFER,
        "capabilities": CAPABILITIES,
        "centre": CENTRE,
        "check_user": "gaia-vre-check",
    }
    return _manifest.compile_manifest(**{**options, **changes})


def passed(manifest: dict[str, Any], keep: int = 2) -> dict[str, Any]:
    """The manifest after all its candidates passed their check."""
    candidates = {name: image["candidate"] for name, image in manifest["images"].items() if image["candidate"]}
    return _manifest.promote(manifest, {name: pin["digest"] for name, pin in candidates.items()}, keep).manifest


def checked(the_lock: Any = None) -> dict[str, Any]:
    return passed(compiled(the_lock).manifest)


def test_the_manifest_of_the_contract() -> None:
    manifest = checked()
    source = f"registry.example.org/vre/ocean@{digest(1)}"
    assert manifest == {
        "version": 1,
        "centre": {"name": "example", "title": {"en": "Example", "fr": "Exemple"}},
        "substrate": "docker",
        "mount_kind": "image",
        "check": {"user": "gaia-vre-check"},
        "free_choice": True,
        "images": {
            "lab": {
                "kind": "system",
                "title": {"en": "lab"},
                "description": {},
                "keywords": [],
                "documentation": None,
                "contact": None,
                "license": None,
                "groups": None,
                "offered": {
                    "reference": f"registry.example.org/vre/lab@{digest(2)}",
                    "tag": "registry.example.org/vre/lab:1",
                    "digest": digest(2),
                    "version": "1",
                    "size": 7,
                    "launch": {"image": f"registry.example.org/vre/lab@{digest(2)}"},
                },
                "candidate": None,
                "retained": [],
            },
            "ocean": {
                "kind": "business",
                "title": {"en": "ocean"},
                "description": {},
                "keywords": [],
                "documentation": None,
                "contact": None,
                "license": None,
                "groups": ["coast"],
                "offered": {
                    "reference": source,
                    "tag": "registry.example.org/vre/ocean:1",
                    "digest": digest(1),
                    "version": "1",
                    "size": 7,
                    "environments": ENVIRONMENTS,
                    "envs_dir": "/opt/gaia/ocean/envs",
                    "mount": {"Type": "image", "Source": source, "Target": "/opt/gaia/ocean", "ReadOnly": True},
                },
                "candidate": None,
                "retained": [],
            },
        },
        "compositions": {
            "coastal": {
                "title": {"en": "Coastal"},
                "description": {},
                "system": "lab",
                "business": ["ocean"],
                "resources": "small",
                "groups": None,
            }
        },
        "resources": {
            "small": {"title": {"en": "Small"}, "description": {}, "cpu": 1.0, "memory": 2147483648, "gpu": 0}
        },
    }


def test_at_first_everything_is_a_candidate() -> None:
    first = compiled()
    assert first.candidates == ["lab", "ocean"]
    assert first.offered == []


def test_what_did_not_change_stays_and_what_changed_is_a_candidate() -> None:
    before = checked()
    assert compiled(previous=before).manifest == before
    after = compiled(lock(ocean=9), previous=before)
    assert after.candidates == ["ocean"]
    assert after.offered == ["lab", "ocean"]
    ocean = after.manifest["images"]["ocean"]
    assert (ocean["offered"]["digest"], ocean["candidate"]["digest"]) == (digest(1), digest(9))
    promoted = passed(after.manifest)["images"]["ocean"]
    assert (promoted["offered"]["digest"], promoted["candidate"]) == (digest(9), None)


def test_an_older_lock_takes_a_candidate_back() -> None:
    before = checked()
    assert compiled(lock(), previous=compiled(lock(ocean=9), previous=before).manifest).manifest == before


def test_a_candidate_that_came_during_the_check_of_another_is_not_offered() -> None:
    later = compiled(lock(ocean=10), previous=checked()).manifest
    after = _manifest.promote(later, {"ocean": digest(9)})
    assert after.manifest == later
    assert after.notes == ["ocean: another candidate came while this one was checked; publish again to have it checked"]


def test_a_candidate_that_is_replaced_leaves_no_trace() -> None:
    twice = compiled(lock(ocean=10), previous=compiled(lock(ocean=9), previous=checked()).manifest)
    ocean = twice.manifest["images"]["ocean"]
    assert (ocean["offered"]["digest"], ocean["candidate"]["digest"]) == (digest(1), digest(10))


def after(*oceans: int, keep: int = 2) -> dict[str, Any]:
    """The manifest after locks with these digests of ocean were published and passed, one after the other."""
    manifest = None
    for ocean in oceans:
        found = compiled(lock(ocean=ocean), previous=manifest, keep=keep)
        manifest = passed(found.manifest, keep)
    assert manifest is not None
    return manifest


def states(manifest: dict[str, Any]) -> tuple[str | None, str | None, list[str]]:
    ocean = manifest["images"]["ocean"]
    offered, candidate = ((ocean[state] or {}).get("digest") for state in ("offered", "candidate"))
    return offered, candidate, [pin["digest"] for pin in ocean["retained"]]


@pytest.mark.parametrize(
    ("oceans", "keep", "retained"),
    [
        ((1, 2), 1, []),
        ((1, 2), 2, [1]),
        ((1, 2, 3), 2, [2]),
        ((1, 2, 3, 4), 3, [3, 2]),
        ((1, 2, 1, 3), 3, [1, 2]),
    ],
)
def test_former_digests_are_retained(oceans: tuple[int, ...], keep: int, retained: list[int]) -> None:
    assert states(after(*oceans, keep=keep)) == (digest(oceans[-1]), None, [digest(number) for number in retained])


def test_an_older_lock_is_offered_at_once() -> None:
    back = compiled(lock(ocean=1, version="2026.1"), previous=after(1, 2, 3, keep=3), keep=3)
    assert back.candidates == []
    assert states(back.manifest) == (digest(1), None, [digest(3), digest(2)])
    assert back.notes == ["ocean: back to 2026.1"]
    assert compiled(lock(ocean=1, version="2026.1"), previous=back.manifest, keep=3).notes == []


def test_an_older_lock_takes_the_place_of_a_candidate_that_did_not_pass() -> None:
    failed = compiled(lock(ocean=3), previous=after(1, 2))
    assert states(failed.manifest) == (digest(2), digest(3), [digest(1)])
    assert states(compiled(lock(ocean=1), previous=failed.manifest).manifest) == (digest(1), None, [digest(2)])


def test_what_is_no_longer_retained_is_checked_again() -> None:
    assert states(compiled(lock(ocean=1), previous=after(1, 2, 3)).manifest) == (digest(3), digest(1), [digest(2)])


@pytest.mark.parametrize("more", [{"mount_path": "/opt/other"}, {"subpath": "opt/envs"}])
@pytest.mark.parametrize("kind", ["image", "directory"])
def test_an_older_lock_with_another_place_is_checked(kind: str, more: dict[str, Any]) -> None:
    able = {**CAPABILITIES, "mount_kind": kind}
    manifest = None
    for ocean in (1, 2):
        found = compiled(lock(ocean=ocean), capabilities=able, previous=manifest)
        manifest = passed(found.manifest)
    assert compiled(lock(ocean=1, **more), capabilities=able, previous=manifest).candidates == ["ocean"]


def test_fewer_are_retained_when_fewer_are_to_be_kept() -> None:
    manifest = after(1, 2, 3, keep=3)
    assert states(compiled(lock(ocean=3), previous=manifest, keep=1).manifest) == (digest(3), None, [])


CLUSTER: dict[str, Any] = {**CAPABILITIES, "substrate": "kubernetes", "subpath": False}


def test_a_cluster_mounts_what_it_can() -> None:
    """Where a part of an image cannot be mounted, that is told; from the store it can."""
    found = compiled(capabilities=CLUSTER)
    assert found.manifest["images"]["ocean"]["candidate"]["mount"]["volume"]["image"]["pullPolicy"] == "IfNotPresent"
    assert found.manifest["images"]["lab"]["candidate"]["launch"]["image"].endswith(digest(2))
    foreign = lock(mount_path="/opt/conda/envs", subpath="opt/conda/envs", environments={})
    with pytest.raises(VreErrors, match=r"images\.ocean\.subpath: the runtime mounts whole images only.*directory"):
        compiled(foreign, capabilities=CLUSTER)
    assert compiled(foreign, capabilities={**CLUSTER, "subpath": True}).candidates == ["lab", "ocean"]
    store = {**CLUSTER, "mount_kind": "directory"}
    pin = compiled(foreign, capabilities=store).manifest["images"]["ocean"]["candidate"]
    assert pin["mount"]["volume_mount"]["subPath"] == f"{digest(1)[7:]}/opt/conda/envs"


def test_the_same_digest_of_another_repository_is_not_checked_again_on_a_cluster() -> None:
    before = passed(compiled(capabilities=CLUSTER).manifest)
    moved = lock(reference="registry.example.org/other/ocean:1")
    again = compiled(moved, capabilities=CLUSTER, previous=before)
    assert again.candidates == []
    offered = again.manifest["images"]["ocean"]["offered"]
    assert offered["mount"]["volume"]["image"]["reference"] == f"registry.example.org/other/ocean@{digest(1)}"
    elsewhere = compiled(lock(mount_path="/opt/other"), capabilities=CLUSTER, previous=before)
    assert elsewhere.candidates == ["ocean"]


def test_a_cluster_of_two_architectures_needs_the_image_for_both() -> None:
    both = {**CLUSTER, "platforms": ["linux/amd64", "linux/arm64"]}
    with pytest.raises(VreErrors, match="not there for linux/arm64"):
        compiled(capabilities=both)
    platforms = {name: {"digest": digest(5), "size": size} for name, size in (("linux/amd64", 7), ("linux/arm64", 9))}
    images = {name: {**image, "platforms": platforms} for name, image in lock()["images"].items()}
    found = compiled({"version": 1, "images": images}, capabilities=both)
    assert found.manifest["images"]["ocean"]["candidate"]["size"] == 9


def test_what_only_a_batch_system_knows_has_no_effect_on_a_cluster() -> None:
    resources = {"gpu": {"title": "GPU", "cpu": 2, "gpu": 1, "time": "2h", "partition": "long", "account": "a1"}}
    found = compiled(offer={**OFFER, "resources": {**OFFER["resources"], **resources}}, capabilities=CLUSTER)
    told = {"title": {"en": "GPU"}, "description": {}, "cpu": 2.0, "memory": None, "gpu": 1}
    assert found.manifest["resources"]["gpu"] == told
    assert [note.split(": ")[1].split()[0] for note in found.notes] == ["time", "partition", "account"]


def test_other_mounts_retain_nothing() -> None:
    found = compiled(lock(ocean=2), previous={**after(1, 2), "mount_kind": "directory"})
    assert states(found.manifest) == (None, digest(2), [])


def test_every_reference_that_is_needed() -> None:
    found = _manifest.references(compiled(lock(ocean=3), previous=after(1, 2)).manifest)
    oceans = [("business", f"registry.example.org/vre/ocean@{digest(number)}") for number in (1, 2, 3)]
    assert sorted(found) == [*oceans, ("system", f"registry.example.org/vre/lab@{digest(2)}")]


def test_unpacked_images_are_mounted_from_the_store() -> None:
    found = compiled(capabilities={**CAPABILITIES, "mount_kind": "directory"}, store="/srv/store")
    ocean, lab = (found.manifest["images"][name]["candidate"] for name in ("ocean", "lab"))
    assert ocean["mount"]["Source"] == f"/srv/store/{digest(1)[7:]}"
    assert lab["launch"] == {"image": lab["reference"]}


def test_what_leaves_the_offer_leaves_the_manifest() -> None:
    both = {"version": 1, "images": {**lock()["images"], "sea": locked("sea", "business", 5)}}
    offer = {**OFFER, "business": ["ocean", "sea"]}
    before = compiled(both, offer=offer).manifest
    assert list(before["images"]) == ["lab", "ocean", "sea"]
    assert list(compiled(both, previous=before).manifest["images"]) == ["lab", "ocean"]


def test_texts_change_without_a_check() -> None:
    after = compiled(lock(title={"en": "Sea"}), previous=checked())
    assert after.candidates == []
    assert after.manifest["images"]["ocean"]["title"] == {"en": "Sea"}


@pytest.mark.parametrize("more", [{"mount_path": "/opt/other"}, {"subpath": "opt/envs"}])
def test_the_same_image_at_another_place_is_checked_again(more: dict[str, Any]) -> None:
    again = compiled(lock(**more), previous=checked())
    assert again.candidates == ["ocean"]
    assert again.manifest["images"]["ocean"]["offered"] == checked()["images"]["ocean"]["offered"]


def test_a_name_that_becomes_another_kind_starts_anew() -> None:
    other = {"version": 1, "images": {"lab": locked("lab", "system", 2), "ocean": locked("ocean", "system", 3)}}
    again = compiled(
        other, offer={"system": ["lab", "ocean"], "compositions": {"x": {"system": "ocean"}}}, previous=checked()
    )
    assert again.manifest["images"]["ocean"]["offered"] is None
    assert again.candidates == ["ocean"]


def test_another_mount_kind_is_checked_again() -> None:
    before = {**checked(), "mount_kind": "directory"}
    after = compiled(previous=before)
    assert after.candidates == ["lab", "ocean"]
    assert any("mount kind changed" in note for note in after.notes)


def test_limits_that_the_host_cannot_keep_are_null_and_told() -> None:
    found = compiled(capabilities={**CAPABILITIES, "cgroup": {"memory": True, "cpu": False}})
    assert found.manifest["resources"]["small"]["cpu"] is None
    assert found.manifest["resources"]["small"]["memory"] == 2147483648
    assert found.notes == ["resources small: this host cannot limit processors, so sessions are not limited in it"]


def test_a_foreign_layout() -> None:
    found = compiled(lock(mount_path="/opt/conda/envs", subpath="opt/conda/envs", environments={}))
    pin = found.manifest["images"]["ocean"]["candidate"]
    assert pin["envs_dir"] == "/opt/conda/envs"
    assert pin["mount"]["ImageOptions"] == {"Subpath": "opt/conda/envs"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"capabilities": {**CAPABILITIES, "mount_kind": None, "reason": "too old. Remedy: newer"}},
            "too old. Remedy: newer",
        ),
        ({"mount_kind": "directory"}, "mount kind directory cannot be used: no store"),
        ({"mount_kind": "squashfs"}, "mount kind squashfs cannot be used: substrate docker does not know it"),
        ({"capabilities": {**CAPABILITIES, "platform": "linux/arm64"}}, "the image is not there for linux/arm64"),
        ({"offer": {}}, "the offer is empty"),
        ({"offer": {**OFFER, "business": ["sea"]}}, "vre_offer.business: there is no image sea in the lock"),
        ({"centre": {}}, "vre_centre.name: the centre has no usable name"),
        ({"centre": {"name": "example", "title": "{{ x }}"}}, "vre_centre.title: must be plain text"),
        ({"centre": {"name": "example", "titel": "x"}}, "vre_centre: unknown key titel. Remedy: did you mean title?"),
        ({"keep": 0}, "vre_keep: what is on offer is always kept (got 0). Remedy: use 1 or more"),
        ({"check_user": "a b"}, "vre_check_user: this cannot be a user's name"),
        ({"the_lock": {}}, "no lock of a known version"),
        ({"the_lock": lock(reference="registry.example.org/{username}:1")}, "reference: this is no complete"),
        ({"the_lock": lock(digest="sha256:{}")}, "digest must be"),
        ({"the_lock": lock(mount_path="/opt/{username}")}, "mount_path must be"),
    ],
)
def test_what_cannot_be_compiled_is_told(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(VreErrors) as caught:
        compiled(**changes)
    assert words in str(caught.value)


def test_everything_is_told_at_once() -> None:
    with pytest.raises(VreErrors) as caught:
        compiled(offer={**OFFER, "x": 1}, centre={}, check_user="", mount_kind="directory")
    assert len(caught.value.problems) == 4


def test_promote_takes_names_of_the_manifest_only() -> None:
    with pytest.raises(VreError, match=r"no image ocaen\. Remedy: did you mean ocean\?"):
        _manifest.promote(checked(), {"ocaen": digest(1)})
    before = checked()
    assert _manifest.promote(before, {"ocean": digest(1)}).manifest == before


def test_what_is_written_is_read_again() -> None:
    manifest = compiled().manifest
    assert _manifest.load(_manifest.dump(manifest)) == manifest


def junk(**changes: Any) -> str:
    manifest = copy.deepcopy(checked())
    manifest["images"]["ocean"].update(changes)
    return json.dumps(manifest)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "junk",
        "[]",
        '{"version": 2, "images": {}}',
        '{"version": 1}',
        '{"version": 1, "images": {"ocean": null}}',
        '{"version": 1, "images": {"ocean": {}}}',
        junk(offered="x"),
        junk(offered={}),
        junk(candidate={"digest": "latest"}),
        junk(retained="x"),
        junk(retained=[{"digest": "latest"}]),
        junk(retained=[{"digest": digest(1)}]),
    ],
)
def test_junk_is_no_manifest(text: str) -> None:
    with pytest.raises(VreError):
        _manifest.load(text)


def test_200_images_take_no_time() -> None:
    names = [f"tiny{number:03}" for number in range(200)]
    images = {name: locked(name, "business", number) for number, name in enumerate(names)}
    many = {"version": 1, "images": {"lab": locked("lab", "system", 999), **images}}
    started = time.monotonic()
    found = compiled(many, offer={"system": ["lab"], "business": ["*"]})
    text = _manifest.dump(found.manifest)
    assert time.monotonic() - started < 0.2
    assert len(json.loads(text)["images"]) == 201


def test_an_image_that_is_not_on_the_host_keeps_what_was_offered() -> None:
    reference = f"registry.example.org/vre/ocean@{digest(3)}"
    before = checked()
    later = compiled(lock=lock(ocean=3), previous=before, absent=[reference])
    assert later.manifest["images"]["ocean"]["offered"] == before["images"]["ocean"]["offered"]
    assert later.candidates == []
    assert later.notes == ["ocean 1 is not on this host (yet): 1 stays on offer"]
    first = compiled(lock=lock(ocean=3), absent=[reference])
    assert first.candidates == ["lab"]
    assert first.notes == ["ocean 1 is not on this host (yet): not on offer"]
    assert _manifest.load(_manifest.dump(first.manifest))
