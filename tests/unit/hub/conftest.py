"""A manifest as the collection compiles it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from kubernetes_asyncio.config import kube_config

from gaia_vre_hub.manifest import Manifest


def pin(name: str, number: int, kind: str) -> dict[str, Any]:
    digest = f"sha256:{number:064x}"
    reference = f"registry.example.org/vre/{name}@{digest}"
    found: dict[str, Any] = {
        "reference": reference,
        "tag": f"registry.example.org/vre/{name}:{number}",
        "digest": digest,
        "version": str(number),
        "size": 55_000_000,
    }
    if kind == "system":
        return {**found, "launch": {"image": reference}}
    kernels = {"python3": {"language": "python", "display_name": "Python 3"}}
    return {
        **found,
        "environments": {name: {"kernels": kernels, "packages": {"python": "3.13.1", "numpy": "2.3.5"}}},
        "envs_dir": f"/opt/gaia/{name}/envs",
        "mount": {"Type": "image", "Source": reference, "Target": f"/opt/gaia/{name}", "ReadOnly": True},
    }


def image(name: str, kind: str = "business", **more: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "title": {"en": name.title(), "fr": f"{name} (fr)"},
        "groups": None,
        "offered": pin(name, 1, kind),
        "candidate": None,
        **more,
    }


@pytest.fixture
def data() -> dict[str, Any]:
    """The manifest as JSON: `ocean` is for oceanographers, `geo` only a candidate."""
    return {
        "version": 1,
        "centre": {"name": "example", "title": {"en": "Example"}},
        "substrate": "docker",
        "mount_kind": "image",
        "check": {"user": "gaia-vre-check"},
        "free_choice": True,
        "images": {
            "lab": image("lab", "system"),
            "ocean": image("ocean", groups=["oceanographers"], candidate=pin("ocean", 2, "business")),
            "atmosphere": image("atmosphere"),
            "geo": image("geo", offered=None, candidate=pin("geo", 1, "business")),
        },
        "compositions": {
            "coastal": {"title": {"en": "Coastal"}, "system": "lab", "business": ["ocean", "atmosphere"]},
            "weather": {"system": "lab", "business": ["atmosphere"], "resources": "large", "groups": ["weather"]},
        },
        "resources": {
            "small": {"title": {"en": "Small"}, "cpu": 1.0, "memory": 2 << 30},
            "large": {"title": {"en": "Large"}, "cpu": 4.0, "memory": 8 << 30},
        },
    }


@pytest.fixture
def manifest(data: dict[str, Any]) -> Manifest:
    """The same, parsed."""
    return Manifest.model_validate(data)


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a cluster that is not there: KubeSpawner wants one before it asks anything of it."""
    names = {"name": "none", "context": {"cluster": "none", "user": "none"}}
    content = {
        "current-context": "none",
        "contexts": [names],
        "clusters": [{"name": "none", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "none", "user": {}}],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(content))
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    return path
