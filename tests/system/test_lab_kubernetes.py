"""A Kubernetes centre of the lab, booted: what its cluster does before anything of ours."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from gaia_lab import process
from gaia_lab.booted import LAB, Booted, booted, down, traces, up
from gaia_lab.command import answer, run
from gaia_lab.tiny_images import HELPER

NAME = f"test{os.getpid()}e"
CENTRE = Booted(NAME)
on = CENTRE.on
REGISTRY = "registry.example.org"
SYSTEM, OCEAN = f"{REGISTRY}/vre/lab:2026.11", f"{REGISTRY}/vre/ocean:2026.1"
MOUNTED = "/opt/gaia/ocean"
PYTHON = f"{MOUNTED}/envs/ocean/bin/python"
RESTRICTED = {
    "runAsNonRoot": True,
    "runAsUser": 65534,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def kubectl(*words: str, stdin: str = "", user: str = "") -> str:
    """What kubectl prints for the cluster's admin, or for another user."""
    folder = CENTRE.lab.folder
    file = f"{folder}/kubeconfig{user and f'-{user}'}"
    return run(str(folder / "bin/kubectl"), f"--kubeconfig={file}", *words, stdin=stdin).strip()


def refused(*words: str, stdin: str = "", user: str = "") -> str:
    """What kubectl says when it fails."""
    with pytest.raises(Exception, match="ended with 1") as caught:
        kubectl(*words, stdin=stdin, user=user)
    return str(caught.value)


def may(user: str, action: str) -> bool:
    """Whether a user may do that."""
    folder = CENTRE.lab.folder
    words = [str(folder / "bin/kubectl"), f"--kubeconfig={folder}/kubeconfig-{user}", "auth", "can-i", *action.split()]
    said = answer(words)
    assert said in {"yes", "no"}
    return said == "yes"


def shown(kind: str, name: str) -> dict[str, Any]:
    """An object of the cluster."""
    found: dict[str, Any] = json.loads(kubectl("get", kind, name, "--output=json"))
    return found


def reached(look: Callable[[], str], *wanted: str, patience: float = 120) -> str:
    """What is seen when it is as wanted, or when that took too long."""
    until = time.monotonic() + patience
    while (found := look()) not in wanted and time.monotonic() < until:
        time.sleep(0.2)
    return found


def container(script: str, image: str, mounts: Mapping[str, str], **keys: Any) -> dict[str, Any]:
    """A pod's only container, which runs a script of the shell."""
    where = [{"name": name, "mountPath": path} for name, path in mounts.items()]
    return {"name": "main", "image": image, "command": ["/bin/sh", "-c", script], "volumeMounts": where, **keys}


def apply(kind: str, name: str, spec: Mapping[str, Any], version: str = "v1") -> None:
    """Make an object; a pod carries its name as its label ``app``."""
    metadata = {"name": name, "labels": {"app": name}}
    text = json.dumps({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec})
    kubectl("apply", "--filename=-", stdin=text)


def start(name: str, script: str, image: str = HELPER, *, node: str = "", **keys: Any) -> None:
    """Make a pod; ``volumes`` are by mount path, all other ``keys`` the container's."""
    volumes: dict[str, dict[str, Any]] = keys.pop("volumes", {})
    mounts = {f"volume{number}": path for number, path in enumerate(volumes)}
    spec = {
        "containers": [container(script, image, mounts, **keys)],
        "volumes": [{"name": name, **volumes[path]} for name, path in mounts.items()],
        "imagePullSecrets": [{"name": "registry"}],
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        **({"nodeName": node} if node else {}),
    }
    apply("Pod", name, spec)


def ready(name: str, patience: int = 180) -> None:
    """Wait until a pod runs."""
    kubectl("wait", "--for=condition=Ready", f"pod/{name}", f"--timeout={patience}s")


def inside(name: str, command: str) -> str:
    """What a command of the shell prints in a pod, its errors too."""
    return kubectl("exec", name, "--", "sh", "-c", f"{command} 2>&1 || true")


def fetched(url: str) -> str:
    """What this machine gets from a server of the lab; nothing where it does not answer."""
    script = f"import urllib.request as r; print(r.urlopen('{url}', timeout=20).read().decode(), end='')"
    return answer([LAB, "run", "--name", NAME, "--", sys.executable, "-c", script], timeout=60)


