"""Which programs of the cluster are compiled, and from what."""

from __future__ import annotations

import re

from gaia_lab.kubernetes import binaries, control

TEXT = (binaries.MODULE / "go.mod").read_text()


def test_flags() -> None:
    found = binaries.flags("v1.36.3")
    assert "-X k8s.io/component-base/version.gitVersion=v1.36.3" in found
    assert found.endswith("gitMajor=1 -X k8s.io/component-base/version.gitMinor=36")


def test_the_libraries_of_kubernetes_are_of_its_version() -> None:
    (version,) = re.findall(r"^\tk8s.io/kubernetes v1\.(\S+)", TEXT, re.MULTILINE)
    assert set(re.findall(r"=> k8s.io/\S+ v0\.(\S+)$", TEXT, re.MULTILINE)) == {version}


def test_the_name_server_has_the_plugins_of_its_configuration() -> None:
    plugins = re.findall(r"coredns/plugin/(\w+)", (binaries.MODULE / "coredns/main.go").read_text())
    assert plugins == sorted(re.findall(r"^  (\w+)", control.corefile("10.99.7.10", "example.org"), re.MULTILINE))


def test_all_that_hosts_get_is_compiled() -> None:
    tools = re.findall(r"\S+", TEXT.partition("tool (")[2].partition(")")[0])
    assert binaries.ALONE in tools
    compiled = {"coredns", *(tool.rpartition("/")[2] for tool in tools)}
    assert {*control.PROGRAMS, "kubelet", "kube-proxy", "helm"} == compiled
