"""The stand-in for Zero to JupyterHub, rendered by helm: what values it takes, what it makes of them.

docs/kubernetes-values.md names the keys that the role emits; EMITTED has them, with a configuration that needs no hub.
"""

from __future__ import annotations

import base64
import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from ansible_collections.gaia_data.vre.plugins.filter.kubernetes import kubernetes_ours
from gaia_lab.kubernetes.binaries import ensure_binaries

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "molecule/kubernetes/chart"
EMITTED_SCHEMA = json.loads((ROOT / "roles/kubernetes/files/values.schema.json").read_text())
# Reads a configuration as JupyterHub does.
READ = """
import json, sys
from traitlets.config.loader import PyFileConfigLoader
config = PyFileConfigLoader(sys.argv[1]).load_config()
json.dump(config, sys.stderr, default=str)
"""
HEX = {digit: digit * 64 for digit in "123"}
CODE = {"name": "gaia-vre-hub-0123456789ab", "items": [{"key": "a--b.py", "path": "a/b.py"}]}
EMITTED: dict[str, Any] = kubernetes_ours(CODE, "gaia-vre-check", "gaia-vre-registries")
EMITTED["hub"]["extraConfig"]["90-gaia-vre"] = "c.Ours.imported = sys.path[0]"
# Whatever else a centre sets; the secrets are given, so that two renderings are the same.
CENTRE: dict[str, Any] = yaml.safe_load(f"""
custom: {{colour: blue}}
hub:
  cookieSecret: "{HEX["1"]}"
  config:
    CryptKeeper: {{keys: ["{HEX["2"]}"]}}
    KubeSpawner: {{http_timeout: 40}}
  extraConfig: {{10-centre: "c.Centre.colour = get_config('custom.colour')"}}
  services: {{gaia-vre-check: {{apiToken: "{HEX["3"]}"}}}}
proxy:
  secretToken: "{HEX["3"]}"
  https: {{enabled: true, type: secret, secret: {{name: hub-tls}}}}
  service: {{type: NodePort, nodePorts: {{http: 80, https: 443}}}}
singleuser:
  cloudMetadata: {{blockWithIptables: false}}
  storage: {{homeMountPath: /home/vre}}
""")

Render = Callable[..., dict[tuple[str, str], dict[str, Any]]]


def merge(base: Any, more: Any) -> Any:
    """Values as helm merges files of them."""
    if isinstance(base, dict) and isinstance(more, dict):
        return base | {key: merge(base.get(key), value) for key, value in more.items()}
    return copy.deepcopy(more)


def nested(key: str, value: Any) -> dict[str, Any]:
    """``{"a": {"b": value}}`` of ``a.b``."""
    for name in reversed(key.split(".")):
        value = {name: value}
    found: dict[str, Any] = value
    return found


