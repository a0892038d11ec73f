"""The collection's modules against a real cluster: what it can do, what its nodes hold, what its hub reads."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils._config_map import REVISION, ConfigMap
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._kubernetes import Cluster
from ansible_collections.gaia_data.vre.plugins.module_utils._state import CHECKS, LAST, MANIFEST, NOTICE, Texts
from gaia_lab.adhoc import result
from gaia_lab.booted import LAB, Booted, booted
from gaia_lab.process import kill_family

NAME = f"test{os.getpid()}k"
CENTRE = Booted(NAME)
NAMESPACE, SECRET, CONFIG_MAP = "jupyterhub", "gaia-vre-registries", "gaia-vre"
HOST = "registry.example.org"
PAUSE = f"{HOST}/vre/pause:1"
STORE_IMAGE = f"{HOST}/vre/store:2026.11"
PREPULL = {"gaia-data.org/component": "prepull"}
PROBE = {"gaia-data.org/component": "probe"}
ABSENT = f"{HOST}/tiny/tiny000@sha256:{'0' * 64}"
# Prints the digests of references.
PINS = """
import json, os, sys
from ansible_collections.gaia_data.vre.plugins.module_utils._registry import Registries
with open(os.environ["GAIA_LAB_STATE"] + "/lab.json") as file:
    state = json.load(file)
login = {key: state["registry"][key] for key in ("username", "password")}
with Registries.open({state["registry"]["host"]: {**login, "ca_file": state["ca"]}}) as registries:
    for found in registries.inspect_all(sys.argv[1:]).values():
        print(found.digest)
"""
Options = dict[str, Any]


@pytest.fixture(autouse=True, scope="module")
def centre() -> Iterator[Booted]:
    with booted("kubernetes", NAME) as found:
        yield found


@pytest.fixture(scope="module")
def settings(centre: Booted) -> dict[str, Any]:
    """How the lab's registry is reached from here."""
    state = json.loads((centre.lab.folder / "lab.json").read_text())
    login = state["registry"]
    return {"username": login["username"], "password": login["password"], "ca_file": state["ca"]}


@pytest.fixture(scope="module")
def cluster(settings: dict[str, Any]) -> Cluster:
    """The cluster as who deploys there has it, with the registry's login."""
    found = Cluster.open(kubeconfig(), None, NAMESPACE)
    put_secret(found, settings["username"], settings["password"])
    return found


@pytest.fixture(scope="module")
def images() -> Callable[..., list[str]]:
    """``images("vre/lab:2026.11")``: references by digest."""

    def pinned(*names: str) -> list[str]:
        # Only in there the registry's name is known.
        argv = [LAB, "run", "--name", NAME, "--", sys.executable, "-c", PINS, *(f"{HOST}/{name}" for name in names)]
        digests = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()
        return [f"{HOST}/{name.partition(':')[0]}@{digest}" for name, digest in zip(names, digests, strict=True)]

    return pinned


@pytest.fixture(scope="module")
def tiny(images: Callable[..., list[str]]) -> list[str]:
    """Many small images by digest."""
    return images(*(f"tiny/tiny{number:03}:1" for number in range(48)))


@pytest.fixture(scope="module")
def lab_image(images: Callable[..., list[str]]) -> str:
    """The system image by digest."""
    return images("vre/lab:2026.11")[0]


def kubeconfig(who: str = "-deployer") -> str:
    return str(CENTRE.lab.folder / f"kubeconfig{who}")


def put_secret(cluster: Cluster, username: str, password: str) -> None:
    login = base64.b64encode(f"{username}:{password}".encode()).decode()
    config = json.dumps({"auths": {HOST: {"auth": login}}}).encode()
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": base64.b64encode(config).decode()},
    }
    cluster.delete("Secret", SECRET)
    cluster.create("Secret", body)


