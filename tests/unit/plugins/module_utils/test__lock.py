"""The lock: what it holds, what stays, what moves, what is refused."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _contract, _lock, _reference
from ansible_collections.gaia_data.vre.plugins.module_utils._catalogue_entry import Entry
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors
from ansible_collections.gaia_data.vre.plugins.module_utils._registry import HostError, PlatformImage, RemoteImage

AMD64 = ("linux/amd64",)


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def entry(name: str = "ocean", kind: str = "business", tag: str = "2026.1", **more: Any) -> Entry:
    text = f"registry.example.org/vre/{name}:{tag}"
    return Entry(name, f"c.yml:{len(name)}", kind, _reference.parse(text), text, {"en": name.title()}, **more)


def labels(name: str = "ocean", kind: str = "business", version: str = "2026.1", **environments: Any) -> dict[str, str]:
    found = {_contract.LABEL_CONTRACT: "1", _contract.LABEL_KIND: kind, _contract.LABEL_VERSION: version}
    if kind == "business":
        found[_contract.LABEL_MOUNT_PATH] = f"/opt/gaia/{name}"
        found[_contract.LABEL_ENVIRONMENTS] = json.dumps(environments or {name: environment()})
    return found


def environment(kernel: str = "python3", **packages: str) -> dict[str, Any]:
    spec = {"language": "python", "display_name": "Python 3"}
    return {"kernels": {kernel: spec}, "packages": packages or {"numpy": "2.1.0"}}


def remote(item: Entry, number: int, found: dict[str, str] | None = None, platform: str = "linux/amd64") -> RemoteImage:
    known = labels(item.name, item.kind, item.reference.tag) if found is None else found
    image = PlatformImage(digest(number), 1000 + number, known)
    return RemoteImage(item.text, digest(number), {platform: image})


GONE = VreError("the image is not in the registry", "registry.example.org/vre/ocean:2026.1", None, "push it")
OTHER_PLATFORM = {**labels(), _contract.LABEL_PLATFORM: "linux/arm64"}


def make(
    found: Mapping[Any, RemoteImage | VreError],
    former: _lock.Images | None = None,
    update: Sequence[str] = (),
    pinned: Mapping[str, RemoteImage | VreError] | None = None,
    platforms: Sequence[str] = AMD64,
) -> _lock.Locked:
    entries = list(found)
    answers: dict[str, RemoteImage | VreError] = {e.reference.to_inspect: found[e] for e in entries}
    pins = _lock.moved_pins(entries, former or {}, answers, update)
    answers.update(pinned or {})
    return _lock.make(entries, former or {}, answers, pins, platforms)


# Entry holds mappings, so it has no hash of its own.
class Key(Entry):
    """An entry that can be a key."""

    def __hash__(self) -> int:
        return hash(self.name)


def key(item: Entry) -> Key:
    return Key(**{name: getattr(item, name) for name in item.__dataclass_fields__})


OCEAN, LAB = key(entry()), key(entry("lab", "system"))
LOCKED = {OCEAN: remote(OCEAN, 1), LAB: remote(LAB, 2)}


def test_a_lock_is_sorted_and_says_what_the_images_hold() -> None:
    lock = make(LOCKED).lock
    assert list(lock["images"]) == ["lab", "ocean"]
    assert lock["images"]["lab"] == {
        "kind": "system",
        "reference": "registry.example.org/vre/lab:2026.1",
        "digest": digest(2),
        "platforms": {"linux/amd64": {"digest": digest(2), "size": 1002}},
        "version": "2026.1",
        "title": {"en": "Lab"},
    }
    assert lock["images"]["ocean"]["mount_path"] == "/opt/gaia/ocean"
    assert lock["images"]["ocean"]["environments"] == {"ocean": environment()}


def test_a_lock_passes_its_own_check_and_texts_of_the_catalogue_are_in_it() -> None:
    rich = key(entry(description={"en": "d"}, keywords=("k",), documentation="https://x", contact="c", license="MIT"))
    lock = make({rich: remote(rich, 1)}).lock
    assert _lock.check(lock) == lock["images"]
    assert [lock["images"]["ocean"][name] for name in ("description", "keywords", "license")] == [
        {"en": "d"},
        ["k"],
        "MIT",
    ]


def test_a_tag_that_moved_is_told_and_not_followed() -> None:
    former = make(LOCKED).lock["images"]
    moved = {OCEAN: remote(OCEAN, 9), LAB: remote(LAB, 2)}
    pinned = {OCEAN.reference.at(digest(1)): remote(OCEAN, 1)}
    locked = make(moved, former, pinned=pinned)
    assert locked.lock["images"] == former
    assert locked.moved == [
        {"name": "ocean", "reference": OCEAN.text, "locked": digest(1), "now": digest(9)},
    ]


@pytest.mark.parametrize("update", [["ocean"], ["*"]])
def test_update_follows_the_tag(update: list[str]) -> None:
    former = make(LOCKED).lock["images"]
    locked = make({OCEAN: remote(OCEAN, 9), LAB: remote(LAB, 2)}, former, update)
    assert locked.lock["images"]["ocean"]["digest"] == digest(9)
    assert locked.moved == []


def test_another_reference_in_the_catalogue_is_followed() -> None:
    former = make(LOCKED).lock["images"]
    newer = key(entry(tag="2026.2"))
    locked = make({newer: remote(newer, 9), LAB: remote(LAB, 2)}, former)
    assert locked.lock["images"]["ocean"]["digest"] == digest(9)
    assert locked.moved == []


def test_a_tag_that_is_gone_keeps_its_pin_while_the_digest_is_there() -> None:
    former = make(LOCKED).lock["images"]
    gone = VreError("the image is not in the registry", OCEAN.text)
    pinned = {OCEAN.reference.at(digest(1)): remote(OCEAN, 1)}
    locked = make({OCEAN: gone}, former, pinned=pinned)
    assert locked.moved[0]["now"] == ""
    assert locked.lock["images"]["ocean"] == former["ocean"]
    both = {OCEAN.reference.at(digest(1)): VreError("the image is not in the registry", OCEAN.reference.at(digest(1)))}
    with pytest.raises(VreErrors, match=r"c\.yml:5: image ocean: the image is not in the registry"):
        make({OCEAN: gone}, former, pinned=both)


def test_update_of_an_unknown_name_is_an_error() -> None:
    assert [str(p) for p in _lock.check_update(["ocaen", "*"], ["ocean"])] == [
        "update: image ocaen is not in the offer. Remedy: did you mean ocean?"
    ]


@pytest.mark.parametrize(
    ("item", "answer", "words"),
    [
        (OCEAN, GONE, "c.yml:5: image ocean: the image is not in the registry"),
        (OCEAN, remote(OCEAN, 1, {}), "has no label org.gaia-data.vre.contract"),
        (OCEAN, remote(OCEAN, 1, labels(kind="system")), "the catalogue says business, the image says system"),
        (LAB, remote(LAB, 1, labels("lab")), "the catalogue says system, the image says business"),
        (OCEAN, remote(OCEAN, 1, labels("sea")), "the image is made for /opt/gaia/sea, not for /opt/gaia/ocean"),
        (OCEAN, remote(OCEAN, 1, platform="linux/arm64"), "is not there for linux/amd64, only for linux/arm64"),
        (OCEAN, remote(OCEAN, 1, OTHER_PLATFORM), "platform does not say linux/amd64"),
        (OCEAN, remote(OCEAN, 1, labels(ocean={"kernels": {}, "packages": {}})), "environment ocean has no kernel"),
        (OCEAN, RemoteImage(OCEAN.text, digest(1), {}), "is not there for linux/amd64, only for none"),
    ],
)
def test_images_that_cannot_be_are_refused(item: Key, answer: RemoteImage | VreError, words: str) -> None:
    with pytest.raises(VreErrors) as caught:
        make({item: answer})
    assert words in str(caught.value)
    assert str(caught.value).startswith("c.yml:")


def test_all_images_are_judged_and_a_silent_registry_is_told_once() -> None:
    silent = HostError("registry registry.example.org does not answer", "registries: registry.example.org")
    found: dict[Key, Any] = {key(entry(f"silent{i}")): silent for i in range(5)}
    found[OCEAN] = remote(OCEAN, 1, labels("sea"))
    with pytest.raises(VreErrors) as caught:
        make(found)
    assert len(caught.value.problems) == 2


def test_a_place_of_the_catalogue_serves_a_foreign_layout() -> None:
    foreign = key(entry(mount_path="/opt/conda/envs", subpath="opt/conda/envs"))
    image = make({foreign: remote(foreign, 1, {})}).lock["images"]["ocean"]
    assert (image["mount_path"], image["subpath"], image["environments"]) == ("/opt/conda/envs", "opt/conda/envs", {})
    assert _lock.envs_dir(image["mount_path"]) == "/opt/conda/envs"
    assert _lock.envs_dir("/opt/gaia/ocean") == "/opt/gaia/ocean/envs"


def test_a_mount_path_without_subpath_is_no_excuse_for_missing_labels() -> None:
    foreign = key(entry(mount_path="/opt/gaia/sea"))
    with pytest.raises(VreErrors, match="no VRE image"):
        make({foreign: remote(foreign, 1, {})})
    assert make({foreign: remote(foreign, 1, labels("sea"))}).lock["images"]["ocean"]["mount_path"] == "/opt/gaia/sea"


def test_two_images_for_one_path_clash() -> None:
    other = key(entry("ocean-old", mount_path="/opt/gaia/ocean"))
    with pytest.raises(VreErrors, match="want to be mounted at the same place"):
        make({OCEAN: remote(OCEAN, 1), other: remote(other, 2, labels("ocean"))})


def test_kernels_of_one_name_clash() -> None:
    one, two = key(entry("a")), key(entry("a-b"))
    with pytest.raises(VreErrors, match=r"have a kernel of the same name \(got 'conda-env-a-b-c-py'\)"):
        make(
            {
                one: remote(one, 1, labels("a", "business", "1", **{"b-c": environment()})),
                two: remote(two, 2, labels("a-b", c=environment())),
            }
        )


def test_platforms_must_have_the_same_kernels() -> None:
    both = {
        "linux/amd64": PlatformImage(digest(1), 1, labels()),
        "linux/arm64": PlatformImage(digest(2), 2, labels(ocean=environment("ir"))),
    }
    with pytest.raises(VreErrors, match="do not have the same kernels"):
        make({OCEAN: RemoteImage(OCEAN.text, digest(9), both)}, platforms=["linux/amd64", "linux/arm64"])
    both["linux/arm64"] = PlatformImage(digest(2), 2, labels())
    image = make({OCEAN: RemoteImage(OCEAN.text, digest(9), both)}, platforms=list(both)).lock["images"]["ocean"]
    assert list(image["platforms"]) == ["linux/amd64", "linux/arm64"]
    assert image["digest"] == digest(9)


def newer(**environments: Any) -> dict[Key, RemoteImage]:
    item = key(entry(tag="2026.2"))
    return {item: remote(item, 2, labels(version="2026.2", **environments))}


NEW_PACKAGES = dict.fromkeys("abcdefg", "2")


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ({}, {OCEAN: remote(OCEAN, 1)}, ["+ ocean 2026.1, 1 environment"]),
        ({OCEAN: remote(OCEAN, 1)}, {}, ["- ocean 2026.1"]),
        ({OCEAN: remote(OCEAN, 1)}, {OCEAN: remote(OCEAN, 1)}, []),
        (
            {OCEAN: remote(OCEAN, 1)},
            newer(ocean=environment(numpy="2.2.0"), deep=environment()),
            ["ocean 2026.1 → 2026.2, +1 environment (deep), numpy 2.1.0 → 2.2.0"],
        ),
        (
            {OCEAN: remote(OCEAN, 1)},
            newer(ocean=environment(numpy="2.2.0", scipy="1")),
            ["ocean 2026.1 → 2026.2, numpy 2.1.0 → 2.2.0, +scipy 1"],
        ),
        (
            {OCEAN: remote(OCEAN, 1, labels(ocean=environment(), deep=environment()))},
            {OCEAN: remote(OCEAN, 2)},
            ["ocean 2026.1, rebuilt (000000000000 → 000000000000), -1 environment (deep)"],
        ),
        (
            {OCEAN: remote(OCEAN, 1, labels(ocean=environment(**dict.fromkeys(NEW_PACKAGES, "1"))))},
            {key(entry(tag="2")): remote(entry(tag="2"), 2, labels(version="2", ocean=environment(**NEW_PACKAGES)))},
            ["ocean 2026.1 → 2, a 1 → 2, b 1 → 2, c 1 → 2, d 1 → 2, e 1 → 2, and 2 more packages"],
        ),
        ({OCEAN: remote(OCEAN, 1)}, {key(entry(license="MIT")): remote(OCEAN, 1)}, ["ocean, license changed"]),
        (
            {OCEAN: remote(OCEAN, 1)},
            {key(entry(tag="stable")): remote(OCEAN, 1)},
            ["ocean, same image by another reference (registry.example.org/vre/ocean:stable)"],
        ),
    ],
)
def test_changes_for_people(before: Any, after: Any, lines: list[str]) -> None:
    assert _lock.changes(make(before).lock["images"], make(after).lock["images"]) == lines


def broken(path: str, value: Any) -> Any:
    lock = copy.deepcopy(make(LOCKED).lock)
    *parents, last = path.split("/")
    place = lock
    for name in parents:
        place = place[name]
    place[last] = value
    return lock


@pytest.mark.parametrize(
    ("lock", "words"),
    [
        (None, "no lock of a known version"),
        ({}, "no lock of a known version"),
        (broken("version", 2), "no lock of a known version"),
        (broken("images", []), "no lock of a known version"),
        (broken("images/A", {}), "this is no name of an image"),
        (broken("images/ocean", "x"), "kind must be"),
        (broken("images/ocean/kind", "x"), "kind must be"),
        (broken("images/ocean/reference", "r.example.org/{username}:1"), "reference: this is no complete"),
        (broken("images/ocean/digest", "latest"), "digest must be"),
        (broken("images/ocean/platforms", {}), "platforms must name"),
        (broken("images/ocean/platforms", {"windows": {}}), "platform windows is none"),
        (broken("images/ocean/platforms/linux~amd64", {}), "platform linux~amd64 is none"),
        (broken("images/ocean/mount_path", "/opt/{x}"), "mount_path must be"),
        (broken("images/ocean/subpath", "../x"), "subpath must be"),
        (broken("images/ocean/environments", None), "environments must be"),
        (broken("images/ocean/environments", {"..": {}}), "environment .. has a name"),
        (broken("images/ocean/environments", {"a": {"kernels": {"../x": {}}}}), "environment a has kernels"),
    ],
)
def test_a_lock_that_somebody_edited_is_refused(lock: Any, words: str) -> None:
    with pytest.raises(VreErrors) as caught:
        _lock.check(lock)
    assert words in str(caught.value)


def test_200_images_take_no_time() -> None:
    items = [key(entry(f"tiny{number:03}")) for number in range(200)]
    found = {item: remote(item, number) for number, item in enumerate(items)}
    started = time.monotonic()
    assert len(make(found).lock["images"]) == 200
    assert time.monotonic() - started < 0.5
