"""The pods that the real KubeSpawner makes of a choice; they run in the scenario kubernetes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kubespawner import KubeSpawner
from traitlets.config import Config

import gaia_vre_hub
from gaia_vre_hub.centre import CentreFiles
from gaia_vre_hub.errors import RefusedError, Unready
from gaia_vre_hub.manifest import Manifest, Resources
from gaia_vre_hub.options import Choice
from gaia_vre_hub.spawner import over
from gaia_vre_hub.substrates import kubernetes

HOSTILE = "{username} {0} {pvc_name!r} $(JUPYTERHUB_API_TOKEN) $ %s"
HOME = {"name": "home-{user_server}", "persistentVolumeClaim": {"claimName": "{pvc_name}"}}
HOME_MOUNT = {"name": "home-{user_server}", "mountPath": "/home/jovyan", "subPath": "{username}"}
DATA = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
DATA_MOUNT = {"name": "data", "mountPath": "/data"}
OWN = {"system": "lab", "business": ["atmosphere", "ocean"]}
Pod = dict[str, Any]
Made = Callable[..., Pod]


def image_mount(name: str, pin: dict[str, Any]) -> dict[str, Any]:
    volume = f"gaia-{pin['digest'][7:47]}"
    return {
        "volume": {"name": volume, "image": {"reference": pin["reference"], "pullPolicy": "IfNotPresent"}},
        "volume_mount": {"name": volume, "mountPath": f"/opt/gaia/{name}", "readOnly": True},
    }


def directory_mount(name: str, pin: dict[str, Any]) -> dict[str, Any]:
    claim = {"claimName": "gaia-vre-store", "readOnly": True}
    mount = {"mountPath": f"/opt/gaia/{name}", "subPath": f"{pin['digest'][7:]}/root", "readOnly": True}
    return {
        "volume": {"name": "gaia-vre-store", "persistentVolumeClaim": claim},
        "volume_mount": {"name": "gaia-vre-store", **mount},
    }


@pytest.fixture(params=[image_mount, directory_mount], ids=["image", "directory"])
def centre(request: pytest.FixtureRequest, data: dict[str, Any], tmp_path: Path) -> Path:
    """A manifest of this substrate, as the collection compiles it, with words that are no templates."""
    for number, (name, image) in enumerate(data["images"].items()):
        for pin in filter(None, (image["offered"], image["candidate"])):
            pin["digest"] = f"sha256:{number:08x}{pin['digest'][15:]}"
            pin["reference"] = f"registry.example.org/vre/{name}@{pin['digest']}"
            if image["kind"] == "business":
                pin["mount"] = request.param(name, pin)
            else:
                pin["launch"] = {"image": pin["reference"]}
    data["images"]["atmosphere"]["title"] = {"en": HOSTILE}
    data |= {"substrate": "kubernetes", "mount_kind": request.param.__name__.partition("_")[0]}
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(data))
    return path


@pytest.fixture
def made(centre: Path, kubeconfig: Path) -> Made:  # noqa: ARG001 - KubeSpawner reads it
    """Makes the pod of a choice, by the way that JupyterHub takes, with a hub's configuration of KubeSpawner."""

    async def make(options: dict[str, Any], traits: dict[str, Any]) -> Pod:
        user = SimpleNamespace(name="alice", id=1, url="/user/alice/", groups=[SimpleNamespace(name="oceanographers")])
        hub = SimpleNamespace(public_host="", base_url="/hub/", api_url="http://hub:8081/hub/api")
        spawner = over(KubeSpawner, CentreFiles(str(centre)))(
            config=Config({"KubeSpawner": traits}), user=user, hub=hub, _mock=True
        )
        try:
            spawner.user_options, spawner.api_token, spawner.vre_launch = options, "secret", "this-launch"
            await spawner.run_pre_spawn_hook()
            await spawner.load_user_options()
            pod: Pod = spawner.api.api_client.sanitize_for_serialization(await spawner.get_pod_manifest())
        finally:
            await spawner.api.api_client.close()
        return pod

    return lambda options=OWN, **traits: asyncio.run(make(options, traits))