def begin(name: str, options: Options, *, check: bool = False) -> subprocess.Popen[str]:
    """A module begins, as a play runs it on the admin's computer."""
    arguments = json.dumps({"kubeconfig": kubeconfig(), "namespace": NAMESPACE, **options})
    argv = ["ansible", "localhost", "-m", f"gaia_data.vre.{name}", "-a", arguments, *(["--check"] if check else [])]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "true", "ANSIBLE_FORCE_COLOR": "false", "ANSIBLE_DIFF_ALWAYS": "0"}
    return subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True)


def module(name: str, options: Options, *, check: bool = False, fails: bool = False) -> dict[str, Any]:
    """What a module says at its end."""
    found = result(begin(name, options, check=check))
    assert bool(found.get("failed")) is fails, found
    return found


def killed(name: str, options: Options, after: Callable[[], bool]) -> None:
    """Begin a module, and kill it with all of its processes as soon as something is so."""
    process = begin(name, options)
    until = time.monotonic() + 180
    while not after():
        assert time.monotonic() < until, "it never came to that"
        assert process.poll() is None, f"it ended before: {process.communicate()[0]}"
        time.sleep(0.05)
    kill_family(process.pid)
    process.communicate()


def waits(what: Callable[[], bool], patience: float = 180) -> None:
    until = time.monotonic() + patience
    while not what():
        assert time.monotonic() < until, "it does not come to that"
        time.sleep(0.3)


def prepull(images: list[str], **more: Any) -> Options:
    return {"images": images, "pause_image": PAUSE, "pull_secret": SECRET, **more}


def pods(cluster: Cluster, labels: dict[str, str]) -> list[dict[str, Any]]:
    return [pod for pod in cluster.list("Pod", labels) if "deletionTimestamp" not in pod["metadata"]]


def groups(cluster: Cluster) -> dict[str, list[str]]:
    found = {}
    for one in cluster.list("DaemonSet", PREPULL):
        volumes = one["spec"]["template"]["spec"].get("volumes") or []
        found[one["metadata"]["name"]] = [volume["image"]["reference"] for volume in volumes]
    return dict(sorted(found.items()))


@pytest.fixture
def nothing_held(cluster: Cluster) -> None:
    """No image is held on a node; what was pulled is there still."""
    for one in cluster.list("DaemonSet", PREPULL):
        cluster.delete("DaemonSet", one["metadata"]["name"])
    waits(lambda: not cluster.list("Pod", PREPULL))


def forget(*images: str) -> None:
    """Remove images from the nodes."""
    for node in ("node1", "node2"):
        names = " ".join(images)
        CENTRE.on(node, f"for one in {names}; do ctr -n k8s.io images rm --sync $one >/dev/null 2>&1 || true; done")


@contextmanager
def stopped(host: str, unit: str) -> Iterator[None]:
    CENTRE.on(host, f"systemctl stop {unit}")
    try:
        yield
    finally:
        CENTRE.on(host, f"systemctl start {unit}")


# -- what the cluster can do ----------------------------------------------------------------------------


def test_what_the_cluster_can_do_is_seen_once_and_remembered(cluster: Cluster, lab_image: str) -> None:
    options = {
        "substrate": "kubernetes",
        "system_image": lab_image,
        "pull_secret": SECRET,
        "config_map": CONFIG_MAP,
        "storage_class": "shared",
    }
    cluster.delete("ConfigMap", CONFIG_MAP)
    able = module("substrate_info", options)["capabilities"]
    assert able["mount_kind"] == "image", able
    assert able["subpath"] is False, "containerd 2.1 mounts the whole image instead of a part"
    assert (able["platform"], able["platforms"], able["version"]) == ("linux/amd64", ["linux/amd64"], "1.36.3")
    (kind,) = able["nodes"].values()
    assert (kind["names"], kind["error"]) == (["node1", "node2"], "")
    assert kind["runtime"].startswith("containerd://2.1.")
    assert able["mount_kinds"]["directory"]["usable"]
    assert pods(cluster, PROBE) == []
    record = (cluster.get("ConfigMap", CONFIG_MAP) or {})["data"]["measured.json"]
    seen = cluster.list("Event", fields="involvedObject.kind=Pod,reason=Scheduled")
    again = module("substrate_info", options)["capabilities"]
    assert "measured on node" in again["reason"]
    assert again["mount_kind"] == "image"
    assert (cluster.get("ConfigMap", CONFIG_MAP) or {})["data"]["measured.json"] == record
    assert len(cluster.list("Event", fields="involvedObject.kind=Pod,reason=Scheduled")) == len(seen), "no pod again"


