"""Values of the chart: the centre's with ours beneath, and what does not go together."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.gaia_data.vre.plugins.filter.kubernetes import (
    kubernetes_changes,
    kubernetes_code,
    kubernetes_documents,
    kubernetes_notes,
    kubernetes_ours,
    kubernetes_overlay,
    kubernetes_problems,
    kubernetes_values,
    kubernetes_waits,
)

ROLES = Path(__file__).resolve().parents[4] / "roles"
CODE = {"name": "gaia-vre-hub-0123456789ab", "items": [{"key": "a--b.py", "path": "a/b.py"}]}
OURS = kubernetes_ours(CODE, "gaia-vre-check", "gaia-vre-registries")
VOLUMES = OURS["hub"]["extraVolumes"]
MOUNTS = OURS["hub"]["extraVolumeMounts"]


def test_the_package_is_a_config_map_whose_items_give_its_paths_back() -> None:
    code = kubernetes_code(str(ROLES / "hub/files/gaia_vre_hub"))
    assert {item["path"] for item in code["items"]} >= {"__init__.py", "templates/page/home.html"}
    assert {item["key"] for item in code["items"]} == set(code["data"])
    assert all("/" not in key for key in code["data"])
    assert len(json.dumps(code["data"])) < 900_000, "a ConfigMap holds no more than 1 MiB"
    assert len(code["name"]) == len("gaia-vre-hub-") + 12


def test_another_content_is_another_name(tmp_path: Path) -> None:
    (tmp_path / "sub/__pycache__").mkdir(parents=True)
    (tmp_path / "sub/__pycache__/a.pyc").write_bytes(b"\xff")
    (tmp_path / "sub/a.py").write_text("1")
    first = kubernetes_code(str(tmp_path))
    assert first["items"] == [{"key": "sub--a.py", "path": "sub/a.py"}]
    (tmp_path / "sub/a.py").write_text("2")
    assert kubernetes_code(str(tmp_path))["name"] != first["name"]


def test_no_package_is_told(tmp_path: Path) -> None:
    with pytest.raises(AnsibleFilterError, match="has no file"):
        kubernetes_code(str(tmp_path))


@pytest.mark.parametrize("secret", ["", "gaia-vre-registries"])
def test_ours_fit_the_schema_of_the_keys_that_we_emit(secret: str) -> None:
    schema = json.loads((ROLES / "kubernetes/files/values.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(kubernetes_ours(CODE, "gaia-vre-check", secret), schema)


def test_the_configuration_is_python() -> None:
    text = kubernetes_ours(CODE, 'a"b')["hub"]["extraConfig"]["90-gaia-vre"]
    assert '"a\\"b"' in ast.unparse(ast.parse(text)).replace("'a\"b'", '"a\\"b"')


def test_without_a_login_no_secret_is_named() -> None:
    assert "imagePullSecrets" not in kubernetes_ours(CODE, "check")


@pytest.mark.parametrize(
    ("centre", "path", "expected"),
    [
        ([], "hub.extraVolumes", VOLUMES),
        ([None], "hub.extraVolumes", VOLUMES),
        ([{"hub": {"extraVolumes": [{"name": "x"}]}}], "hub.extraVolumes", [{"name": "x"}, *VOLUMES]),
        ([{"hub": {"extraVolumes": VOLUMES}}], "hub.extraVolumes", VOLUMES),
        ([{"hub": {"consecutiveFailureLimit": 7}}], "hub.consecutiveFailureLimit", 7),
        ([{"hub": {"consecutiveFailureLimit": 7}}, {"hub": {"x": 1}}], "hub.consecutiveFailureLimit", 7),
        ([{"a": [1]}, {"a": [2]}], "a", [2]),
        ([{"a": {"b": 1, "c": 1}}, {"a": {"b": 2}}], "a", {"b": 2, "c": 1}),
        ([{"a": {"b": 1}}, {"a": None}], "a", None),
        (
            [{"prePuller": {"hook": {"enabled": True}}}],
            "prePuller",
            {"hook": {"enabled": True}, "continuous": {"enabled": False}},
        ),
        ([{"imagePullSecrets": ["mine"]}], "imagePullSecrets", ["mine", {"name": "gaia-vre-registries"}]),
    ],
)
def test_the_centre_wins_and_lists_are_appended(centre: list[Any], path: str, expected: Any) -> None:
    found: Any = kubernetes_values(OURS, centre)
    for key in path.split("."):
        found = found[key]
    assert found == expected


def test_values_that_are_none_are_told() -> None:
    with pytest.raises(AnsibleFilterError, match="kubernetes_values: this is no mapping"):
        kubernetes_values(OURS, [["hub"]])


def test_an_overlay_has_our_keys_only_and_the_centres_lists() -> None:
    centre = [
        {"hub": {"extraVolumes": [{"name": "x"}], "config": {"A": {"secret": "s"}}}, "proxy": {"secretToken": "t"}}
    ]
    overlay = kubernetes_overlay(OURS, centre)
    assert set(overlay) == set(OURS)
    assert set(overlay["hub"]) == set(OURS["hub"])
    assert overlay["hub"]["extraVolumes"] == [{"name": "x"}, *VOLUMES]


@pytest.mark.parametrize(
    ("hub", "words"),
    [
        ({"extraVolumes": {"x": {}}}, "kubernetes_values: hub.extraVolumes: this must be a list"),
        ({"extraConfig": "print()"}, "kubernetes_values: hub.extraConfig: this must be a mapping"),
        ({"extraConfig": {"90-gaia-vre": "x"}}, "hub.extraConfig.90-gaia-vre: this name is ours"),
        ({"loadRoles": {"gaia-vre-check": {}}}, "hub.loadRoles.gaia-vre-check: this name is ours"),
        ({"extraVolumes": [{"name": "gaia-vre"}]}, "hub.extraVolumes: gaia-vre: a volume of this name"),
        (
            {"extraVolumeMounts": [{"name": "x", "mountPath": "/etc/gaia-vre/"}]},
            "/etc/gaia-vre: this path is ours",
        ),
        (None, "kubernetes_values: hub: this must be a mapping"),
    ],
)
def test_what_leaves_no_room_for_ours_is_told(hub: Any, words: str) -> None:
    found = "\n".join(kubernetes_problems(OURS, [{"hub": hub}]))
    assert words in found
    assert "Remedy: " in found


@pytest.mark.parametrize(
    ("level", "block", "told"),
    [
        ("", None, False),
        ("restricted", None, True),
        ("baseline", True, True),
        ("restricted", False, False),
        ("privileged", True, False),
    ],
)
def test_a_level_that_would_refuse_pods_is_told(level: str, block: Any, told: bool) -> None:
    centre = [{"singleuser": {"cloudMetadata": {"blockWithIptables": block}}}]
    assert bool(kubernetes_problems(OURS, centre, level)) is told


def test_values_that_go_together_have_no_problem() -> None:
    centre = [
        {
            "hub": {
                "extraVolumes": VOLUMES,
                "extraVolumeMounts": MOUNTS,
                "services": {"gaia-vre-check": {"apiToken": "t"}},
            }
        }
    ]
    assert kubernetes_problems(OURS, centre) == []
    assert kubernetes_notes(OURS, centre) == []


def test_what_the_centre_has_otherwise_is_noted() -> None:
    centre = [{"hub": {"consecutiveFailureLimit": 5, "extraConfig": {"10-a": "", "99-b": ""}}}]
    first, second = kubernetes_notes(OURS, centre)
    assert first.startswith("hub.consecutiveFailureLimit: 5 of your values stays, where 0 is advised: ")
    assert second.startswith("hub.extraConfig: 99-b is read after ours")


def test_changes_show_what_is_ours_and_no_secret() -> None:
    new = kubernetes_ours({**CODE, "name": "gaia-vre-hub-new"}, "gaia-vre-check")
    before = kubernetes_values(OURS, [{"hub": {"config": {"secret": "former"}}, "old": 1}])
    after = kubernetes_values(new, [{"hub": {"config": {"secret": "s3cret"}}, "cull": {"enabled": True}}])
    assert kubernetes_changes(after, before, OURS) == [
        "cull.enabled is new",
        "hub.config.secret changes",
        "hub.extraVolumes[0].configMap.name changes: gaia-vre-hub-0123456789ab → gaia-vre-hub-new",
        "imagePullSecrets[0].name is gone: gaia-vre-registries",
        "old is gone",
    ]
    assert kubernetes_changes(after, after, OURS) == []


def test_files_of_values_are_read_and_a_broken_one_is_told_without_its_words() -> None:
    assert kubernetes_documents(["a: 1", ""], ["a.yml", "b.yml"]) == [{"a": 1}, None]
    with pytest.raises(AnsibleFilterError, match=r"^secret.yml, line 3: this is no YAML. Remedy: ") as raised:
        kubernetes_documents(["a: 1\nb: {s3cret\n"], ["secret.yml"])
    assert "s3cret" not in str(raised.value)


def test_why_pods_wait() -> None:
    unplaced = {
        "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2"}]
    }
    crashed = {
        "containerStatuses": [
            {
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
                "lastState": {"terminated": {"reason": "Error", "exitCode": 1}},
            }
        ]
    }
    done = {"containerStatuses": [{"state": {"terminated": {"reason": "Completed", "exitCode": 0}}}]}
    pods = [
        {"metadata": {"name": name}, "status": status}
        for name, status in {"a": unplaced, "b": crashed, "c": done}.items()
    ]
    assert kubernetes_waits(pods) == ["a: Unschedulable 0/2", "b: CrashLoopBackOff back-off", "b: Error"]
    assert kubernetes_waits([{"metadata": {"name": "d"}}]) == []
