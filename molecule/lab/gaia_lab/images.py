"""The images of the lab's registry: built by the collection's own factory, once, and cached.

Besides the examples in ``images/`` there are 200 tiny valid images for scale, images that break the contract, each in
one way, for the tests of bad input, and what a Kubernetes cluster itself runs.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._build import oci
from ansible_collections.gaia_data.vre.plugins.module_utils._contract import PREFIX
from ansible_collections.gaia_data.vre.plugins.module_utils._registry import Registries
from gaia_lab import lab, tiny_images
from gaia_lab.channel import ensure_channel
from gaia_lab.command import say
from gaia_lab.errors import LabError
from gaia_lab.paths import cache

ROOT = Path(os.environ.get("GAIA_VRE_ROOT", Path(__file__).resolve().parents[3]))
REGISTRY = "registry.example.org"
TINY = 200
DAY = 86400
# What starts the kernel of a tiny image: the system image's Python, or a program that is no kernel.
RUNS = ["/opt/conda/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
BROKEN = {
    "dies": ["/opt/conda/bin/python", "-c", "import no_such_module", "{connection_file}"],
    "hangs": ["sleep", "1000"],
}
ENVIRONMENT = {"kernels": {"python3": {"language": "python", "display_name": "Python 3"}}, "packages": {}}


def definitions() -> dict[str, Path]:
    """Folder by reference of every image that the factory builds."""
    return {
        f"{REGISTRY}/vre/lab:2026.11": ROOT / "images/lab",
        f"{REGISTRY}/vre/ocean:2026.1": ROOT / "images/ocean",
        f"{REGISTRY}/vre/ocean:2026.2": ROOT / "molecule/lab/images/ocean-2026.2",
        f"{REGISTRY}/vre/atmosphere:2026.1": ROOT / "images/atmosphere",
        f"{REGISTRY}/vre/biodiversity:2026.1": ROOT / "images/biodiversity",
        f"{REGISTRY}/vre/geo:2026.1": ROOT / "images/geo",
        f"{REGISTRY}/vre/hub:2026.11": ROOT / "molecule/lab/images/hub",
        f"{REGISTRY}/vre/proxy:2026.11": ROOT / "molecule/lab/images/proxy",
        f"{REGISTRY}/vre/store:2026.11": ROOT / "images/store",
    }


def layout_of(reference: str) -> Path:
    """Where an image that the factory built is kept, so that an emptied registry is filled without building."""
    return cache() / "layouts" / reference.rpartition("/")[2].replace(":", "-")


def contract_labels(name: str, environments: Any = None, **changes: str | None) -> dict[str, str]:
    """Labels of a valid business image; ``changes`` replace some, None drops one (``mount_path`` is mount-path)."""
    labels: dict[str, str | None] = {
        "contract": "1",
        "kind": "business",
        "platform": "linux/amd64",
        "mount-path": f"/opt/gaia/{name}",
        "environments": json.dumps({name: ENVIRONMENT} if environments is None else environments),
    }
    labels.update({key.replace("_", "-"): value for key, value in changes.items()})
    found = {PREFIX + key: value for key, value in labels.items() if value is not None}
    return {**found, "org.opencontainers.image.title": name, "org.opencontainers.image.version": "1"}


def bad_images() -> dict[str, tuple[dict[str, str], str]]:
    """Labels and architecture by name of images that break the contract, each in one way."""
    kernel = {"language": "python", "display_name": "Python 3"}
    texts = {
        "html": "<script>alert(1)</script>",
        "shell": "$(touch /tmp/pwned)",
        "template": "{{ 7 * 7 }}",
    }
    found = {
        "mount-path": (contract_labels("mount-path", mount_path="/etc"), "amd64"),
        "traversal": (contract_labels("traversal", {"../../etc": ENVIRONMENT}), "amd64"),
        "no-kernel": (contract_labels("no-kernel", {"no-kernel": {"kernels": {}, "packages": {}}}), "amd64"),
        "no-json": (contract_labels("no-json", environments=None) | {PREFIX + "environments": "{"}, "amd64"),
        "not-business": ({"org.opencontainers.image.title": "something"}, "amd64"),
        "contract": (contract_labels("contract", contract="9"), "amd64"),
        "arm": (contract_labels("arm", platform="linux/arm64"), "arm64"),
    }
    for name, text in texts.items():
        environment = {"kernels": {"python3": {**kernel, "display_name": text}}, "packages": {}}
        found[name] = (contract_labels(name, {name: environment}), "amd64")
    return found


def write_tiny(name: str, work: Path, labels: dict[str, str], architecture: str = "amd64") -> Path:
    """An OCI layout of a few kilobytes: one environment; the kernel is broken or runs the system image's Python."""
    environment = work / "root" / "envs" / name
    for path, text in {
        "conda-meta/history": "",
        "share/jupyter/kernels/python3/kernel.json": json.dumps(
            {
                "argv": BROKEN.get(name, RUNS),
                "display_name": "Python 3",
                "language": "python",
            }
        ),
    }.items():
        file = environment / path
        file.parent.mkdir(parents=True)
        file.write_text(text)
    layout = oci.Layout(work / "layout")
    layout.finish([layout.layer(oci.tree(work / "root"))], oci.ImageConfig(labels, architecture=architecture))
    return layout.folder