def test_a_probe_that_was_killed_leaves_nothing_for_long(cluster: Cluster, lab_image: str) -> None:
    options = {"substrate": "kubernetes", "system_image": lab_image, "pull_secret": SECRET}
    killed("substrate_info", options, lambda: bool(pods(cluster, PROBE)))
    (left,) = pods(cluster, PROBE)
    waits(lambda: all(pod["status"]["phase"] == "Succeeded" for pod in pods(cluster, PROBE)))
    assert module("substrate_info", options)["capabilities"]["mount_kind"] == "image"
    assert left["metadata"]["name"] not in [pod["metadata"]["name"] for pod in pods(cluster, PROBE)]
    assert pods(cluster, PROBE) == []


def test_what_cannot_be_measured_is_told(cluster: Cluster, lab_image: str) -> None:
    options = {"substrate": "kubernetes", "system_image": lab_image, "pull_secret": SECRET}
    no_node = module("substrate_info", {**options, "node_selector": {"vre": "yes"}})["capabilities"]
    assert no_node["mount_kind"] is None
    assert "no node takes sessions now. Remedy: correct kubernetes_node_selector" in no_node["reason"]
    absent = {**options, "system_image": lab_image.partition("@")[0] + f"@sha256:{'0' * 64}"}
    reason = module("substrate_info", absent)["capabilities"]["reason"]
    assert f"{HOST}/vre/lab on node" in reason
    assert "is not in the registry" in reason
    assert "no StorageClass is named whose volumes nodes can share; the cluster has: shared (default, " in reason
    assert pods(cluster, PROBE) == []


def test_a_policy_that_refuses_volumes_of_images_is_told_in_its_words(cluster: Cluster, lab_image: str) -> None:
    """A policy of the cluster's admin; without it the same pods are taken again."""
    rule = "!has(object.spec.volumes) || object.spec.volumes.all(v, !has(v.image))"
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "no-images"},
        "spec": {
            "matchConstraints": {
                "resourceRules": [
                    {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
                ]
            },
            "validations": [{"expression": rule, "message": "volumes of images are not for you"}],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "no-images"},
        "spec": {"policyName": "no-images", "validationActions": ["Deny"]},
    }
    kubectl("apply", "--filename=-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": [policy, binding]}))
    options = {"substrate": "kubernetes", "system_image": lab_image, "pull_secret": SECRET, "storage_class": "shared"}

    def able() -> dict[str, Any]:
        found: dict[str, Any] = module("substrate_info", options)["capabilities"]
        return found

    try:
        waits(lambda: able()["mount_kind"] == "directory", 240)
        assert "refused: " in able()["reason"]
        assert "volumes of images are not for you. Remedy: have the cluster's admin allow" in able()["reason"]
    finally:
        kubectl("delete", "validatingadmissionpolicybinding/no-images", "validatingadmissionpolicy/no-images")
    waits(lambda: able()["mount_kind"] == "image", 240)
    assert pods(cluster, PROBE) == []


def kubectl(*words: str, stdin: str | None = None) -> str:
    """As the cluster's admin."""
    argv = [str(binary("kubectl")), f"--kubeconfig={kubeconfig('')}", *words]
    return subprocess.run(argv, input=stdin, check=True, capture_output=True, text=True).stdout


def binary(name: str) -> Path:
    from gaia_lab.kubernetes.binaries import ensure_binaries

    found = shutil.which(name)
    return Path(found) if found else ensure_binaries() / name


# -- what the nodes hold --------------------------------------------------------------------------------


