"""What may become of what the hub reads: a ConfigMap that somebody deletes or spoils."""

from __future__ import annotations

import base64
import json

from gaia_lab.centre import run
from gaia_lab.client import HubClient
from gaia_lab.pods import HUB, PREPULL, hub, kept, kubectl, listed
from gaia_lab.trouble import until

ONE = {"choice": "free", "system": "lab", "business": ["atmosphere"]}
CONFIG_MAP = "gaia-vre"
UNUSABLE = "is not usable"  # what the hub says of it in its log
READ = 120  # seconds until the kubelet has brought a ConfigMap that nobody announced; at most about 70 by its design


def test_a_config_map_that_somebody_deleted_is_made_again_by_publish(alice: HubClient) -> None:
    before = hub()
    kubectl("delete", "configmap", CONFIG_MAP)
    alice.start(ONE)  # the hub goes on with what it read
    alice.stop()
    done = run("publish")
    assert done.changed, done.text[-3000:]
    assert run("publish").changed == 0
    alice.start(ONE)
    assert hub() == before, "the hub was not restarted"


def test_a_manifest_that_is_junk_is_told_and_made_anew_by_publish(alice: HubClient) -> None:
    before = hub()
    junk = {"binaryData": {"manifest.json.gz": base64.b64encode(b"junk").decode()}}
    kubectl("patch", "configmap", CONFIG_MAP, "--type=merge", f"--patch={json.dumps(junk)}")
    until(lambda: UNUSABLE in kubectl("logs", f"--selector={HUB}", "--since=3m"), READ)
    alice.start(ONE)  # the hub goes on with what it read before
    alice.stop()
    done = run("publish")
    assert "the manifest that was there is not usable and is made anew" in done.text, done.text[-3000:]
    assert run("publish").changed == 0
    alice.start(ONE)
    assert hub() == before, "the hub was not restarted"


def settled() -> bool:
    """Whether all of them are what they are to be."""
    found = [one["status"] for one in listed("daemonset", PREPULL)]
    return all(one["numberReady"] == one.get("updatedNumberScheduled") == 2 for one in found)


def test_clean_gives_up_what_nothing_needs_and_nothing_else(alice: HubClient) -> None:
    """Of the two versions of ocean, the one that is not on offer any more."""
    before = kept()
    oceans = {reference for reference in before if "/vre/ocean@" in reference}
    assert len(oceans) == 2
    run("publish", {"vre_keep": 1})
    alice.start(ONE)
    assert run("clean", check=True).changed
    assert kept() == before
    assert run("clean").changed
    until(settled, READ)
    assert before - kept() < oceans
    assert run("clean").changed == 0
    alice.open_session()