def page_at(url: str) -> str:
    """What this machine gets from the service, as soon as every host's kube-proxy has heard of it."""
    return reached(lambda: fetched(url), "hello")


def state_of_node(name: str) -> str:
    """Whether a node is ready."""
    conditions = shown("node", name)["status"]["conditions"]
    return next(str(condition["status"]) for condition in conditions if condition["type"] == "Ready")


@pytest.fixture(autouse=True, scope="module")
def _centre() -> Iterator[None]:
    with booted("kubernetes", NAME):
        password = json.loads((CENTRE.lab.folder / "lab.json").read_text())["registry"]["password"]
        login = [f"--docker-server={REGISTRY}", "--docker-username=vre", f"--docker-password={password}"]
        kubectl("create", "secret", "docker-registry", "registry", *login)
        yield


@pytest.fixture(scope="module")
def served(_centre: None) -> str:
    """A pod on node1 that serves a page on port 8080, by a service at port 443 of all hosts; its name."""
    start("web", "echo hello >/tmp/index.html; exec httpd -f -p 8080 -h /tmp", node="node1")
    ports = [{"port": 80, "targetPort": 8080, "nodePort": 443}]
    apply("Service", "page", {"type": "NodePort", "selector": {"app": "web"}, "ports": ports})
    ready("web")
    return "web"


@pytest.fixture(scope="module")
def guest(_centre: None) -> str:
    """A pod on node2 to look around from; its name."""
    start("guest", "sleep infinity", node="node2")
    ready("guest")
    return "guest"


@pytest.mark.parametrize("node", ["node1", "node2"])
def test_nodes(node: str) -> None:
    assert state_of_node(node) == "True"
    said = shown("node", node)["status"]["nodeInfo"]
    assert said["kubeletVersion"] == json.loads(kubectl("version", "--output=json"))["serverVersion"]["gitVersion"]
    assert said["containerRuntimeVersion"].startswith("containerd://2.")


def test_what_lab_run_gives() -> None:
    script = "helm list --all-namespaces --short; kubectl get nodes --output=name"
    assert run(LAB, "run", "--name", NAME, "--", "sh", "-c", script).split() == ["node/node1", "node/node2"]


def test_an_image_volume() -> None:
    start("session", "sleep infinity", SYSTEM, volumes={MOUNTED: {"image": {"reference": OCEAN}}})
    ready("session", patience=180)
    assert inside("session", f"ls {MOUNTED}/envs") == "ocean"
    assert inside("session", f"touch {MOUNTED}/new").endswith("Read-only file system")
    assert inside("session", f"{PYTHON} -c 'import sys; print(sys.prefix)'") == f"{MOUNTED}/envs/ocean"


def test_an_image_needs_its_pull_secret() -> None:
    spec = {"containers": [container("true", f"{REGISTRY}/tiny/tiny000:1", {})]}
    apply("Pod", "stranger", spec)

    def reason() -> str:
        (status,) = shown("pod", "stranger")["status"].get("containerStatuses", [{}])
        return str(status.get("state", {}).get("waiting", {}).get("reason"))

    assert reached(reason, "ErrImagePull", "ImagePullBackOff") in {"ErrImagePull", "ImagePullBackOff"}


def test_two_nodes_see_one_volume() -> None:
    apply(
        "PersistentVolumeClaim",
        "files",
        {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}},
    )
    volume = {"persistentVolumeClaim": {"claimName": "files"}}
    for node in ("node1", "node2"):
        start(f"on-{node}", "sleep infinity", node=node, volumes={"/files": volume}, securityContext=RESTRICTED)
    for node in ("node1", "node2"):
        ready(f"on-{node}")
    assert inside("on-node1", "echo seen >/files/here") == ""
    assert inside("on-node2", "cat /files/here") == "seen"
    kubectl("delete", "pod/on-node1", "pod/on-node2", "pvc/files")
    assert reached(lambda: on("hub", "ls /shared/volumes"), "") == ""


@pytest.mark.parametrize("host", ["hub", "node1", "node2"])
def test_a_service_at_a_port_of_all_hosts(host: str, served: str) -> None:
    assert shown("pod", served)["spec"]["nodeName"] == "node1"
    assert page_at(f"http://{host}.example.org:443") == "hello"