@pytest.mark.usefixtures("nothing_held")
def test_images_are_brought_to_every_node_once(cluster: Cluster, tiny: list[str]) -> None:
    images, patience = tiny[:10], {"patience": 3}
    dry = module("image_prepull", prepull(images, **patience), check=True)
    assert (dry["changed"], dry["brought"]) == (True, images)
    assert groups(cluster) == {}
    first = module("image_prepull", prepull(images, **patience))
    assert (first["changed"], first["brought"], first["absent"], first["problems"]) == (True, images, [], [])
    assert first["progress"][-1].endswith("s: 10 of 10 images are on every node")
    assert groups(cluster) == {"gaia-vre-prepull-1": images[:8], "gaia-vre-prepull-2": images[8:]}
    versions = [one["metadata"]["generation"] for one in cluster.list("DaemonSet", PREPULL)]
    again = module("image_prepull", prepull(images))
    assert len(again["progress"]) == 1
    assert (again["changed"], again["brought"], again["there"]) == (False, [], images)
    assert [one["metadata"]["generation"] for one in cluster.list("DaemonSet", PREPULL)] == versions
    more = module("image_prepull", prepull([*images[:3], *tiny[10:12]]))
    assert (more["changed"], more["brought"]) == (True, tiny[10:12])
    assert groups(cluster) == {"gaia-vre-prepull-1": images[:8], "gaia-vre-prepull-2": [*images[8:], *tiny[10:12]]}
    for pod in pods(cluster, PREPULL):
        assert pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] is False


@pytest.mark.usefixtures("nothing_held")
def test_a_group_that_changes_is_never_without_a_pod(cluster: Cluster, tiny: list[str]) -> None:
    module("image_prepull", prepull(tiny[:2]))
    ready: list[int] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            held = [pod for pod in cluster.list("Pod", PREPULL) if pod["status"].get("phase") == "Running"]
            ready.append(len({pod["spec"]["nodeName"] for pod in held}))

    with ThreadPoolExecutor() as pool:
        looking = pool.submit(look)
        try:
            module("image_prepull", prepull(tiny[:5]))
        finally:
            done.set()
    looking.result()  # a look that failed says nothing of what is ready
    assert min(ready) == 2, ready


@pytest.mark.usefixtures("nothing_held")
def test_forty_images_without_a_node_saying_no(cluster: Cluster, tiny: list[str]) -> None:
    images = tiny[:40]
    forget(*images)
    found = module("image_prepull", prepull(images))
    assert (len(found["brought"]), found["problems"]) == (40, []), found
    said = [event["message"] for event in cluster.list("Event", fields="reason=Failed")]
    assert not [words for words in said if "QPS" in words]


@pytest.mark.usefixtures("nothing_held")
def test_an_image_that_is_not_in_the_registry_holds_no_other(cluster: Cluster, tiny: list[str]) -> None:
    images = [tiny[0], ABSENT, *tiny[1:3]]
    forget(*tiny[:3])
    found = module("image_prepull", prepull(images))
    assert (found["absent"], found["brought"]) == ([ABSENT], tiny[:3])
    assert [(row["image"], row["node"], row["failed"]) for row in found["problems"]] == [(ABSENT, "", True)] * 2
    text = found["problems"][0]["text"]
    assert text.startswith(f"{HOST}/tiny/tiny000 on node")
    assert "is not in the registry: " in text
    assert ": not found. Remedy: push it again, or lock another one." in text
    assert groups(cluster) == {"gaia-vre-prepull-1": tiny[:3]}


@pytest.mark.usefixtures("nothing_held")
def test_without_a_login_the_registry_refuses(cluster: Cluster, tiny: list[str]) -> None:
    forget(*tiny[:2])
    found = module("image_prepull", prepull(tiny[:2], pull_secret=""))
    assert found["absent"] == tiny[:2]
    assert all("as the registry refuses" in row["text"] for row in found["problems"])
    assert "give its login in vre_registries" in found["problems"][0]["text"]
    assert groups(cluster) == {}


