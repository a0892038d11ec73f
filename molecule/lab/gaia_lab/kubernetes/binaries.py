"""The cluster's programs that Debian does not have, compiled from the Go module proxy, once, and cached."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
from functools import cache as remember
from pathlib import Path

from gaia_lab.command import run, say
from gaia_lab.errors import LabError
from gaia_lab.paths import cache

ROOT = Path(__file__).resolve().parents[4]
# Which programs, of which versions: go.mod says it, go.sum what is in them. CoreDNS is put together here.
MODULE = Path(__file__).resolve().parents[2] / "kubernetes"
FILES = ("go.mod", "go.sum", "coredns/main.go")
# Its imports of the log library, under the former name, and ours clash in one build.
ALONE = "github.com/rancher/local-path-provisioner"
LEAN = ("-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false")  # nobody debugs them
VERSION = "k8s.io/component-base/version"


def flags(release: str) -> str:
    """What the linker gets: no symbols of debuggers, and the version that programs tell others, which git would say.

    :param release: of Kubernetes, ``v1.2.3``.
    """
    major, minor = release.removeprefix("v").split(".")[:2]
    said = {"gitVersion": release, "gitMajor": major, "gitMinor": minor}
    return " ".join(["-s -w", *(f"-X {VERSION}.{key}={value}" for key, value in said.items())])


def version(text: str) -> str:
    """The version of Kubernetes, as a go.mod says it."""
    found = re.search(r"^\tk8s.io/kubernetes (\S+)", text, re.MULTILINE)
    if not found:
        raise LabError(f"{MODULE}/go.mod requires no k8s.io/kubernetes")
    return found[1]


@remember
def ensure_binaries() -> Path:
    """The folder of the programs, made when the cache lacks it.

    :raises LabError: when the compiler cannot be had, or fails.
    """
    texts = [(MODULE / name).read_text() for name in FILES]
    linked = flags(version(texts[0]))
    folder = cache() / f"kubernetes-{hashlib.sha256(''.join([*texts, linked]).encode()).hexdigest()[:16]}"
    with (cache() / ".kubernetes.lock").open("w") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        if not folder.is_dir():
            say(f"compiling Kubernetes {version(texts[0])} and what belongs to it (once, about five minutes)")
            _build(folder, linked)
    return folder


def _build(folder: Path, linked: str) -> None:
    run(str(ROOT / "tools/setup"), "go")
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    tools = [tool["Path"] for tool in json.loads(_go("mod", "edit", "-json"))["Tool"]]
    for group in (["./coredns", *(tool for tool in tools if tool != ALONE)], [ALONE]):
        _go("build", "-p", "2", *LEAN, "-ldflags", linked, "-o", f"{partial}/", *group)
    partial.rename(folder)


def _go(*words: str) -> str:
    """Run the Go of requirements/go.txt at the module, with nothing of ours left in its own folders.

    :raises LabError: when it fails; what it says is shown.
    """
    (program,) = (ROOT / "build/venv-go/lib").glob("python3.*/site-packages/go/bin/go")
    folders = {"GOCACHE": str(cache() / "go/build"), "GOMODCACHE": str(cache() / "go/mod")}
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-modcacherw", "GOTOOLCHAIN": "local", **folders}
    argv = ["nice", str(program), *words]
    done = subprocess.run(argv, cwd=MODULE, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise LabError("the cluster's programs could not be compiled; what Go said is above")
    return done.stdout