def container(pod: Pod) -> dict[str, Any]:
    found: dict[str, Any] = pod["spec"]["containers"][0]
    return found


def variables(pod: Pod) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in container(pod)["env"]}


def expected(centre: Path, *names: str) -> tuple[list[Any], list[Any]]:
    manifest = Manifest.model_validate_json(centre.read_text())
    mounts = [(manifest.images[name].offered or pytest.fail(name)).mount or {} for name in names]
    volumes = {mount["volume"]["name"]: mount["volume"] for mount in mounts}
    return list(volumes.values()), [mount["volume_mount"] for mount in mounts]


HUBS = {
    "none": ({}, [], []),
    "lists": (
        {"volumes": [HOME, DATA], "volume_mounts": [HOME_MOUNT, DATA_MOUNT]},
        ["home-alice", "data"],
        ["/home/jovyan", "/data"],
    ),
    "dictionaries": (
        {"volumes": {"z": HOME, "a": DATA}, "volume_mounts": {"z": HOME_MOUNT, "a": DATA_MOUNT}},
        ["data", "home-alice"],
        ["/data", "/home/jovyan"],
    ),
    "list and dictionary": (
        {"volumes": [HOME], "volume_mounts": {"home": HOME_MOUNT}},
        ["home-alice"],
        ["/home/jovyan"],
    ),
}


@pytest.mark.parametrize(("traits", "volumes", "paths"), HUBS.values(), ids=HUBS)
def test_what_was_chosen_is_mounted_after_what_the_hub_has(
    made: Made, centre: Path, traits: dict[str, Any], volumes: list[str], paths: list[str]
) -> None:
    pod = made(**traits)
    chosen_volumes, chosen_mounts = expected(centre, "ocean", "atmosphere")
    assert [volume["name"] for volume in pod["spec"]["volumes"]][: len(volumes)] == volumes
    assert pod["spec"]["volumes"][len(volumes) :] == chosen_volumes, "one of each name"
    assert [mount["mountPath"] for mount in container(pod)["volumeMounts"]][: len(paths)] == paths
    assert container(pod)["volumeMounts"][len(paths) :] == chosen_mounts


