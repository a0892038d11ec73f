"""A cluster without a free slot: what needs none goes on, and nothing is taken for broken."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from testinfra.host import Host

from gaia_lab.busy import full
from gaia_lab.centre import run

CHECKS = "cat /etc/gaia-vre/checks.json"


def test_publish_goes_by_what_was_measured_and_a_check_that_waits_is_no_verdict(host: Host) -> None:
    before = host.check_output(CHECKS)
    with full(), ThreadPoolExecutor(1) as pool:
        publishing = pool.submit(run, "publish")  # its measurement waits for a minute
        verified = run("verify", {"check_timeout": 10}, fails=True)
        published = publishing.result()
    assert "Not checked, as the cluster was busy: lab, " in verified.text, verified.text[-3000:]
    assert "is in the queue" in verified.text
    assert ": FAILED: " not in verified.text, verified.text[-3000:]
    assert host.check_output(CHECKS) == before, "what was known stays"
    assert host.check_output("squeue --noheader --user=vrecheck --format=%i") == ""
    assert published.changed == 0
    assert "so what was measured on node" in published.text, published.text[-3000:]
    nodes = json.loads(host.check_output("cat /etc/gaia-vre/measured.json"))["nodes"]
    assert set(nodes) == {"short", "long"}