def ensure_images() -> Path:
    """The registry's content for what the definitions and the factory now give, made when the cache lacks it."""
    channel = ensure_channel()
    inputs = [
        *sorted(path for folder in ("images", "molecule/lab/images") for path in (ROOT / folder).rglob("*")),
        # The store's code is in an image, too.
        *sorted(path for part in ("_build", "_store") for path in (ROOT / "plugins/module_utils" / part).glob("*.py")),
        Path(__file__),
        Path(tiny_images.__file__),
        channel / ".stamp",
    ]
    content = b"".join(path.read_bytes() for path in inputs if path.is_file() and "__pycache__" not in path.parts)
    stamp = hashlib.sha256(content).hexdigest()
    # A folder for each content: another checkout must not change what lies under a running registry.
    store = cache() / f"registry-{stamp[:16]}"
    with (cache() / ".registry.lock").open("w") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        if not store.is_dir():
            _drop_unused()
            partial = store.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            _fill(partial)
            partial.rename(store)
        os.utime(store)
    return store


def _drop_unused() -> None:
    """Remove former contents that no lab stands on, and that none was given lately: that one may be about to boot."""
    used = {found.store for name in lab.all_names() if (found := lab.find(name))}
    for folder in cache().glob("registry-*"):
        if folder not in used and time.time() - folder.stat().st_mtime > DAY:
            shutil.rmtree(folder)


def _fill(store: Path) -> None:
    say("building the lab's images with the collection's factory (once, about two minutes)")
    name = "images"
    lab.down(name)
    found = lab.up(name, "images", store)
    try:
        _run_in(found, [sys.executable, "-m", "gaia_lab.images"])
    finally:
        lab.down(name)


def _run_in(found: lab.Lab, command: list[str]) -> None:
    wrapper = [str(ROOT / "molecule/lab/lab"), "run", "--name", found.name, "--", *command]
    if subprocess.run(wrapper, check=False).returncode:
        raise LabError("the lab's images could not be built; what the factory said is above")


def _build() -> None:
    """Build and push everything; runs inside ``lab run``."""
    state = json.loads((Path(os.environ["GAIA_LAB_STATE"]) / "lab.json").read_text())
    registries = {
        REGISTRY: {
            "username": state["registry"]["username"],
            "password": state["registry"]["password"],
            "ca_file": state["ca"],
        }
    }
    variables = Path(os.environ["GAIA_LAB_STATE"]) / "build.json"
    variables.touch(mode=0o600)
    variables.write_text(
        json.dumps(
            {
                "ansible_python_interpreter": sys.executable,
                "build_images": [
                    {"folder": str(folder), "reference": reference, "layout": str(layout_of(reference))}
                    for reference, folder in definitions().items()
                ],
                "build_channels": [f"{state['channel_url']}/"],
                "build_suite": "forky",
                "build_apt_options": ['Acquire::Check-Valid-Until "false"'],
                "build_registries": registries,
                "build_cache_dir": str(cache() / "build"),
            }
        )
    )
    environment = {**os.environ, "SSL_CERT_FILE": state["ca"], "ANSIBLE_LOCALHOST_WARNING": "false"}
    argv = [
        "ansible-playbook",
        "-i",
        "localhost,",
        "-c",
        "local",
        "-e",
        f"@{variables}",
        "gaia_data.vre.build",
    ]
    subprocess.run(argv, check=True, env=environment)
    work = cache() / ".tiny"
    shutil.rmtree(work, ignore_errors=True)
    with Registries.open(registries) as access:
        jobs = {f"tiny/tiny{number:03}": (contract_labels(f"tiny{number:03}"), "amd64") for number in range(TINY)}
        jobs |= {f"bad/{name}": job for name, job in bad_images().items()}
        jobs |= {f"broken/{name}": (contract_labels(name), "amd64") for name in BROKEN}

        def push(repository: str) -> None:
            labels, architecture = jobs[repository]
            layout = write_tiny(repository.split("/")[1], work / repository, labels, architecture)
            access.push(layout, f"{REGISTRY}/{repository}:1")

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(push, jobs))
        for reference in tiny_images.MAKERS:
            access.push(tiny_images.ensure_layout(reference), reference)
        shutil.rmtree(work)
    say(f"pushed {len(jobs)} small images")


if __name__ == "__main__":
    _build()