def test_the_pod_says_what_it_is_made_of(made: Made, centre: Path) -> None:
    pod = made(extra_annotations={"a": "{username}"}, extra_labels={"b": "c"})
    manifest = Manifest.model_validate_json(centre.read_text())
    pins = {name: pin for name in ("lab", "ocean", "atmosphere") if (pin := manifest.images[name].offered)}
    assert container(pod)["image"] == pins["lab"].reference
    assert container(pod)["imagePullPolicy"] == "IfNotPresent"
    annotations, labels = pod["metadata"]["annotations"], pod["metadata"]["labels"]
    assert json.loads(annotations["gaia-data.org/images"]) == {name: pin.digest for name, pin in pins.items()}
    assert (annotations["a"], annotations["gaia-data.org/launch"]) == ("alice", "this-launch")
    assert (labels["b"], labels["gaia-data.org/session"], labels["component"]) == ("c", "true", "singleuser-server")
    assert variables(pod)["CONDA_ENVS_PATH"] == "/opt/gaia/ocean/envs:/opt/gaia/atmosphere/envs"
    assert pod["spec"]["restartPolicy"] == "Never", "a session that ends is told why"
    assert container(pod)["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_the_hubs_own_restarts_stay_where_it_has_more_containers(made: Made) -> None:
    pod = made(extra_containers=[{"name": "side", "image": "x"}])
    assert pod["spec"]["restartPolicy"] == "OnFailure"
    assert "volumeMounts" not in pod["spec"]["containers"][1]
    assert made(extra_pod_config={"restartPolicy": "Always"})["spec"]["restartPolicy"] == "Always"


def kubelet(value: str) -> str:
    """What a variable's value becomes in a container: $(NAME) is another variable, $$ a dollar."""
    assert "$(" not in value.replace("$$", "")
    return value.replace("$$", "$")


def test_no_word_of_ours_is_a_template(made: Made) -> None:
    pod = made(environment={"CONDA_ENVS_PATH": "/opt/{username}/envs", "FOO": "$(BAR)"})
    session = json.loads(kubelet(variables(pod)["GAIA_VRE_SESSION"]))
    assert session["images"]["atmosphere"]["title"] == HOSTILE
    assert variables(pod)["FOO"] == "$(BAR)", "the admin's own are"
    assert variables(pod)["CONDA_ENVS_PATH"] == "/opt/gaia/ocean/envs:/opt/gaia/atmosphere/envs:/opt/alice/envs"


def test_resources_are_those_of_the_choice_and_no_more_is_promised(made: Made) -> None:
    hub = {"mem_limit": "1G", "mem_guarantee": "4G", "cpu_guarantee": 2, "cpu_limit": 8}
    resources = container(made(**hub))["resources"]
    assert resources == {
        "limits": {"cpu": 1.0, "memory": 2 << 30},
        "requests": {"cpu": 1.0, "memory": 2 << 30},
    }
    large = container(made({**OWN, "resources": "large"}, **hub))["resources"]
    assert large["limits"] == {"cpu": 4.0, "memory": 8 << 30}
    assert large["requests"] == {"cpu": 2.0, "memory": 4 << 30}, "what is promised stays the admin's"


def test_the_admins_resources_stand_for_what_the_choice_does_not_say() -> None:
    spawner = SimpleNamespace(
        mem_limit=1, mem_guarantee=None, cpu_limit=2, cpu_guarantee=1, extra_resource_limits={"a": "1"}
    )
    kubernetes.limit(spawner, Resources())
    assert (spawner.mem_limit, spawner.cpu_limit, spawner.extra_resource_limits) == (1, 2, {"a": "1"})
    spawner.extra_resource_guarantees = {}
    kubernetes.limit(spawner, Resources(gpu=2, memory=5))
    assert spawner.extra_resource_limits == {"a": "1", "nvidia.com/gpu": "2"}
    assert (spawner.mem_limit, spawner.mem_guarantee) == (5, None)


PROFILE = {
    "display_name": "the admin's",
    "kubespawner_override": {
        "image": "registry.example.org/own:1",
        "image_pull_policy": "Always",
        "mem_limit": "1G",
        "mem_guarantee": "8G",
        "environment": {"OWN": "1"},
        "volumes": [{"name": "scratch", "emptyDir": {}}],
        "volume_mounts": [{"name": "scratch", "mountPath": "/scratch"}],
    },
}


@pytest.mark.parametrize(
    "traits",
    [
        {"volumes": [HOME, DATA], "volume_mounts": [HOME_MOUNT, DATA_MOUNT]},
        {"volumes": {"z": HOME, "a": DATA}, "volume_mounts": {"z": HOME_MOUNT, "a": DATA_MOUNT}},
    ],
    ids=["lists", "dictionaries"],
)
def test_a_profile_takes_neither_home_nor_choice_away(made: Made, centre: Path, traits: dict[str, Any]) -> None:
    pod = made(profile_list=[PROFILE], **traits)
    chosen_volumes, chosen_mounts = expected(centre, "ocean", "atmosphere")
    assert [volume["name"] for volume in pod["spec"]["volumes"]] == [
        "scratch",
        "home-alice",
        *(volume["name"] for volume in chosen_volumes),
    ], "the profile's own, the user's files, the choice; not what the profile meant to leave out"
    claims = [volume["persistentVolumeClaim"]["claimName"] for volume in pod["spec"]["volumes"][1:2]]
    assert claims == ["claim-alice"]
    mounts = container(pod)["volumeMounts"]
    assert [mount["mountPath"] for mount in mounts] == [
        "/scratch",
        "/home/jovyan",
        *(mount["mountPath"] for mount in chosen_mounts),
    ]
    assert container(pod)["image"].startswith("registry.example.org/vre/lab@sha256:")
    assert container(pod)["imagePullPolicy"] == "IfNotPresent"
    assert container(pod)["resources"] == {"limits": {"cpu": 1.0, "memory": 2 << 30}, "requests": {"memory": 2 << 30}}
    assert variables(pod)["OWN"] == "1"


ONE = {"name": "one", "emptyDir": {}}
ONE_MOUNT = {"name": "one", "mountPath": "/one"}
HOME_ELSEWHERE = {"name": "own", "mountPath": "/home/jovyan"}


@pytest.mark.parametrize(
    ("before", "after", "volumes", "mounts"),
    [
        (([HOME], [HOME_MOUNT]), ([HOME, ONE], [HOME_MOUNT, ONE_MOUNT]), [], []),
        (([HOME, DATA], [HOME_MOUNT, DATA_MOUNT]), ([ONE], [ONE_MOUNT]), [HOME], [HOME_MOUNT]),
        # A mount that stays needs its volume, whatever it is.
        (([HOME, DATA], [HOME_MOUNT, DATA_MOUNT]), ([ONE], [HOME_MOUNT, DATA_MOUNT]), [HOME, DATA], []),
        (([HOME], [HOME_MOUNT]), ([HOME], [ONE_MOUNT]), [], [HOME_MOUNT]),
        # A profile with homes of its own has them.
        (([HOME], [HOME_MOUNT]), ([ONE], [HOME_ELSEWHERE]), [], []),
        # A dictionary over a list replaces it, too; one over a dictionary is put into it by KubeSpawner.
        (([HOME], [HOME_MOUNT]), ({"one": ONE}, {"one": ONE_MOUNT}), [HOME], [HOME_MOUNT]),
        (({"h": HOME, "d": DATA}, {"h": HOME_MOUNT, "d": DATA_MOUNT}), ({"d": DATA}, {"d": DATA_MOUNT}), [], []),
        (({"h": HOME}, {"h": HOME_MOUNT}), ([], []), [HOME], [HOME_MOUNT]),
        (([], []), ([ONE], [ONE_MOUNT]), [], []),
    ],
)
def test_what_a_profile_drops_of_the_users_files(
    before: Any, after: Any, volumes: list[Any], mounts: list[Any]
) -> None:
    assert kubernetes.lost(before, after) == (volumes, mounts)


@pytest.mark.parametrize("path", ["/opt/gaia/ocean", "/opt/gaia/ocean/", "/opt//gaia/./ocean"])
@pytest.mark.parametrize("way", ["mounts", "container"])
def test_a_path_that_the_hub_mounts_itself_is_named(made: Made, path: str, way: str) -> None:
    mounts = [{"name": "data", "mountPath": path}]
    traits = {"volume_mounts": mounts} if way == "mounts" else {"extra_container_config": {"volumeMounts": mounts}}
    with pytest.raises(RefusedError) as raised:
        made(volumes=[DATA], **traits)
    assert "/opt/gaia/ocean" in raised.value.jupyterhub_message


def test_what_an_admin_puts_into_the_pod_itself_stays(made: Made, centre: Path) -> None:
    """KubeSpawner lays these over the volumes that it has by then."""
    pod = made(
        volumes=[HOME],
        volume_mounts=[HOME_MOUNT],
        extra_pod_config={"volumes": [DATA], "tolerations": [{"key": "{username}"}]},
        extra_container_config={"volumeMounts": [DATA_MOUNT], "terminationMessagePolicy": "File"},
    )
    chosen_volumes, chosen_mounts = expected(centre, "ocean", "atmosphere")
    assert pod["spec"]["volumes"] == [DATA, *chosen_volumes]
    assert container(pod)["volumeMounts"] == [DATA_MOUNT, *chosen_mounts]
    assert container(pod)["terminationMessagePolicy"] == "File"


def test_a_store_that_the_hub_mounts_itself_is_mounted_once(made: Made, centre: Path) -> None:
    volumes, mounts = expected(centre, "ocean")
    pod = made({"system": "lab", "business": ["ocean"]}, volumes=volumes)
    assert pod["spec"]["volumes"] == volumes
    assert container(pod)["volumeMounts"] == mounts


def test_a_composition_is_a_choice_and_a_stale_one_is_named(made: Made) -> None:
    pod = made({"composition": "coastal"})
    assert len(container(pod)["volumeMounts"]) == 2
    with pytest.raises(RefusedError) as raised:
        made({"system": "lab", "business": ["gone"]})
    assert "gone" in raised.value.jupyterhub_message


def test_only_classes_of_kubespawner_are_changed() -> None:
    class Other:
        vre = True

    class Own(KubeSpawner):  # type: ignore[misc]
        """A centre's own."""

    assert kubernetes.over(Other) is Other
    assert issubclass(kubernetes.over(Own), Own)
    assert kubernetes.over(Own).__name__ == "Own", "its configuration is found by this name"
    choice = Choice("lab", {})
    with pytest.raises(Unready):
        asyncio.run(kubernetes.missing(Other(), choice))
    assert asyncio.run(kubernetes.missing(kubernetes.over(Own), choice)) == []
    assert asyncio.run(kubernetes.unusable({})) == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"kind": "Status", "message": "exceeded quota"}', "exceeded quota"),
        (b'{"kind": "Status", "message": "exceeded quota"}', "exceeded quota"),
        ('{"kind": "Status"}', ""),
        ("[1]", "[1]"),
        ("bad gateway", "bad gateway"),
        (None, ""),
    ],
)
def test_what_the_cluster_says_of_a_request(body: Any, said: str) -> None:
    assert kubernetes.status_message(body) == said


