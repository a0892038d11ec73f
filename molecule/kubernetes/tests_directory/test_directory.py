"""A cluster that mounts no images: they are unpacked into a claim, which pods mount read-only, each at its path."""

from __future__ import annotations

import json

from gaia_lab.centre import OCEAN, run, shown
from gaia_lab.client import HubClient
from gaia_lab.pods import OURS, kubectl, listed, session

ATMOSPHERE = "conda-env-atmosphere-atmosphere-py"
BOTH = {"choice": "free", "system": "lab", "business": ["ocean", "atmosphere"]}
CLAIM = "gaia-vre-store"


def test_again_it_changes_nothing() -> None:
    assert run("deploy").changed == 0
    assert run("deploy", check=True).changed == 0
    assert "mount kind directory" in run("status").text


def test_two_ticked_images_are_folders_of_the_claim_with_kernels_of_both(alice: HubClient) -> None:
    alice.start(BOTH)
    pod = session("alice")
    assert not [volume for volume in pod["spec"]["volumes"] if "image" in volume]
    (name,) = [
        volume["name"]
        for volume in pod["spec"]["volumes"]
        if (volume.get("persistentVolumeClaim") or {}).get("claimName") == CLAIM
    ]
    mounts = [one for one in pod["spec"]["containers"][0]["volumeMounts"] if one["name"] == name]
    assert {one["mountPath"] for one in mounts} == {"/opt/gaia/ocean", "/opt/gaia/atmosphere"}
    assert all(one["readOnly"] and one["subPath"] for one in mounts)
    digests = json.loads(pod["metadata"]["annotations"]["gaia-data.org/images"])
    assert shown(alice)[1] == digests["ocean"]
    done = alice.run(ATMOSPHERE, "open('/opt/gaia/atmosphere/envs/atmosphere/new', 'w')")
    assert "Read-only file system" in done.error or "Permission denied" in done.error
    assert OCEAN in alice.kernelspecs()


def test_only_system_images_are_kept_on_the_nodes_beside_those_of_before() -> None:
    groups = {one["metadata"]["name"]: one["spec"]["template"]["spec"] for one in listed("daemonset", OURS)}
    runs = [spec for spec in groups.values() if not spec.get("volumes")]
    assert [[one["image"].partition("@")[0].rpartition("/")[2] for one in spec["containers"]] for spec in runs] == [
        ["lab"]
    ]


def test_no_job_is_left() -> None:
    assert listed("job", OURS) == []
    (claim,) = json.loads(kubectl("get", "pvc", f"--selector={OURS}", "--output=json"))["items"]
    assert (claim["metadata"]["name"], claim["status"]["phase"]) == (CLAIM, "Bound")
