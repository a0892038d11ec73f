"""What is told of an image, right or wrong."""

from __future__ import annotations

import json

from ansible_collections.gaia_data.vre.plugins.module_utils import _contract, _image_info
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._registry import PlatformImage, RemoteImage

REFERENCE = "registry.example.org/vre/ocean:1"
LABELS = {
    _contract.LABEL_CONTRACT: "1",
    _contract.LABEL_KIND: "business",
    _contract.LABEL_MOUNT_PATH: "/opt/gaia/ocean",
    _contract.LABEL_ENVIRONMENTS: json.dumps(
        {"ocean": {"kernels": {"python3": {"language": "python", "display_name": "Python 3"}}}}
    ),
}


def test_a_right_image() -> None:
    found = RemoteImage(REFERENCE, "sha256:a", {"linux/amd64": PlatformImage("sha256:b", 7, LABELS)})
    told = _image_info.describe(REFERENCE, found)
    assert told["error"] == ""
    assert told["digest"] == "sha256:a"
    assert told["platforms"] == {"linux/amd64": {"digest": "sha256:b", "size": 7}}
    assert told["contract"]["mount_path"] == "/opt/gaia/ocean"
    assert list(told["contract"]["environments"]) == ["ocean"]


def test_a_problem_of_the_registry() -> None:
    told = _image_info.describe(REFERENCE, VreError("it is gone", REFERENCE))
    assert told["error"] == f"{REFERENCE}: it is gone."
    assert told["contract"] == {}


def test_labels_that_lie() -> None:
    lying = {**LABELS, _contract.LABEL_MOUNT_PATH: "/etc"}
    found = RemoteImage(REFERENCE, "sha256:a", {"linux/amd64": PlatformImage("sha256:b", 7, lying)})
    told = _image_info.describe(REFERENCE, found)
    assert "label org.gaia-data.vre.mount-path" in told["error"]
    assert told["contract"] == {}
    assert told["digest"] == "sha256:a"


def test_no_platform() -> None:
    assert "no platform" in _image_info.describe(REFERENCE, RemoteImage(REFERENCE, "sha256:a", {}))["error"]
