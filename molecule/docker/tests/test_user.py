"""What a scientist sees and may do, over the wire, on the deployed hub."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from testinfra.host import Host

from gaia_lab.client import ClientError, HubClient
from gaia_lab.hostile import FORGED, HOSTILE, fields
from gaia_lab.session import lab_client

OCEAN = "conda-env-ocean-ocean-py"
ATMOSPHERE = "conda-env-atmosphere-atmosphere-py"

SHOW = "import json, os, sys, numpy; print(json.dumps([numpy.__version__, sys.prefix, os.getuid()]))"


def _run(client: HubClient, kernel: str, code: str) -> Any:
    done = client.run(kernel, code)
    assert not done.error, done.error
    return json.loads(done.stdout)


def test_a_wrong_password_is_refused() -> None:
    client = lab_client("alice")
    client.password = "not-it"
    with pytest.raises(ClientError):
        client.login()


def test_two_ticked_images_give_kernels_of_both(alice: HubClient) -> None:
    alice.start({"choice": "free", "system": "lab", "business": ["ocean", "atmosphere"]})

    specs = set(alice.kernelspecs())
    assert {OCEAN, ATMOSPHERE} <= specs
    assert not any("biodiversity" in name or "geo" in name for name in specs)

    ocean, atmosphere = _run(alice, OCEAN, SHOW), _run(alice, ATMOSPHERE, SHOW)
    assert ocean[0] != atmosphere[0], "the two images hold different versions of numpy"
    assert ocean[1] == "/opt/gaia/ocean/envs/ocean"
    assert atmosphere[1] == "/opt/gaia/atmosphere/envs/atmosphere"
    assert ocean[2] != 0, "sessions do not run as root"

    record = _run(alice, OCEAN, "import os; print(os.environ['GAIA_VRE_SESSION'])")
    assert set(record["images"]) == {"lab", "ocean", "atmosphere"}
    assert all(image["digest"].startswith("sha256:") for image in record["images"].values())


def test_mounted_environments_are_read_only(alice: HubClient) -> None:
    alice.start({"choice": "free", "system": "lab", "business": ["ocean"]})
    done = alice.run(OCEAN, "open('/opt/gaia/ocean/envs/ocean/new', 'w')")
    assert "Read-only file system" in done.error or "Permission denied" in done.error


def test_activation_scripts_reach_the_kernel(alice: HubClient) -> None:
    alice.start({"choice": "free", "system": "lab", "business": ["geo"]})
    done = alice.run(
        "conda-env-geo-geo-py",
        "import os; print([k for k, v in os.environ.items() if v.startswith('/opt/gaia/geo/envs/geo/')])",
    )
    assert not done.error, done.error
    assert "GAIA_GEO_DATA" in done.stdout


def test_an_image_with_two_environments_gives_two_kernels(bob: HubClient) -> None:
    bob.start({"choice": "free", "system": "lab", "business": ["biodiversity"]})
    assert len([name for name in bob.kernelspecs() if name.startswith("conda-env-biodiversity-")]) == 2


def test_work_in_the_home_survives_a_stop(bob: HubClient) -> None:
    bob.start({"choice": "free", "system": "lab", "business": ["atmosphere"]})
    bob.run(ATMOSPHERE, "import pathlib; (pathlib.Path.home() / 'kept.txt').write_text('yes')")
    bob.stop()
    bob.start({"choice": "free", "system": "lab", "business": ["atmosphere"]})
    done = bob.run(ATMOSPHERE, "import pathlib; print((pathlib.Path.home() / 'kept.txt').read_text())")
    assert done.stdout.strip() == "yes"


def test_a_link_with_a_composition_starts_it(alice: HubClient) -> None:
    """Alice is an oceanographer; `regional` is open to everybody who may use its images."""
    answer = alice.query({"business": ["ocean", "atmosphere"]})
    assert answer.status_code == 302
    alice.wait_ready()
    alice.open_session()
    assert {OCEAN, ATMOSPHERE} <= set(alice.kernelspecs())


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
    assert "ocean" in answer.text
    assert bob.server() is None, "nothing was started"


def test_what_is_locked_to_others_is_absent_from_the_page(alice: HubClient, bob: HubClient) -> None:
    assert 'value="ocean"' in alice.launch_page()
    assert "ocean" not in bob.launch_page().lower()


def test_hostile_options_get_a_sentence_and_start_no_container(host: Host, alice: HubClient) -> None:
    """The corpus of tests/system/test_hostile.py on the real engine."""
    before = host.check_output("docker ps --all --quiet --no-trunc")
    for name, options in HOSTILE.items():
        answer = alice.rest(options)
        assert 400 <= answer.status_code < 500, f"{name}: {answer.text[:500]}"
        assert answer.json()["message"], f"{name}: the refusal says why"
    for name, options in list(HOSTILE.items())[::10]:
        form = fields(options)
        assert form is None or alice.post_form(form).status_code in (400, 403), name
    assert alice.server() is None, "nothing was started"
    assert host.check_output("docker ps --all --quiet --no-trunc") == before
    assert not host.file("/tmp/gaia-hostile").exists
    log = host.check_output("journalctl -u gaia-vre-hub --since=-10min --no-pager -o cat")
    assert not [line for line in re.split(r"[\n\r\x85\u2028\u2029]", log) if line.startswith(FORGED)]


def test_the_page_speaks_french() -> None:
    french = lab_client("alice", language="fr-FR,fr;q=0.9")
    french.login()
    page = french.launch_page()
    assert "Modélisation océanique" in page
    assert "Ocean modelling" not in page
