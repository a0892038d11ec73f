"""Subnets and names of a lab's network."""

from __future__ import annotations

from pathlib import Path

import pytest

from gaia_lab import network
from gaia_lab.errors import LabError


@pytest.mark.parametrize(("taken", "index"), [(set(), 1), ({1, 2}, 3), ({2, 3}, 1), (set(range(1, 250)), 250)])
def test_the_lowest_free_subnet(taken: set[int], index: int) -> None:
    assert network.free_index(taken) == index


def test_no_subnet_left() -> None:
    with pytest.raises(LabError, match="lab down"):
        network.free_index(set(range(1, 251)))


@pytest.mark.parametrize("index", [1, 250])
def test_names(index: int) -> None:
    lab = network.Network(index, Path("/nowhere"))
    assert lab.address(10) == f"10.99.{index}.10"
    assert lab.namespace("hub") == f"gv{index}-hub"
    assert len(lab.link) <= 15, "the kernel takes no longer name of an interface"


def test_labs_do_not_meet_outside() -> None:
    assert 'oifname "tap0" ip daddr 10.99.0.0/16 reject' in network.RULES
