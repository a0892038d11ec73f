"""image_prepull as Ansible runs it, without a cluster; the whole of it runs in the scenarios."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]
OPTIONS: dict[str, Any] = {
    "images": ["registry.example.org/vre/ocean@sha256:" + "0" * 64],
    "pause_image": "registry.example.org/vre/pause:1",
    "kubeconfig": "/nowhere",
}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "kubernetes_kubeconfig: no access by /nowhere"),
        ({"images": ["registry.example.org/vre/ocean:1"]}, "images: an image is brought by its digest"),
        ({"images": ["ocean"]}, "images: this is no complete image reference"),
        ({"pause_image": None}, "pause_image: volumes of images need a pod"),
    ],
)
def test_what_is_wrong_is_told(run_module: Run, changes: dict[str, Any], words: str) -> None:
    result = run_module("image_prepull", {**OPTIONS, **changes})
    assert result["failed"]
    assert words in result["msg"]
