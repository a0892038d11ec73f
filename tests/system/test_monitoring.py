"""What a real hub tells its admins: metrics and log; dashboard and alerts ask for what there is."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families

from gaia_lab.small_hub import Hub, manifest, pin, running

MONITORING = Path(__file__).resolve().parents[2] / "docs/monitoring"
CHECKED = "2026-11-25T10:00:00Z"
# What the dashboard takes from JupyterHub itself.
THEIRS = re.compile(r"jupyterhub_\w+")
OURS = re.compile(r"gaia_vre_\w+")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with running(tmp_path_factory.mktemp("hub"), "session") as hub:
        yield hub


def checks(**images: bool) -> str:
    """``checks.json``, with images that are not in the manifest, too."""
    entries = {name: {"digest": pin(name, 1)["digest"], "at": CHECKED, "ok": ok} for name, ok in images.items()}
    return json.dumps({"version": 1, "images": entries})


def scrape(hub: Hub) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Values by name and labels, as Prometheus would read them with a token of its own."""
    headers = {"Authorization": f"token {hub.password}-metrics"}
    answer = requests.get(f"{hub.url}/hub/metrics", headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text[:500]
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(hub: Hub, name: str, **labels: str) -> float | None:
    return scrape(hub).get((f"gaia_vre_{name}", tuple(sorted(labels.items()))))


def within(seconds: float, true: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_metrics_are_not_for_everybody(hub: Hub) -> None:
    assert requests.get(f"{hub.url}/hub/metrics", timeout=30).status_code == 403


def test_launches_by_composition_image_and_result(hub: Hub) -> None:
    alice = hub.user("alice")
    for options in ({"composition": "coastal"}, {"business": ["ocean"]}):
        assert alice.rest(options).status_code in (201, 202)
        alice.wait_ready()
        alice.stop()
    assert value(hub, "launches_total", composition="coastal", result="ready") == 1
    assert value(hub, "launches_total", composition="(own choice)", result="ready") == 1
    assert value(hub, "image_launches_total", image="ocean", result="ready") == 2
    assert value(hub, "image_launches_total", image="atmosphere", result="ready") == 1
    found = re.findall(r"launch user=alice composition=(\S+) images=(\S+) outcome=ready seconds=(\S+)", hub.log)
    digests = {name: pin(name, 1)["digest"][7:19] for name in ("lab", "ocean", "atmosphere")}
    assert [line[:2] for line in found] == [
        ("coastal", ",".join(f"{name}@{digests[name]}" for name in ("lab", "ocean", "atmosphere"))),
        ('""', ",".join(f"{name}@{digests[name]}" for name in ("lab", "ocean"))),
    ]
    assert all(0 < float(line[2]) < 60 for line in found)


def test_a_session_that_does_not_start_is_a_failed_launch(hub: Hub) -> None:
    alice = hub.user("alice")
    (hub.folder / "fail").touch()
    try:
        alice.rest({"composition": "coastal"})
        within(20, lambda: value(hub, "launches_total", composition="coastal", result="failed") == 1)
    finally:
        (hub.folder / "fail").unlink()
    assert value(hub, "image_launches_total", image="lab", result="failed") == 1
    assert re.search(r"launch user=alice composition=coastal .* outcome=failed seconds=\S+ error=RuntimeError", hub.log)


def test_the_check_s_own_sessions_are_no_use_of_the_hub(hub: Hub) -> None:
    check = hub.user("gaia-vre-check")
    assert check.rest({"system": "lab", "business": ["geo"], "candidate": ["geo"]}).status_code in (201, 202)
    check.wait_ready()
    check.stop()
    assert value(hub, "image_launches_total", image="geo", result="ready") is None
    assert "launch user=gaia-vre-check" in hub.log


def test_refusals_by_reason(hub: Hub) -> None:
    bob = hub.user("bob")
    before = value(hub, "refusals_total", reason="closed") or 0
    bob.rest({"business": ["ocean"]})
    bob.query({"business": "ocean"})
    bob.post_form({"choice": "free", "business": ["ocean"]})
    assert value(hub, "refusals_total", reason="closed") == before + 3
    assert "refusal user=bob reason=closed" in hub.log
    reasons = {dict(labels)["reason"] for name, labels in scrape(hub) if name == "gaia_vre_refusals_total"}
    assert reasons <= {"closed", "unknown", "unknown_key", "shape", "empty"}


def test_a_user_s_name_forges_no_line(hub: Hub) -> None:
    name = "eve outcome=ready"
    eve = hub.user(name)
    eve.rest({"business": ["nothing"]})
    assert 'refusal user="eve outcome=ready" reason=unknown' in hub.log


def test_a_new_manifest_is_in_log_and_metrics_within_a_second(hub: Hub) -> None:
    new = manifest()
    new["images"]["ocean"] |= {"offered": pin("ocean", 2), "candidate": None, "retained": [pin("ocean", 1)]}
    sha = hashlib.sha256(json.dumps(new).encode()).hexdigest()[:12]
    before = time.time()
    hub.offer(new)
    within(1.2, lambda: f"sha256 {sha}" in hub.log)
    assert value(hub, "manifest_info", sha256=sha) == 1
    assert [key for key in scrape(hub) if key[0] == "gaia_vre_manifest_info"] == [
        ("gaia_vre_manifest_info", (("sha256", sha),))
    ]
    assert abs((value(hub, "manifest_written_timestamp_seconds") or 0) - before) < 5
    assert [value(hub, "images", state=state) for state in ("offered", "candidate", "retained")] == [3, 1, 1]


def test_junk_in_the_manifest_is_told_within_a_second_and_the_last_good_one_stays(hub: Hub) -> None:
    hub.offer(manifest())
    within(1.2, lambda: value(hub, "manifest_usable") == 1)
    told = hub.log.count("the last good one stays in use")
    info = [key for key in scrape(hub) if key[0] == "gaia_vre_manifest_info"]
    hub.offer("{ junk")
    within(1.2, lambda: hub.log.count("the last good one stays in use") > told)
    assert value(hub, "manifest_usable") == 0
    assert [key for key in scrape(hub) if key[0] == "gaia_vre_manifest_info"] == info
    assert "Ocean modelling" in hub.user("alice").launch_page()
    hub.offer(manifest())
    within(1.2, lambda: value(hub, "manifest_usable") == 1)


def test_results_of_the_check(hub: Hub) -> None:
    hub.offer(manifest())
    path = hub.folder / "checks.json"
    path.write_text(checks(ocean=True, atmosphere=False, gone=True))
    assert value(hub, "check_ok", image="ocean") == 1
    assert value(hub, "check_ok", image="atmosphere") == 0
    assert value(hub, "check_ok", image="gone") is None
    assert value(hub, "check_timestamp_seconds", image="ocean") == 1795600800
    path.unlink()
    assert value(hub, "check_ok", image="ocean") is None


def test_draining(hub: Hub) -> None:
    assert value(hub, "draining") == 0
    path = hub.folder / "notice.json"
    path.write_text(json.dumps({"version": 1, "text": {"en": "Maintenance at noon."}, "drain": True}))
    assert value(hub, "draining") == 1
    assert hub.user("alice").rest({"composition": "coastal"}).status_code == 503
    assert value(hub, "refusals_total", reason="draining") == 1
    path.unlink()
    assert value(hub, "draining") == 0


@pytest.fixture(scope="module")
def used(hub: Hub) -> Hub:
    """A hub that has launched and refused, as one that is asked after does."""
    hub.offer(manifest())
    (hub.folder / "checks.json").write_text(checks(ocean=True))
    alice = hub.user("alice")
    assert alice.rest({"business": ["nothing"]}).status_code == 400
    assert alice.rest({"composition": "coastal"}).status_code in (201, 202)
    alice.wait_ready()
    alice.stop()
    return hub


def queries() -> dict[str, str]:
    """Every expression of the dashboard and of the alerts, by where it stands."""
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    found = {
        f"dashboard: {panel['title']} {target['refId']}": target["expr"]
        for panel in dashboard["panels"]
        for target in panel.get("targets", [])
    }
    rules = yaml.safe_load((MONITORING / "rules.yml").read_text())["groups"][0]["rules"]
    return {**found, **{f"alert: {rule['alert']}": rule["expr"] for rule in rules}}


@pytest.mark.parametrize("where", queries())
def test_what_dashboard_and_alerts_ask_for_is_there(used: Hub, where: str) -> None:
    names = {name for name, _labels in scrape(used)}
    asked = set(OURS.findall(queries()[where])) | set(THEIRS.findall(queries()[where]))
    assert asked or queries()[where].startswith("up{"), f"{where} asks for nothing of the hub"
    assert asked <= names, f"{where}: {', '.join(sorted(asked - names))}"


@pytest.mark.parametrize("arguments", [("check", "rules", "rules.yml"), ("test", "rules", "tests.yml")])
def test_promtool(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(["promtool", *arguments], cwd=MONITORING, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_metric_is_described() -> None:
    text = (MONITORING.parent / "monitoring.md").read_text()
    source = (MONITORING.parents[1] / "roles/hub/files/gaia_vre_hub/metrics.py").read_text()
    names = set(re.findall(r'"(gaia_vre_\w+)"', source)) | {
        f"gaia_vre_{name}" for name in re.findall(r'_gauge\("(\w+)"', source)
    }
    assert len(names) >= 10
    assert not [name for name in names if f"`{name}" not in text]


def test_every_alert_is_described() -> None:
    text = (MONITORING.parent / "monitoring.md").read_text()
    alerts = re.findall(r"alert: (\w+)", (MONITORING / "rules.yml").read_text())
    assert alerts
    assert not [name for name in alerts if f"`{name}`" not in text]
