"""What the hosts of a Kubernetes cluster are told before they boot."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gaia_lab.host import Host
from gaia_lab.kubernetes import common, control, node, ready, units
from gaia_lab.lab import Lab
from gaia_lab.spec import load_spec

RIGHTS = yaml.safe_load(control.RIGHTS.read_text())["items"]
MASQUERADE = "--table nat --append POSTROUTING --source 10.244.31.0/24 ! --destination 10.244.0.0/16 --jump MASQUERADE"


def hosts(folder: Path) -> list[Host]:
    return Lab("x", load_spec("kubernetes"), 7, folder).hosts[1:]


@pytest.mark.parametrize(
    ("index", "wanted"),
    [
        (0, ["ip route replace 10.244.31.0/24 via 10.99.7.31", "ip route replace 10.244.32.0/24 via 10.99.7.32"]),
        (
            1,
            [
                "ip route replace 10.244.32.0/24 via 10.99.7.32",
                f"iptables {MASQUERADE}",
            ],
        ),
    ],
    ids=["hub", "node1"],
)
def test_routes(tmp_path: Path, index: int, wanted: list[str]) -> None:
    found = hosts(tmp_path)
    assert common.routes(found[index], found[1:])[1:] == wanted


def test_the_mounts_of_a_node_have_controllers_where_this_machine_keeps_them_apart() -> None:
    where = Path("/sys/fs/cgroup/memory")
    assert f"mount -t cgroup -o memory none {where}" in node.mounts({where: "memory"})
    assert not [line for line in node.mounts({}) if "cgroup" in line]


def test_kubelet() -> None:
    found = node.kubelet("node1", "10.99.7.10")
    assert found["clusterDNS"] == ["10.99.7.10"]
    assert found["authentication"] == {
        "anonymous": {"enabled": False},
        "webhook": {"enabled": True},
        "x509": {"clientCAFile": "/etc/kubernetes/ca.pem"},
    }


def test_names_of_the_lab_are_answered_beside_those_of_the_cluster() -> None:
    text = control.corefile("10.99.7.10", "example.org")
    assert "bind 10.99.7.10\n" in text
    assert "hosts /etc/hosts example.org\n" in text


def test_a_unit_comes_back_however_often_its_program_fails() -> None:
    lines = units.service(["/bin/x", "--y"], "a.service", notify=True, extra=["Delegate=yes"]).splitlines()
    assert {"After=a.service", "StartLimitIntervalSec=0", "Type=notify", "Restart=always", "Delegate=yes"} <= set(lines)
    assert lines[-1] == "ExecStart=/bin/x --y"


def test_a_script_at_boot(tmp_path: Path) -> None:
    host = hosts(tmp_path)[0]
    units.at_boot(host, "x", ["one", "two"], before="y.service")
    script = host.upper / "usr/local/lib/lab/x"
    assert script.read_text() == "#!/bin/bash\nset -eu\none\ntwo\n"
    assert script.stat().st_mode & 0o777 == 0o755
    assert "Before=y.service\n" in (host.upper / "etc/systemd/system/x.service").read_text()
    assert (host.upper / "etc/systemd/system/multi-user.target.wants/x.service").is_symlink()


def test_ready() -> None:
    assert " = 2 ] && " in ready(2)


def test_who_deploys_may_change_things_in_the_namespace_of_the_hub_only() -> None:
    changed = {
        (document["kind"], document["metadata"].get("namespace"))
        for document in RIGHTS
        if document["kind"] in {"Role", "ClusterRole"}
        for rule in document["rules"]
        if not set(rule["verbs"]) <= {"get", "list", "watch"}
    }
    assert changed == {("Role", "jupyterhub")}


def test_the_namespace_of_the_hub_is_restricted() -> None:
    (labels,) = [document["metadata"]["labels"] for document in RIGHTS if document["kind"] == "Namespace"]
    assert labels == {"pod-security.kubernetes.io/enforce": "restricted"}
