"""After a publish of a newer ocean: the job that ran goes on with its own, a new one has the new."""

from __future__ import annotations

import json
from typing import Any

from testinfra.host import Host

from gaia_lab.client import HubClient
from gaia_lab.session import lab_client

OCEAN = "conda-env-ocean-ocean-py"
SHOW = "import json, os, numpy; print(json.dumps([numpy.__version__, os.environ['GAIA_VRE_SESSION']]))"


def shown(client: HubClient) -> tuple[str, str]:
    """The version of numpy and the digest of ocean in a session."""
    done = client.run(OCEAN, SHOW)
    assert not done.error, done.error
    found: Any = json.loads(done.stdout)
    return found[0], json.loads(found[1])["images"]["ocean"]["digest"]


def test_the_job_that_ran_has_its_own_and_a_new_one_has_the_new(host: Host) -> None:
    alice = lab_client("alice")
    alice.login()
    assert host.check_output("squeue --noheader --user=alice --format=%u") == "alice"
    alice.open_session()
    former = shown(alice)
    alice.stop()
    alice.start({"choice": "free", "system": "lab", "business": ["ocean"]})
    new = shown(alice)
    assert former[0] != new[0]
    assert former[1] != new[1]
