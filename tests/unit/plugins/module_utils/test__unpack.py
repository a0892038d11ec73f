"""The claim and the Job of a store in a cluster, and what the Job runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _unpack
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._prepull import Settings
from ansible_collections.gaia_data.vre.plugins.module_utils._store import layout, unpack
from ansible_collections.gaia_data.vre.plugins.module_utils._store.store import wanted

HEX = "0123456789abcdef" * 4
IMAGES = wanted(
    layout.DEFAULT,
    [
        {"reference": f"registry.example.org/vre/ocean@sha256:{HEX}", "subpath": ""},
        {"reference": f"registry.example.org/vre/old@sha256:{HEX[::-1]}", "subpath": "opt/conda/envs"},
    ],
)
STORE_IMAGE = "registry.example.org/vre/store:2026.11"
PEM = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"


def claim(annotation: str | None = None) -> dict[str, Any]:
    found = _unpack.claim("shared", "1Gi")
    found["metadata"]["resourceVersion"] = "7"
    if annotation is not None:
        found["metadata"]["annotations"] = {_unpack.STORED: annotation}
    return found


def test_the_claim() -> None:
    assert claim()["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": "shared",
    }
    assert "storageClassName" not in _unpack.claim("", "1Gi")["spec"]


def test_what_is_in_the_store_is_remembered_at_the_claim() -> None:
    keys = [_unpack.key(image) for image in IMAGES]
    assert keys == [HEX, f"{HEX[::-1]}/opt/conda/envs"]
    change = _unpack.remembered(claim(json.dumps(["x"])), keys)
    assert change["metadata"]["resourceVersion"] == "7"
    assert _unpack.stored({"metadata": change["metadata"]}) == {"x", *keys}


@pytest.mark.parametrize("junk", [None, "", "junk", "7"])
def test_a_claim_that_says_nothing_remembers_nothing(junk: str | None) -> None:
    assert _unpack.stored(claim(junk)) == set()


def test_registries_without_logins_and_with_their_authorities(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(PEM)
    options = {"username": "vre", "password": "secret", "ca_file": str(tmp_path / "ca.pem"), "mirrors": ["m/x"]}
    found = _unpack.reached({"registry.example.org": options, "plain": {"plain_http": True}})
    assert found == {
        "registry.example.org": {"mirrors": ["m/x"], "authority": PEM},
        "plain": {"plain_http": True},
    }
    folder = tmp_path / "pem"
    folder.mkdir()
    again = unpack.settings(found, folder)
    assert Path(again["registry.example.org"].pop("ca_file")).read_text() == PEM
    assert again == {"registry.example.org": {"mirrors": ["m/x"]}, "plain": {"plain_http": True}}
    with pytest.raises(VreError, match="registries: r: ca_file: the authority cannot be read"):
        _unpack.reached({"r": {"ca_file": str(tmp_path / "nowhere")}})


def test_the_job() -> None:
    text = _unpack.asked(IMAGES, {}, "linux/amd64", True, 4, 60.0)
    found = _unpack.job(text, STORE_IMAGE, Settings("gaia-vre-registries", node_selector={"vre": "yes"}), 60.0)
    assert found["metadata"]["name"] == _unpack.job(text, STORE_IMAGE, Settings(), 60.0)["metadata"]["name"]
    assert found["metadata"]["name"] != _unpack.job(text + " ", STORE_IMAGE, Settings(), 60.0)["metadata"]["name"]
    template = found["spec"]["template"]
    asked = json.loads(template["metadata"]["annotations"][_unpack.INPUT])
    assert asked["images"][1]["subpath"] == "opt/conda/envs"
    assert asked["authfile"] == "/run/gaia-vre/login/config.json"
    pod = template["spec"]
    assert pod["containers"][0]["command"] == ["python3", "-m", unpack.__name__, _unpack.FILE]
    assert {one["name"]: one["mountPath"] for one in pod["containers"][0]["volumeMounts"]} == {
        "store": layout.DEFAULT,
        "input": "/run/gaia-vre/input",
        "login": "/run/gaia-vre/login",
    }
    assert pod["imagePullSecrets"] == [{"name": "gaia-vre-registries"}]
    assert pod["securityContext"]["runAsNonRoot"]
    without = _unpack.job(_unpack.asked(IMAGES, {}, "linux/amd64", False, 4, 60.0), STORE_IMAGE, Settings(), 60.0)
    assert "login" not in json.dumps(without)


@pytest.mark.parametrize(
    ("conditions", "ended"),
    [
        (None, None),
        ([{"type": "FailureTarget", "status": "True"}], None),
        ([{"type": "SuccessCriteriaMet", "status": "True"}, {"type": "Complete", "status": "True"}], "Complete"),
        (
            [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "Job was active longer"}],
            "Job was active longer",
        ),
    ],
)
def test_how_a_job_ends(conditions: Any, ended: str | None) -> None:
    assert _unpack.ended({"status": {"conditions": conditions}}) == ended


def test_the_last_line_is_what_came_of_it() -> None:
    log = 'ocean is there\n{"brought": ["r/ocean@sha256:0"], "problems": {"r/old@sha256:1": "no such folder"}}\n'
    assert _unpack.result(log) == (["r/ocean@sha256:0"], {"r/old@sha256:1": "no such folder"})
    for words in ("", "the disk of the store is full", "{}", "[]"):
        with pytest.raises(VreError, match="image_unpack: the images were not unpacked"):
            _unpack.result(words)


def test_what_the_job_runs_speaks_in_sentences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "unpack.json"
    path.write_text(_unpack.asked(IMAGES, {}, "linux/amd64", False, 4, 60.0).replace(layout.DEFAULT, "/"))
    assert unpack.main(str(path)) == 1
    assert "this cannot be the store's folder" in capsys.readouterr().err
    assert unpack.main(str(tmp_path / "nowhere")) == 1
    assert "No such file" in capsys.readouterr().err
