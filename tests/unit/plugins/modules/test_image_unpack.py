"""image_unpack as Ansible runs it, without a cluster; the whole of it runs in the scenarios."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]
OPTIONS: dict[str, Any] = {
    "images": [{"reference": "registry.example.org/vre/ocean@sha256:" + "0" * 64}],
    "store_image": "registry.example.org/vre/store:1",
    "kubeconfig": "/nowhere",
}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "kubernetes_kubeconfig: no access by /nowhere"),
        ({"images": [{"reference": "registry.example.org/vre/ocean:1"}]}, "this is no digest"),
        ({"registries": {"r": {"ca_file": "/nowhere"}}}, "registries: r: ca_file: the authority cannot be read"),
        ({"registries": {"r": {"user": "x"}}}, "registries: r: unknown key user"),
    ],
)
def test_what_is_wrong_is_told(run_module: Run, changes: dict[str, Any], words: str) -> None:
    result = run_module("image_unpack", {**OPTIONS, **changes})
    assert result["failed"]
    assert words in result["msg"]