@pytest.mark.parametrize(
    ("former", "blocked"),
    [
        ({}, {}),
        ({"Authenticator": ["eve"]}, {"Authenticator": {"eve"}}),
        ({"LDAPAuthenticator": {"eve"}}, {"LDAPAuthenticator": {"eve"}}),
    ],
)
def test_the_user_of_the_check_is_reserved(former: dict[str, Any], blocked: dict[str, set[str]]) -> None:
    c = Config({name: {"blocked_users": users} for name, users in former.items()})
    gaia_vre_hub.reserve(c, "gaia-vre-check")
    found = {name: c[name].blocked_users for name in c}
    expected = {"Authenticator": set(), **blocked}
    assert found == {name: {*users, "gaia-vre-check"} for name, users in expected.items()}


def test_whom_the_centre_added_to_the_blocked_stays() -> None:
    c = Config()
    c.Authenticator.blocked_users.add("eve")
    gaia_vre_hub.reserve(c, "gaia-vre-check")
    assert c.Authenticator.blocked_users == {"eve", "gaia-vre-check"}


CONFIGURE = """
import sys
from pathlib import Path
from traitlets.config import Config
import gaia_vre_hub
from gaia_vre_hub.form import render
from gaia_vre_hub.manifest import ManifestFile

for configured in ("kubespawner.KubeSpawner", __import__("kubespawner").KubeSpawner):
    c = Config()
    c.JupyterHub.spawner_class = configured
    gaia_vre_hub.configure(c, sys.argv[1])
    assert c.JupyterHub.spawner_class.__name__ == "VreKubeSpawner", c.JupyterHub.spawner_class
    assert hasattr(c.JupyterHub.spawner_class, "vre_launch")
    assert Path(c.JupyterHub.template_paths[-1], "spawn_pending.html").is_file()
assert "atmosphere" in render(ManifestFile(sys.argv[1]).current(), set(), "en")
assert "/..data/" not in gaia_vre_hub.__file__
"""


@pytest.mark.parametrize("centre", [image_mount], indirect=True)
def test_the_package_works_from_a_config_map(centre: Path, tmp_path: Path) -> None:
    """The kubelet mounts one as links into a hidden folder, which it exchanges as a whole."""
    package = Path(gaia_vre_hub.__file__).parent
    mounted = tmp_path / "etc/gaia_vre_hub"
    for path in package.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            target = mounted / "..2026_11_26" / path.relative_to(package)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    (mounted / "..data").symlink_to("..2026_11_26")
    for top in (mounted / "..data").iterdir():
        (mounted / top.name).symlink_to(Path("..data") / top.name)
    for folder in (mounted, *(path for path in mounted.rglob("*") if path.is_dir() and not path.is_symlink())):
        folder.chmod(0o555)
    command = [sys.executable, "-B", "-c", CONFIGURE, str(centre)]
    environment = {"PYTHONPATH": str(mounted.parent), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