def helm(values: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / "values.json"
    file.write_text(json.dumps(values))
    argv = [
        str(ensure_binaries() / "helm"),
        "template",
        "jupyterhub",
        str(CHART),
        "--kube-version",
        "1.36.0",
        "--values",
        str(file),
    ]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


@pytest.fixture
def render(tmp_path: Path) -> Render:
    """``render(values, …)``: objects by kind and name."""

    def call(*values: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
        merged: dict[str, Any] = {}
        for one in values:
            merged = merge(merged, one)
        done = helm(merged, tmp_path)
        assert done.returncode == 0, done.stderr
        documents = [found for found in yaml.safe_load_all(done.stdout) if found]
        return {(found["kind"], found["metadata"]["name"]): found for found in documents}

    return call


def configuration(objects: dict[tuple[str, str], dict[str, Any]], folder: Path) -> dict[str, Any]:
    """What the hub makes of its Secret and its ConfigMap."""
    (folder / "secret").mkdir()
    for name, data in objects["Secret", "hub"]["data"].items():
        (folder / "secret" / name).write_bytes(base64.b64decode(data))
    for name, text in objects["ConfigMap", "hub"]["data"].items():
        (folder / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", READ, str(folder / "jupyterhub_config.py")],
        env={**os.environ, "POD_NAMESPACE": "vre"},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stderr)
    return found


def test_helm_finds_nothing_wrong_with_it(tmp_path: Path) -> None:
    (tmp_path / "values.json").write_text(json.dumps(merge(CENTRE, EMITTED)))
    argv = [str(ensure_binaries() / "helm"), "lint", "--strict", str(CHART), "--values", str(tmp_path / "values.json")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_we_emit_has_the_form_that_the_docs_say() -> None:
    jsonschema.Draft7Validator.check_schema(EMITTED_SCHEMA)
    jsonschema.validate(EMITTED, EMITTED_SCHEMA)
    documented = (ROOT / "docs/kubernetes-values.md").read_text()
    for section in ("hub", "prePuller"):
        for key in EMITTED_SCHEMA["properties"][section]["properties"]:
            assert f"`{section}.{key}" in documented


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hub.extraVolumes", [{"name": "x", "hostPath": {"path": "/"}}]),
        ("hub.extraVolumeMounts", [{"name": "x", "mountPath": "/x", "subPath": "y"}]),
        ("hub.services.other", {}),
        ("hub.resources", {}),
        ("prePuller.hook.enabled", True),
        ("singleuser.storage", {}),
    ],
)
def test_we_emit_nothing_else(key: str, value: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(merge(EMITTED, nested(key, value)), EMITTED_SCHEMA)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("hub.extraFoo", 1, "'extraFoo' not allowed"),
        ("hub.config.jupyterHub", {}, "'jupyterHub' not allowed"),
        ("hub.extraVolumes", {}, "got object, want array"),
        ("hub.db.type", "postgres", "must be one of 'sqlite-pvc', 'sqlite-memory'"),
        ("hub.consecutiveFailureLimit", "5", "consecutiveFailureLimit': got string"),
        ("singleuser.volumes", [], "'volumes' not allowed"),
        ("singleuser.memory.limit", {}, "got object"),
        ("scheduling.userScheduler.enabled", True, "must be false"),
        ("volumes", [], "'volumes' not allowed"),
        ("singleuser.cloudMetadata.blockWithIptables", True, "the stand-in has no privileged container"),
    ],
)
def test_values_that_it_refuses(tmp_path: Path, key: str, value: Any, words: str) -> None:
    done = helm(merge(CENTRE, nested(key, value)), tmp_path)
    assert done.returncode
    assert words in done.stderr


def test_the_hub_gets_what_we_emit(render: Render, tmp_path: Path) -> None:
    objects = render(CENTRE, EMITTED)
    pod = objects["Deployment", "hub"]["spec"]["template"]["spec"]
    names = [volume["name"] for volume in pod["volumes"]]
    assert names[-2:] == ["gaia-vre-hub", "gaia-vre"]
    places = [mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]]
    assert places[-2:] == ["/usr/local/etc/jupyterhub/gaia_vre_hub", "/etc/gaia-vre"]
    assert pod["imagePullSecrets"] == [{"name": "gaia-vre-registries"}]
    assert objects["Secret", "hub"]["data"]["hub.services.gaia-vre-check.apiToken"]
    found = configuration(objects, tmp_path)
    assert found["Ours"]["imported"] == str(tmp_path), "what is mounted beside the configuration can be imported"
    assert found["Centre"]["colour"] == "blue"
    assert found["Spawner"]["consecutive_failure_limit"] == 0
    assert found["KubeSpawner"]["image_pull_secrets"] == [{"name": "gaia-vre-registries"}]
    assert {"name": "gaia-vre-check", "api_token": HEX["3"]} in found["JupyterHub"]["services"]
    role = {"name": "gaia-vre-check", **EMITTED["hub"]["loadRoles"]["gaia-vre-check"]}
    assert role in found["JupyterHub"]["load_roles"]


HOME = {"name": "volume-{user_server}", "persistentVolumeClaim": {"claimName": "{pvc_name}"}}
HOME_MOUNT = {"name": "volume-{user_server}", "mountPath": "/home/vre"}
SHARED = {"name": "shared", "persistentVolumeClaim": {"claimName": "shared"}}
SHARED_MOUNT = {"name": "shared", "mountPath": "/shared"}


@pytest.mark.parametrize(
    ("volumes", "mounts", "key"),
    [
        ([SHARED], [SHARED_MOUNT], "0-shared"),
        ({"own": SHARED}, {"own": SHARED_MOUNT}, "own"),
    ],
)
def test_volumes_of_the_centre_are_beside_the_home(
    render: Render, tmp_path: Path, volumes: Any, mounts: Any, key: str
) -> None:
    storage = {"singleuser": {"storage": {"extraVolumes": volumes, "extraVolumeMounts": mounts}}}
    found = configuration(render(CENTRE, storage), tmp_path)["KubeSpawner"]
    assert list(found["volumes"].values()) == [HOME, SHARED]
    assert found["volume_mounts"] == {"volume-{user_server}": HOME_MOUNT, key: SHARED_MOUNT}


