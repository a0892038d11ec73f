"""Specs of labs: the ones we have are right; what is wrong in one is named, all at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gaia_lab import spec
from gaia_lab.errors import LabError

HUB: dict[str, Any] = {"address": 10, "base": "plain"}


@pytest.mark.parametrize("path", sorted(spec.SPECS.glob("*.yml")), ids=lambda path: path.stem)
def test_our_specs_are_right(path: Path) -> None:
    if path.stem == "bases":
        return
    bases = yaml.safe_load((spec.SPECS / "bases.yml").read_text())
    found = spec.load_spec(path.stem)
    assert found.zone == "example.org"
    assert {host.base for host in found.hosts} <= set(bases)


def test_typed() -> None:
    keys = {**HUB, "disks": ["/var/lib/docker"], "shared": ["/home"]}
    found = spec.parse_spec("x", {"zone": "example.org", "hosts": {"hub": keys}})
    assert found.hosts == (spec.HostSpec("hub", 10, "plain", disks=("/var/lib/docker",), shared=("/home",)),)
    assert found.fqdn(found.hosts[0]) == "hub.example.org"


def test_a_channel_takes_the_next_address_too() -> None:
    assert spec.HostSpec("registry", 2, "services", services=("registry", "channel")).addresses == [2, 3]
    assert spec.HostSpec("hub", 10, "plain").addresses == [10]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], ["the keys zone and hosts"]),
        ({"zone": "example.org"}, ["the keys zone and hosts"]),
        ({"zone": "example.org", "hosts": {}}, ["at least one host"]),
        ({"zone": "example.org", "hosts": ["hub"]}, ["at least one host"]),
        ({"zone": "a b", "hosts": {"hub": HUB}}, ["'a b' is no domain name"]),
        ({"zone": "example.org", "hosts": {"hub": None}}, ["host hub: must be a dictionary"]),
        ({"zone": "example.org", "hosts": {"Hub_1": HUB}}, ["host Hub_1: a name is lower-case"]),
        ({"zone": "example.org", "hosts": {"hub": {"base": "plain"}}}, ["between 2 and 250, not None"]),
        ({"zone": "example.org", "hosts": {"hub": {**HUB, "address": True}}}, ["between 2 and 250, not True"]),
        ({"zone": "example.org", "hosts": {"hub": {**HUB, "address": 254}}}, ["between 2 and 250, not 254"]),
        ({"zone": "example.org", "hosts": {"hub": {"address": 10}}}, ["base must name"]),
        ({"zone": "example.org", "hosts": {"hub": {**HUB, "disk": []}}}, ["unknown key disk"]),
        ({"zone": "example.org", "hosts": {"hub": {**HUB, "disks": ["var"]}}}, ["absolute paths, not ['var']"]),
        ({"zone": "example.org", "hosts": {"hub": {**HUB, "disks": ["/a:b"]}}}, ["absolute paths, not ['/a:b']"]),
        ({"zone": "example.org", "hosts": {"hub": {**HUB, "shared": "/home"}}}, ["shared must be absolute paths"]),
        ({"zone": "example.org", "hosts": {"hub": {**HUB, "users": "yes"}}}, ["users must be true or false"]),
        ({"zone": "example.org", "hosts": {"hub": {**HUB, "services": ["ftp"]}}}, ["services must be of"]),
        ({"zone": "example.org", "hosts": {"hub": HUB, "other": HUB}}, ["[10] are given twice"]),
        (
            {"zone": "example.org", "hosts": {"hub": {**HUB, "services": ["channel"]}, "b": {**HUB, "address": 11}}},
            ["[11] are given twice"],
        ),
        (
            {"zone": "example", "hosts": {"hub": {"address": 1}, "b": {**HUB, "fill": 1}}},
            ["no domain name", "not 1", "base must name", "fill must be"],
        ),
    ],
)
def test_what_is_wrong_is_named(data: Any, words: list[str]) -> None:
    with pytest.raises(LabError) as caught:
        spec.parse_spec("bad", data)
    assert str(caught.value).startswith("spec bad: ")
    for word in words:
        assert word in str(caught.value)


def test_unknown_spec() -> None:
    with pytest.raises(LabError, match="no spec nothing; known: batch, condor, docker"):
        spec.load_spec("nothing")


def test_no_yaml(tmp_path: Path) -> None:
    file = tmp_path / "spec.yml"
    file.write_text("a: [")
    with pytest.raises(LabError, match="is no YAML"):
        spec.load_spec("x", file)