@pytest.mark.usefixtures("nothing_held")
def test_a_registry_that_is_down_is_not_needed_for_what_is_there(cluster: Cluster, tiny: list[str]) -> None:
    # None of these was ever removed behind the kubelet's back, which keeps a record of who may use which.
    *there, away = tiny[40:43]
    first = module("image_prepull", prepull(there))
    assert first["there"] == there, first
    for one in cluster.list("DaemonSet", PREPULL):
        cluster.delete("DaemonSet", one["metadata"]["name"])
    waits(lambda: not cluster.list("Pod", PREPULL))
    forget(away)
    with stopped("registry", "docker-registry"):
        again = module("image_prepull", prepull(there))
        assert (again["there"], again["problems"]) == (there, []), again
        found = module("image_prepull", prepull([*there, away], patience=2))
        assert found["absent"] == [away], found
        assert {row["failed"] for row in found["problems"]} == {False}
        assert all("does not reach the registry" in row["text"] for row in found["problems"] if row["image"] == away)
    healed = module("image_prepull", prepull([*there, away]))
    assert (healed["changed"], healed["absent"]) == (False, [])


@contextmanager
def no_room() -> Iterator[None]:
    """A quota that no further pod has room in."""
    CENTRE.on("hub", f"kubectl --namespace={NAMESPACE} create quota full --hard=pods=0")
    try:
        waits(
            lambda: (
                "pods" in CENTRE.on("hub", f"kubectl --namespace={NAMESPACE} get quota full -o jsonpath={{.status}}")
            )
        )
        yield
    finally:
        CENTRE.on("hub", f"kubectl --namespace={NAMESPACE} delete quota full")


@pytest.mark.usefixtures("nothing_held")
def test_a_quota_that_refuses_pods_is_told(cluster: Cluster, tiny: list[str], settings: dict[str, Any]) -> None:
    with no_room():
        found = module("image_prepull", prepull(tiny[:2], patience=1))
        assert found["absent"] == tiny[:2]
        assert found["problems"]
        assert all("exceeded quota: full" in row["text"] and "Remedy: " in row["text"] for row in found["problems"])
        told = module("image_unpack", order(tiny[:1], settings), fails=True)["msg"]
        assert "the Job that unpacks does not start" in told
        assert "exceeded quota: full" in told
    assert jobs(cluster) == []
    assert module("image_prepull", prepull(tiny[:2]))["there"] == tiny[:2]


@pytest.mark.usefixtures("nothing_held")
def test_a_play_that_was_killed_is_gone_on_with(cluster: Cluster, tiny: list[str]) -> None:
    forget(*tiny[:20])
    killed("image_prepull", prepull(tiny[:20]), lambda: len(groups(cluster)) >= 2)
    found = module("image_prepull", prepull(tiny[:20]))
    assert (found["there"], found["problems"]) == (tiny[:20], [])
    assert groups(cluster) == {f"gaia-vre-prepull-{n + 1}": tiny[8 * n : min(8 * n + 8, 20)] for n in range(3)}


@pytest.mark.usefixtures("nothing_held")
def test_two_plays_at_once(cluster: Cluster, tiny: list[str]) -> None:
    both = [begin("image_prepull", prepull(part)) for part in (tiny[:6], tiny[6:12])]
    found = [result(one) for one in both]
    assert [one.get("absent") for one in found] == [[], []], found
    assert sorted(image for held in groups(cluster).values() for image in held) == sorted(tiny[:12])


@pytest.mark.usefixtures("nothing_held")
def test_where_images_are_no_volumes_system_images_run(cluster: Cluster, lab_image: str) -> None:
    found = module("image_prepull", prepull([lab_image], volumes=False))
    assert found["there"] == [lab_image]
    assert not module("image_prepull", prepull([lab_image], volumes=False))["changed"]
    assert [pod["spec"]["containers"][0]["image"] for pod in pods(cluster, PREPULL)] == [lab_image] * 2
    mounted = module("image_prepull", prepull([lab_image]))
    assert (mounted["changed"], mounted["there"]) == (True, [lab_image])
    assert list(groups(cluster).values()) == [[], [lab_image]]