@pytest.mark.parametrize(
    ("key", "value", "trait", "expected"),
    [
        ("singleuser.cpu.limit", 2, "KubeSpawner.cpu_limit", 2),
        ("singleuser.memory.limit", "2G", "KubeSpawner.mem_limit", "2G"),
        ("singleuser.memory", {}, "KubeSpawner.mem_guarantee", "1G"),
        (
            "singleuser.extraResource.limits",
            {"x.org/gpu": "1"},
            "KubeSpawner.extra_resource_limits",
            {"x.org/gpu": "1"},
        ),
        ("singleuser.profileList", [{"display_name": "a"}], "KubeSpawner.profile_list", [{"display_name": "a"}]),
        ("singleuser.nodeSelector", {"a": "b"}, "KubeSpawner.node_selector", {"a": "b"}),
        ("singleuser.uid", 12345, "KubeSpawner.uid", 12345),
        ("singleuser.serviceAccountName", "sa", "KubeSpawner.service_account", "sa"),
        ("singleuser.storage.capacity", "1Gi", "KubeSpawner.storage_capacity", "1Gi"),
        ("singleuser.storage.dynamic.storageClass", "fast", "KubeSpawner.storage_class", "fast"),
        ("singleuser.storage.type", "none", "KubeSpawner.volumes", {}),
        ("singleuser.image.tag", "", "KubeSpawner.image", "registry.example.org/vre/lab"),
        ("singleuser.cmd", ["x"], "Spawner.cmd", ["x"]),
        ("singleuser.defaultUrl", "/lab", "Spawner.default_url", "/lab"),
        ("hub.activeServerLimit", 3, "JupyterHub.active_server_limit", 3),
        ("hub.db.type", "sqlite-memory", "JupyterHub.db_url", "sqlite://"),
        ("hub.config.KubeSpawner.http_timeout", 40, "KubeSpawner.http_timeout", 40),
        ("hub.config.JupyterHub.admin_access", False, "JupyterHub.admin_access", False),
        ("hub.cookieSecret", HEX["2"], "JupyterHub.cookie_secret", HEX["2"]),
        ("imagePullSecret.create", True, "KubeSpawner.image_pull_secrets", ["image-pull-secret"]),
        ("debug.enabled", True, "JupyterHub.log_level", "DEBUG"),
    ],
)
def test_values_of_the_centre_are_traits_of_the_hub(
    render: Render, tmp_path: Path, key: str, value: Any, trait: str, expected: Any
) -> None:
    section, _dot, name = trait.partition(".")
    assert configuration(render(CENTRE, nested(key, value)), tmp_path)[section][name] == expected


def test_every_change_of_values_restarts_the_hub_and_nothing_else(render: Render) -> None:
    one, same, other = (render(CENTRE, nested("custom.colour", colour)) for colour in ("blue", "blue", "red"))
    assert one == same
    changed = [key for key in one if one[key] != other[key]]
    assert changed == [("Secret", "hub"), ("Deployment", "hub")]


def test_the_first_rendering_makes_secrets_of_its_own(render: Render) -> None:
    bare = {"singleuser": {"cloudMetadata": {"blockWithIptables": False}}, "hub": {"services": {"own": {}}}}
    first, second = (render(bare)["Secret", "hub"]["data"] for _ in range(2))
    made = {key for key in first if first[key] != second[key]}
    assert made == {
        "hub.services.own.apiToken",
        "hub.config.ConfigurableHTTPProxy.auth_token",
        "hub.config.JupyterHub.cookie_secret",
        "hub.config.CryptKeeper.keys",
    }


@pytest.mark.parametrize("name", ["hub", "proxy"])
def test_its_pods_are_allowed_where_pods_are_restricted(render: Render, name: str) -> None:
    spec = render(CENTRE)["Deployment", name]["spec"]["template"]["spec"]
    for container in spec["containers"]:
        context = spec.get("securityContext", {}) | container["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def test_names_and_labels_are_those_of_the_real_chart(render: Render) -> None:
    objects = render(CENTRE)
    assert {name for kind, name in objects if kind == "Service"} == {"hub", "proxy-api", "proxy-public"}
    for component in ("hub", "proxy"):
        labels = objects["Deployment", component]["spec"]["template"]["metadata"]["labels"]
        wanted = {"app": "jupyterhub", "release": "jupyterhub", "component": component}
        assert wanted.items() <= labels.items()
        assert objects["Deployment", component]["spec"]["selector"]["matchLabels"] == wanted
    ports = {port["name"]: port["nodePort"] for port in objects["Service", "proxy-public"]["spec"]["ports"]}
    assert ports == {"https": 443, "http": 80}
