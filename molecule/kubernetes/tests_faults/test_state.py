"""What may become of what the hub reads: a ConfigMap that somebody deletes or spoils."""

from __future__ import annotations

import base64
import json

from gaia_lab.centre import run
from gaia_lab.client import HubClient
from gaia_lab.pods import hub, kubectl
from gaia_lab.trouble import until

ONE = {"choice": "free", "system": "lab", "business": ["atmosphere"]}
CONFIG_MAP = "gaia-vre"
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


def test_a_manifest_that_is_junk_is_told_and_the_hub_goes_on(alice: HubClient) -> None:
    before = hub()
    junk = {"binaryData": {"manifest.json.gz": base64.b64encode(b"junk").decode()}}
    kubectl("patch", "configmap", CONFIG_MAP, "--type=merge", f"--patch={json.dumps(junk)}")
    done = run("publish", fails=True)
    assert "manifest.json.gz" in done.text, done.text[-3000:]
    assert "Remedy" in done.text
    assert "Traceback" not in done.text
    until(lambda: "manifest" in kubectl("logs", "--selector=component=hub", "--since=2m"), READ)
    alice.start(ONE)  # with what it read before
    alice.stop()
    kubectl("delete", "configmap", CONFIG_MAP)
    run("publish")
    alice.start(ONE)
    assert hub() == before, "the hub was not restarted"
