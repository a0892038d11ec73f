"""Plays on the deployed centre: looking changes nothing, a hub that others deploy gets a file of values."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from ansible_collections.gaia_data.vre.plugins.module_utils import _config_map
from ansible_collections.gaia_data.vre.plugins.module_utils._state import MANIFEST
from gaia_lab.centre import CENTRE, STATE, run
from gaia_lab.client import HubClient
from gaia_lab.kubernetes.centre import CHART
from gaia_lab.pods import NAMESPACE, OURS, hub, kubectl, listed
from gaia_lab.trouble import until


def test_deploy_in_check_mode_changes_nothing() -> None:
    assert run("deploy", check=True).changed == 0


def test_verify_runs_every_kernel_on_offer() -> None:
    done = run("verify")
    assert done.changed == 0
    for image in ("ocean", "atmosphere", "biodiversity", "geo"):
        assert f"{image}, conda-env-{image}-" in done.text, done.text[-3000:]


def test_status_names_images_and_pods() -> None:
    done = run("status")
    assert "Substrate kubernetes, mount kind image." in done.text, done.text[-3000:]
    assert "Offered: ocean" in done.text


def test_an_announcement_is_shown_at_once(alice: HubClient) -> None:
    before = hub()
    run("maintenance", {"state": "announce", "text": "On Friday from 18:00."})
    try:
        # The hub is told at once; the kubelet writes the new text when it comes round to the pod.
        until(lambda: "On Friday from 18:00." in alice.launch_page(), 90)
    finally:
        run("maintenance", {"state": "off"})
    assert hub() == before, "the hub was not restarted"


@pytest.mark.parametrize("playbook", ["backup", "restore"])
def test_a_copy_is_the_clusters(playbook: str) -> None:
    done = run(playbook, {"archive": "/nowhere"}, fails=True)
    assert "PersistentVolumeClaims of namespace jupyterhub" in done.text
    assert "Remedy: have these claims" in done.text
    assert done.changed == 0


def test_a_hub_that_others_deploy_gets_a_file_of_values(tmp_path: Path) -> None:
    before = hub()
    others = {"kubernetes_manage_hub": False, "kubernetes_values_overlay": str(tmp_path / "values.yml")}
    assert run("deploy", others).changed == 1, "the file"
    assert run("deploy", others).changed == 0
    values = yaml.safe_load((tmp_path / "values.yml").read_text())
    assert set(values) == {"hub", "imagePullSecrets", "prePuller"}
    (code,) = [
        volume["configMap"]["name"] for volume in values["hub"]["extraVolumes"] if volume["name"] == "gaia-vre-hub"
    ]
    assert code in [item["metadata"]["name"] for item in listed("configmap", OURS)]
    assert run("publish", others).changed == 0
    assert hub() == before


def test_with_this_file_a_hub_of_others_is_as_one_of_ours(tmp_path: Path, alice: HubClient) -> None:
    overlay, centre = tmp_path / "overlay.yml", tmp_path / "centre.yml"
    others = {"kubernetes_manage_hub": False, "kubernetes_values_overlay": str(overlay)}
    run("deploy", others)
    settings = yaml.safe_load((CENTRE / "group_vars/vre_hubs/vre.yml").read_text())
    centre.write_text(yaml.safe_dump(settings["kubernetes_values"]))
    values = [f"--values={file}" for file in (STATE / "values.yml", centre, overlay)]
    upgrade = ["helm", "upgrade", "jupyterhub", str(CHART), f"--namespace={NAMESPACE}", "--wait", *values]
    subprocess.run(upgrade, check=True, stdout=subprocess.DEVNULL)
    assert run("publish", others).changed == 0
    alice.login()
    alice.start({"choice": "free", "system": "lab", "business": ["ocean"]})
    assert run("deploy").changed == 0, "Helm has the very values that it has from the role"


def test_no_secret_is_in_what_is_not_one() -> None:
    login = json.loads((Path(os.environ["GAIA_LAB_STATE"]) / "lab.json").read_text())["registry"]
    data = json.loads(kubectl("get", "secret", "gaia-vre-registries", "--output=jsonpath={.data}"))
    config = json.loads(base64.b64decode(data[".dockerconfigjson"]))
    auths = [str(one["auth"]) for one in config["auths"].values()]
    assert any(login["password"] in base64.b64decode(auth).decode() for auth in auths)
    texts = _config_map.texts(json.loads(kubectl("get", "configmap", "gaia-vre", "--output=json")))
    assert '"images"' in texts[MANIFEST], "it was unpacked"
    assert not [name for name, text in texts.items() if any(one in text for one in (login["password"], *auths))]
