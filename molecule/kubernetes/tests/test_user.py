"""What a scientist sees and may do, over the wire: the session is a pod with the images as volumes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gaia_lab.client import ClientError, HubClient
from gaia_lab.hostile import FORGED, HOSTILE
from gaia_lab.pods import HUB, SESSIONS, kubectl, listed, session
from gaia_lab.session import lab_client

OCEAN = "conda-env-ocean-ocean-py"
ATMOSPHERE = "conda-env-atmosphere-atmosphere-py"
BOTH = {"choice": "free", "system": "lab", "business": ["ocean", "atmosphere"]}
ONE = {"choice": "free", "system": "lab", "business": ["atmosphere"]}
SHOW = "import json, os, sys, numpy; print(json.dumps([numpy.__version__, sys.prefix, os.getuid()]))"


def shown(client: HubClient, kernel: str, code: str) -> Any:
    done = client.run(kernel, code)
    assert not done.error, done.error
    return json.loads(done.stdout)


def test_two_ticked_images_are_volumes_of_a_pod_with_kernels_of_both(alice: HubClient) -> None:
    alice.start(BOTH)
    specs = set(alice.kernelspecs())
    assert {OCEAN, ATMOSPHERE} <= specs
    assert not any("biodiversity" in name or "geo" in name for name in specs)
    ocean, atmosphere = shown(alice, OCEAN, SHOW), shown(alice, ATMOSPHERE, SHOW)
    assert ocean[0] != atmosphere[0], "the two images hold different versions of numpy"
    assert ocean[1:] == ["/opt/gaia/ocean/envs/ocean", 1000]
    assert atmosphere[1] == "/opt/gaia/atmosphere/envs/atmosphere"

    record = shown(alice, OCEAN, "import os; print(os.environ['GAIA_VRE_SESSION'])")
    digests = {name: image["digest"] for name, image in record["images"].items()}
    assert set(digests) == {"lab", "ocean", "atmosphere"}
    pod = session("alice")
    assert json.loads(pod["metadata"]["annotations"]["gaia-data.org/images"]) == digests
    volumes = [volume["image"]["reference"] for volume in pod["spec"]["volumes"] if "image" in volume]
    assert {reference.partition("@")[2] for reference in volumes} == {digests["ocean"], digests["atmosphere"]}
    assert pod["spec"]["containers"][0]["image"].endswith(digests["lab"])


def test_mounted_environments_are_read_only(alice: HubClient) -> None:
    alice.start(ONE)
    done = alice.run(ATMOSPHERE, "open('/opt/gaia/atmosphere/envs/atmosphere/new', 'w')")
    assert "Read-only file system" in done.error or "Permission denied" in done.error


def test_what_the_user_chose_is_the_limit_of_the_pod(alice: HubClient) -> None:
    alice.start({**ONE, "resources": "large"})
    limits = session("alice")["spec"]["containers"][0]["resources"]["limits"]
    assert (float(limits["cpu"]), int(limits["memory"])) == (2, 2 << 30)


def test_work_in_the_home_survives_a_stop(bob: HubClient) -> None:
    bob.start(ONE)
    bob.run(ATMOSPHERE, "import pathlib; (pathlib.Path.home() / 'kept.txt').write_text('yes')")
    bob.stop()
    assert listed("pod", SESSIONS) == []
    bob.start(ONE)
    done = bob.run(ATMOSPHERE, "import pathlib; print((pathlib.Path.home() / 'kept.txt').read_text())")
    assert done.stdout.strip() == "yes"


def test_a_session_may_ask_the_cluster_nothing(bob: HubClient) -> None:
    bob.start(ONE)
    assert not session("bob")["spec"]["automountServiceAccountToken"]
    done = bob.run(ATMOSPHERE, "import os; print(os.path.exists('/var/run/secrets/kubernetes.io'))")
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("how", ["form", "query", "rest"])
def test_what_is_not_open_to_a_user_is_refused_everywhere(bob: HubClient, how: str) -> None:
    """`ocean` belongs to oceanographers; bob is none."""
    options: dict[str, str | list[str]] = {"system": "lab", "business": ["ocean"]}
    if how == "form":
        answer = bob.post_form({"choice": "free", **options})
    elif how == "query":
        answer = bob.query({"business": ["ocean"]})
    else:
        answer = bob.rest(options)
    assert answer.status_code in ((403,) if how == "rest" else (200, 403)), answer.text[:500]
    assert bob.server() is None, "nothing was started"


def test_nothing_hostile_becomes_a_pod(alice: HubClient) -> None:
    for name, options in HOSTILE.items():
        answer = alice.rest(options)
        assert 400 <= answer.status_code < 500, f"{name}: {answer.text[:500]}"
    assert listed("pod", SESSIONS) == []
    log = kubectl("logs", f"--selector={HUB}", "--tail=-1")
    assert not [line for line in log.splitlines() if line.startswith(FORGED)]


@pytest.mark.parametrize(
    "more",
    [
        {"profile": "x"},
        {"image": "registry.example.org/vre/evil"},
        {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]},
        {"kubespawner_override": {"uid": 0}},
    ],
)
def test_no_trait_of_the_spawner_can_be_sent(alice: HubClient, more: dict[str, Any]) -> None:
    answer = alice.rest({"system": "lab", "business": ["atmosphere"], **more})
    assert 400 <= answer.status_code < 500, answer.text[:500]
    assert listed("pod", SESSIONS) == []


@pytest.mark.parametrize("user", ["alice", "gaia-vre-check"])
def test_a_wrong_password_and_the_user_of_the_check_are_refused(user: str) -> None:
    client = lab_client("alice")
    client.user, client.password = user, "not-it"
    with pytest.raises(ClientError):
        client.login()
