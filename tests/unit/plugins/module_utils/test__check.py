"""What the check asks for, and what it writes down."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _check
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._hub import Bounds, Expected
from ansible_collections.gaia_data.vre.plugins.module_utils._state import Folder
from gaia_vre_hub.checks import Checks


def pin(envs_dir: str, *environments: str) -> dict[str, Any]:
    kernels: dict[str, Any] = {name: {"kernels": {"python3": {}}} for name in environments}
    return {"envs_dir": envs_dir, "environments": kernels, "digest": f"sha256:{len(environments):064x}", "version": ""}


MANIFEST: dict[str, Any] = {
    "images": {
        "lab": {"kind": "system", "offered": {"launch": {}, "digest": f"sha256:{9:064x}"}, "candidate": None},
        "ocean": {
            "kind": "business",
            "offered": pin("/opt/gaia/ocean/envs", "ocean"),
            "candidate": pin("/opt/gaia/ocean/envs", "ocean", "deep"),
        },
        "old": {"kind": "business", "offered": pin("/opt/conda/envs", "py"), "candidate": None},
    }
}


def test_kernels_of_what_is_offered_and_of_candidates() -> None:
    assert _check.expected(MANIFEST, ["ocean"], []) == [Expected("ocean", "ocean", "conda-env-ocean-ocean-py")]
    assert [item.environment for item in _check.expected(MANIFEST, ["ocean"], ["ocean"])] == ["deep", "ocean"]


def test_a_foreign_image_is_named_by_its_folder() -> None:
    assert _check.expected(MANIFEST, ["old"], [])[0].kernel == "conda-env-conda-py-py"


@pytest.mark.parametrize("text", ["junk", "[]", '{"images": 1}'])
def test_no_manifest(text: str, tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(VreError, match="manifest"):
        _check.manifest(Folder(tmp_path / "m.json"))


def test_the_choice_of_the_check() -> None:
    session = {"system": "lab", "images": ["ocean"], "candidates": [], "resources": None}
    assert _check.options(session) == {"system": "lab", "business": ["ocean"]}
    assert _check.options({**session, "candidates": ["ocean"]})["candidate"] == ["ocean"]


def test_without_a_hub_it_tells_what_it_would_try() -> None:
    outcome = _check.run(MANIFEST, "candidates", None, Bounds())
    assert [row["environment"] for row in outcome.results[0]["results"]] == ["deep", "ocean"]
    assert outcome.promote == {}


def result(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    session = {"system": "lab", "images": ["ocean", "old"], "candidates": [], "resources": None}
    return {**session, "results": list(rows), "launch_seconds": 2.0, "error": "", **more}


def row(image: str, **more: Any) -> dict[str, Any]:
    return {"image": image, "environment": image, "kernel": f"k-{image}", "ok": True, "error": "", **more}


def test_the_record_is_what_the_hub_reads_and_drops_what_is_gone() -> None:
    lines = "Traceback (most recent call last)\nModuleNotFoundError: No module\tnamed 'x'"
    failed = row("old", ok=False, error="the kernel died", last_lines=lines)
    outcome = _check.Outcome([result(row("ocean"), failed)])
    gone = {"digest": "sha256:1", "at": "2026-01-01T00:00:00Z", "ok": True}
    before = json.dumps({"version": 1, "images": {"gone": gone, "ocean": {**gone, "ok": False}}})
    checks = Checks.model_validate_json(_check.record(MANIFEST, "offered", outcome, before))
    assert list(checks.images) == ["lab", "ocean", "old"]
    assert (checks.images["ocean"].ok, checks.images["ocean"].kernels) == (True, 1)
    assert checks.images["ocean"].digest == MANIFEST["images"]["ocean"]["offered"]["digest"]
    assert checks.images["old"].failed == ["k-old"]
    assert checks.images["old"].error == "ModuleNotFoundError: No module named 'x'"
    assert (checks.images["lab"].ok, checks.images["lab"].kernels) == (True, 0)


def test_the_record_of_candidates_has_their_digests_and_keeps_the_others() -> None:
    kept = {"digest": "sha256:1", "at": "2026-01-01T00:00:00Z", "ok": True, "kernels": 1, "failed": [], "error": ""}
    before = json.dumps({"version": 1, "images": {"old": kept}})
    tried = {"system": "lab", "images": ["ocean"], "candidates": ["ocean"], "resources": None}
    outcome = _check.Outcome([result(row("ocean"), **tried)])
    found = json.loads(_check.record(MANIFEST, "candidates", outcome, before))["images"]
    assert found["ocean"]["digest"] == MANIFEST["images"]["ocean"]["candidate"]["digest"]
    assert found["ocean"]["former"] == []
    assert found["old"] == kept


def test_what_is_known_of_another_digest_stays_while_that_one_is_staged() -> None:
    offered = MANIFEST["images"]["ocean"]["offered"]["digest"]
    entry = {"digest": offered, "at": "2026-01-01T00:00:00Z", "ok": True, "kernels": 1, "failed": [], "error": ""}
    gone = {**entry, "digest": "sha256:gone"}
    before = json.dumps({"version": 1, "images": {"ocean": {**entry, "former": [gone]}}})
    tried = {"system": "lab", "images": ["ocean"], "candidates": ["ocean"], "resources": None}
    outcome = _check.Outcome([result(row("ocean", ok=False), **tried)])
    found = Checks.model_validate_json(_check.record(MANIFEST, "candidates", outcome, before)).images["ocean"]
    assert not found.ok
    assert [former.digest for former in found.former] == [offered]
    known = found.of(offered)
    assert known
    assert known.ok
    assert found.of("sha256:gone") is None


def test_what_is_on_offer_is_not_recorded_by_a_session_that_no_user_has() -> None:
    tried = {"images": ["ocean", "old"], "candidates": ["ocean"], "resources": None}
    outcome = _check.Outcome([result(row("ocean"), row("old", ok=False), **tried)])
    assert list(json.loads(_check.record(MANIFEST, "candidates", outcome, ""))["images"]) == ["ocean"]


def test_what_the_cluster_had_no_room_for_stays_as_it_was_known() -> None:
    kept = {"digest": "sha256:1", "at": "2026-01-01T00:00:00Z", "ok": True, "kernels": 1, "failed": [], "error": ""}
    before = json.dumps({"version": 1, "images": {"ocean": kept, "old": kept}})
    waits = result(row("ocean", ok=False), row("old", ok=False), launch_seconds=0.0, busy=True, error="no slot")
    outcome = _check.Outcome([waits], unchecked=["lab", "ocean", "old"])
    assert json.loads(_check.record(MANIFEST, "offered", outcome, before))["images"] == {"ocean": kept, "old": kept}
    elsewhere = {**result(row("ocean"), row("old", ok=False)), "resources": "long"}
    outcome = _check.Outcome([waits, elsewhere], unchecked=["lab", "ocean", "old"])
    found = json.loads(_check.record(MANIFEST, "offered", outcome, before))["images"]
    assert found["ocean"] == kept
    assert found["old"]["failed"] == ["k-old"], "where it ran, it failed"


@pytest.mark.parametrize("junk", ["", "{", "[]", '{"images": 3}', "null"])
def test_a_record_that_is_junk_is_made_anew(junk: str) -> None:
    made = _check.record(MANIFEST, "offered", _check.Outcome([result(row("old"))]), junk)
    assert set(json.loads(made)["images"]) == {"lab", "ocean", "old"}


def test_checks_wait_for_each_other() -> None:
    with (
        _check.alone(),
        pytest.raises(VreError, match=r"another check runs since 0 s.*Remedy: wait for it"),
        _check.alone(longest=0),
    ):
        pass
    with _check.alone(longest=0):
        pass


def test_checks_of_two_releases_wait_for_each_other_but_not_for_an_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("hub-1", "hub-2", "lib"):
        (tmp_path / name).mkdir()
    command = ["flock", "--nonblock", str(tmp_path), "true"]
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "hub-1"))
    with _check.alone():
        assert subprocess.run(command, check=False).returncode == 0
        monkeypatch.setattr(sys, "prefix", str(tmp_path / "hub-2"))
        with pytest.raises(VreError, match="another check runs"), _check.alone(longest=0):
            pass


@pytest.mark.parametrize("scope", ["candidates", "offered"])
def test_a_candidate_that_another_play_offers_meanwhile_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scope: str
) -> None:
    path = tmp_path / "manifest.json"
    offered = json.loads(json.dumps(MANIFEST))
    for image in offered["images"].values():
        image.update(offered=image.get("candidate") or image["offered"], candidate=None)
    path.write_text(json.dumps(MANIFEST))
    seen = []

    def run(data: dict[str, Any], *_rest: object) -> _check.Outcome:
        seen.append(data)
        path.write_text(json.dumps(offered))
        return _check.Outcome(failed=[row("ocean", ok=False)] if data == MANIFEST else [])

    monkeypatch.setattr(_check, "run", run)
    data, outcome = _check.settled(Folder(path), scope, None, Bounds(1, 60))
    assert (data, outcome.failed, len(seen)) == (offered, [], 2)


def test_what_fails_is_looked_at_once_where_nothing_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(MANIFEST))
    monkeypatch.setattr(_check, "run", lambda *_rest: _check.Outcome(failed=[row("ocean", ok=False)]))
    assert len(_check.settled(Folder(path), "candidates", None, Bounds(1, 60))[1].failed) == 1