@pytest.mark.parametrize("url", ["http://page", "http://page.default.svc.cluster.local", "http://hub.example.org:443"])
@pytest.mark.parametrize("pod", ["guest", "web"])
def test_a_service_from_pods(pod: str, url: str, served: str, guest: str) -> None:
    assert pod in {served, guest}
    assert reached(lambda: inside(pod, f"wget -q -T 20 -O - {url}"), "hello") == "hello"


@pytest.mark.parametrize(
    ("name", "last"), [("registry.example.org", "2"), ("hub.example.org", "10"), ("node1.example.org", "31")]
)
def test_names_of_the_lab_in_pods(name: str, last: str, guest: str) -> None:
    assert CENTRE.lab.network.address(int(last)) in inside(guest, f"nslookup {name}").split()


def test_pods_reach_the_outside(guest: str) -> None:
    # Where Debian's packages come from is the one place out there that every host reaches.
    source = urlsplit(re.findall(r"https?://\S+", on("hub", "cat /etc/apt/sources.list"))[0])
    port = source.port or {"http": 80, "https": 443}[source.scheme]
    assert inside(guest, f"nc -w 20 {source.hostname} {port} </dev/null && echo reached") == "reached"


def test_more_memory_than_its_limit_ends_a_container() -> None:
    limits = {"limits": {"memory": "50Mi"}}
    start("greedy", "dd if=/dev/zero of=/dev/null bs=200M count=1", resources=limits)

    def reason() -> str:
        (status,) = shown("pod", "greedy")["status"].get("containerStatuses", [{}])
        return str(status.get("state", {}).get("terminated", {}).get("reason"))

    assert reached(reason, "OOMKilled", "Error", "Completed") == "OOMKilled"


@pytest.mark.parametrize("namespace", ["jupyterhub", "default"])
@pytest.mark.parametrize(
    "action",
    [
        "create deployments",
        "create secrets",
        "patch configmaps",
        "create roles",
        "list events",
        "get pods --subresource=log",
    ],
)
def test_who_deploys_may_do_so_in_one_namespace(action: str, namespace: str) -> None:
    assert may("deployer", f"{action} --namespace={namespace}") == (namespace == "jupyterhub")


@pytest.mark.parametrize(
    ("action", "allowed"),
    [
        ("list nodes", True),
        ("list storageclasses", True),
        ("create pods --subresource=exec", False),
        ("create namespaces", False),
        ("list persistentvolumes", False),
        ("create clusterroles", False),
    ],
)
def test_who_deploys_may_little_of_the_cluster(action: str, *, allowed: bool) -> None:
    assert may("deployer", action) == allowed


def test_nobody_grants_what_they_may_not_do() -> None:
    words = ("create", "role", "more", "--verb=create", "--resource=pods/exec")
    assert "attempting to grant RBAC permissions not currently held" in refused(*words, user="deployer")
    kubectl("create", "role", "hub", "--verb=create,delete", "--resource=pods", user="deployer")


def test_a_pod_of_root_is_refused_in_the_namespace_of_the_hub() -> None:
    words = ("run", "root", f"--image={HELPER}", "--restart=Never")
    assert 'violates PodSecurity "restricted' in refused(*words, user="deployer")


def test_a_node_that_is_stopped_is_missed_and_the_others_go_on(served: str) -> None:
    CENTRE.lab.host("node2").stop()
    assert reached(lambda: state_of_node("node2"), "Unknown", patience=120) == "Unknown"
    assert page_at("http://hub.example.org:443") == "hello"
    start("later", "sleep infinity")
    ready("later")
    assert shown("pod", "later")["spec"]["nodeName"] == "node1"
    assert shown("pod", served)["status"]["phase"] == "Running"
    up("kubernetes", NAME)
    assert state_of_node("node2") == "True"
    start("back", "sleep infinity", node="node2")
    ready("back")


def test_pods_outlive_the_control_plane(served: str) -> None:
    before = shown("pod", served)["status"]
    pid = process.recorded(CENTRE.lab.host("hub").pid_file)
    assert pid
    os.kill(process.children(pid)[0], signal.SIGKILL)
    up("kubernetes", NAME)
    assert shown("pod", served)["status"]["containerStatuses"] == before["containerStatuses"]
    assert page_at("http://hub.example.org:443") == "hello"


def test_down_leaves_nothing_of_running_pods() -> None:
    found = CENTRE.lab
    ready("web")
    assert [path for path in traces(found.folder, found.index) if "/sys/fs/cgroup/" in path]
    down(NAME)
    assert traces(found.folder, found.index) == []