@pytest.mark.usefixtures("nothing_held")
def test_no_node(cluster: Cluster, tiny: list[str]) -> None:
    found = module("image_prepull", prepull(tiny[:1], node_selector={"vre": "yes"}))
    assert found["absent"] == tiny[:1]
    assert [row["text"].partition(",")[0] for row in found["problems"]] == ["no node takes sessions"]
    assert groups(cluster)


@pytest.mark.usefixtures("nothing_held")
def test_a_node_that_is_down_is_named_and_not_waited_for(cluster: Cluster, tiny: list[str]) -> None:
    with stopped("node2", "kubelet"):
        waits(lambda: "node2" in down(cluster), 120)
        found = module("image_prepull", prepull(tiny[:2]))
        assert found["absent"] == []
        assert [(row["node"], row["failed"]) for row in found["problems"]] == [("node2", False)]
        assert "node2 is down (Kubelet stopped posting node status)" in found["problems"][0]["text"]
    waits(lambda: "node2" not in down(cluster), 120)
    assert module("image_prepull", prepull(tiny[:2]))["problems"] == []


def down(cluster: Cluster) -> list[str]:
    ready = {
        node["metadata"]["name"]: one["status"]
        for node in cluster.list("Node")
        for one in node["status"]["conditions"]
        if one["type"] == "Ready"
    }
    return [name for name, status in ready.items() if status != "True"]


def test_an_api_server_that_starts_again_during_a_play(cluster: Cluster, tiny: list[str]) -> None:
    process = begin("image_prepull", prepull(tiny[20:36]))
    waits(lambda: len(groups(cluster)) > 1)
    CENTRE.on("hub", "systemctl restart kube-apiserver")
    found = result(process)
    assert found.get("absent") == [], found
    # A node whose kubelet could not tell how it is meanwhile may be told; of images there is nothing.
    assert not [row for row in found["problems"] if row["image"] or row["failed"]], found


# -- the store ------------------------------------------------------------------------------------------


def order(images: list[str], settings: dict[str, Any], **more: Any) -> Options:
    return {
        "images": [{"reference": image} for image in images],
        "store_image": STORE_IMAGE,
        "registries": {HOST: settings},
        "pull_secret": SECRET,
        "storage_class": "shared",
        "size": "1Gi",
        **more,
    }


def jobs(cluster: Cluster) -> list[str]:
    return [one["metadata"]["name"] for one in cluster.list("Job", {"gaia-data.org/component": "unpack"})]


def test_images_are_unpacked_once(
    cluster: Cluster, tiny: list[str], images: Callable[..., list[str]], settings: dict[str, Any]
) -> None:
    (ocean,) = images("vre/ocean:2026.1")
    wanted = [ocean, *tiny[:3]]
    dry = module("image_unpack", order(wanted, settings), check=True)
    assert (dry["changed"], dry["brought"]) == (True, wanted)
    first = module("image_unpack", order([*wanted, ABSENT], settings))
    assert (first["changed"], sorted(first["brought"]), first["absent"]) == (True, sorted(wanted), [ABSENT])
    assert "could not be unpacked" in first["problems"][0]["text"]
    assert f"{HOST}/vre/ocean is there" in first["progress"]
    assert settings["password"] not in json.dumps(first)
    assert jobs(cluster) == []
    assert CENTRE.on("hub", f"find /shared -path '*/{ocean.rpartition(':')[2]}/envs' -prune").strip()
    again = module("image_unpack", order(wanted, settings))
    assert (again["changed"], again["brought"], again["progress"]) == (False, [], [])
    part = [{"reference": ocean, "subpath": name} for name in ("envs/ocean", "envs/nowhere")]
    parts = module("image_unpack", {**order([], settings), "images": part})
    assert [row["image"] for row in parts["problems"]] == [ocean]


def test_a_store_of_a_play_that_was_killed_is_gone_on_with(
    cluster: Cluster, tiny: list[str], settings: dict[str, Any]
) -> None:
    wanted = tiny[10:14]
    killed("image_unpack", order(wanted, settings), lambda: bool(jobs(cluster)))
    left = jobs(cluster)
    found = module("image_unpack", order(wanted, settings))
    assert (sorted(found["brought"]), found["problems"]) == (sorted(wanted), [])
    assert len(left) == 1
    assert jobs(cluster) == []


def test_two_plays_that_unpack_the_same_at_once(cluster: Cluster, tiny: list[str], settings: dict[str, Any]) -> None:
    both = [begin("image_unpack", order(tiny[14:18], settings)) for _play in range(2)]
    found = [result(one) for one in both]
    assert [(one["failed"], one.get("absent")) for one in found] == [(False, [])] * 2, found
    assert jobs(cluster) == []


def test_a_program_that_cannot_be_pulled_is_told(cluster: Cluster, tiny: list[str], settings: dict[str, Any]) -> None:
    found = module("image_unpack", order(tiny[20:21], settings, store_image=ABSENT), fails=True)
    assert "the Job that unpacks does not start: " in found["msg"]
    assert "is not in the registry" in found["msg"]
    assert jobs(cluster) == []


# -- what the hub reads ---------------------------------------------------------------------------------


@pytest.fixture
def state(cluster: Cluster) -> ConfigMap:
    cluster.delete("ConfigMap", CONFIG_MAP)
    return ConfigMap(cluster, CONFIG_MAP)


def test_texts_come_change_and_go(cluster: Cluster, state: ConfigMap) -> None:
    assert state.read() == {}
    assert state.change(lambda _before: ({MANIFEST: "{}", LAST: "{}"}, None), check=True).changed
    assert cluster.get("ConfigMap", CONFIG_MAP) is None
    assert state.change(lambda _before: ({MANIFEST: "{}", LAST: "{}"}, None)).changed
    assert not state.change(lambda _before: ({MANIFEST: "{}", NOTICE: None}, None)).changed
    state.change(lambda _before: ({NOTICE: "é"}, None))
    assert state.read() == {MANIFEST: "{}", LAST: "{}", NOTICE: "é"}
    assert state.change(lambda _before: ({NOTICE: None}, None)).changed
    assert state.read() == {MANIFEST: "{}", LAST: "{}"}
    assert sorted((cluster.get("ConfigMap", CONFIG_MAP) or {})["binaryData"]) == [
        "manifest.json.gz",
        "manifest.last.json.gz",
    ]


def test_many_plays_at_once_lose_nothing(state: ConfigMap) -> None:
    def more(before: Texts) -> tuple[dict[str, str], None]:
        return {CHECKS: before.get(CHECKS, "") + "x"}, None

    threads = [threading.Thread(target=state.change, args=(more,)) for _number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert state.read()[CHECKS] == "x" * 6


def test_an_api_server_that_starts_again_loses_nothing(state: ConfigMap) -> None:
    restart = threading.Thread(target=CENTRE.on, args=("hub", "systemctl restart kube-apiserver"))
    restart.start()

    def more(number: int) -> Any:
        return lambda before: ({CHECKS: f"{before.get(CHECKS, '')}{number} "}, None)

    for number in range(30):
        state.change(more(number))
        time.sleep(0.1)
    restart.join()
    assert state.read()[CHECKS].split() == [str(number) for number in range(30)]


def test_what_is_too_large_is_told_and_changes_nothing(state: ConfigMap) -> None:
    state.change(lambda _before: ({CHECKS: "x"}, None))
    with pytest.raises(VreError, match=r"does not fit into a ConfigMap of 1 MiB"):
        state.change(lambda _before: ({CHECKS: "x" * (1 << 20) + "x"}, None))
    assert state.read() == {CHECKS: "x"}


def test_the_hubs_pods_are_told(cluster: Cluster, state: ConfigMap) -> None:
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "hub-stand-in", "labels": {"component": "hub"}},
        "spec": {
            "containers": [{"name": "hub", "image": PAUSE, "securityContext": security}],
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        },
    }
    cluster.create("Pod", pod)
    try:
        module("hub_notice", {"state": "drain", "text": "Maintenance.", "config_map": CONFIG_MAP})
        annotations = (cluster.get("Pod", "hub-stand-in") or {})["metadata"]["annotations"]
        assert len(annotations[REVISION]) == 12
        assert json.loads(state.read()[NOTICE])["drain"] is True
        module("hub_notice", {"state": "off", "config_map": CONFIG_MAP})
        after = (cluster.get("Pod", "hub-stand-in") or {})["metadata"]["annotations"]
        assert after[REVISION] != annotations[REVISION]
    finally:
        cluster.delete("Pod", "hub-stand-in")


def test_a_manifest_in_a_config_map(cluster: Cluster, state: ConfigMap, lab_image: str, tiny: list[str]) -> None:
    """Compiled, promoted, spoilt by somebody, made anew with what was on offer."""
    digests = [image.partition("@")[2] for image in (lab_image, tiny[0])]

    def pin(name: str, kind: str, reference: str, digest: str, **more: Any) -> dict[str, Any]:
        platforms = {"linux/amd64": {"digest": digest, "size": 1}}
        return {
            "kind": kind,
            "reference": f"{reference.partition('@')[0]}:1",
            "digest": digest,
            "platforms": platforms,
            "version": "1",
            "title": {"en": name},
            **more,
        }

    mount = {"mount_path": "/opt/gaia/tiny000", "environments": {"tiny000": {"kernels": {"python3": {}}}}}
    lock = {
        "version": 1,
        "images": {
            "lab": pin("lab", "system", lab_image, digests[0]),
            "tiny000": pin("tiny000", "business", tiny[0], digests[1], **mount),
        },
    }
    able = {"substrate": "kubernetes", "platform": "linux/amd64", "mount_kind": "image", "mount_kinds": {}}
    options = {
        "config_map": CONFIG_MAP,
        "lock": lock,
        "offer": {"system": ["lab"], "business": ["tiny000"]},
        "centre": {"name": "example"},
        "capabilities": able,
    }
    assert module("launch_manifest", options, check=True)["changed"]
    assert cluster.get("ConfigMap", CONFIG_MAP) is None
    assert module("launch_manifest", options)["candidates"] == ["lab", "tiny000"]
    assert not module("launch_manifest", options)["changed"]
    promote = {"config_map": CONFIG_MAP, "promote": dict(zip(("lab", "tiny000"), digests, strict=True))}
    assert module("launch_manifest", promote)["offered"] == ["lab", "tiny000"]
    info = module("centre_info", {"config_map": CONFIG_MAP})
    assert info["images"]["tiny000"]["offered"]["digest"] == digests[1]
    assert "Kubernetes v1.36.3, namespace jupyterhub: no hub runs there" in info["report"]
    good = state.read()
    for junk in ("junk", ""):
        state.change(partial(lambda text, _before: ({MANIFEST: text}, None), junk))
        again = module("launch_manifest", options)
        assert (again["offered"], again["candidates"]) == (["lab", "tiny000"], [])
        assert any("not usable" in note for note in again["notes"])
        assert state.read() == good


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"namespace": "nowhere"}, "cannot"),
        ({"kubeconfig": "/nowhere"}, "kubernetes_kubeconfig: no access by /nowhere"),
        ({"context": "other"}, "kubernetes_context"),
    ],
)
def test_wrong_settings_are_told(changes: Options, words: str) -> None:
    assert words in module("hub_notice", {"state": "off", "config_map": CONFIG_MAP, **changes}, fails=True)["msg"]


def test_a_namespace_that_is_not_there() -> None:
    options = {"state": "drain", "text": "x", "config_map": CONFIG_MAP, "namespace": "nowhere"}
    found = module("hub_notice", {**options, "kubeconfig": kubeconfig("")}, fails=True)
    assert "kubernetes_namespace: nowhere: there is no such namespace. Remedy: run deploy first" in found["msg"]
