# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``business_image`` and ``system_image`` do: build what is not there already, keep it, push it."""

from __future__ import annotations

import importlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils import _contract, _reference
from ansible_collections.gaia_data.vre.plugins.module_utils._build import assemble, definition, oci
from ansible_collections.gaia_data.vre.plugins.module_utils._build.debian import Debian
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors
from ansible_collections.gaia_data.vre.plugins.module_utils._registry import Registries

PROGRAMS = {"business": {"bwrap": "bubblewrap"}, "system": {"bwrap": "bubblewrap", "mmdebstrap": "mmdebstrap"}}
LIBRARIES = {"rattler": "py-rattler", "zstandard": "zstandard"}


def argument_spec() -> dict[str, dict[str, Any]]:
    """Options of both modules."""
    return {
        "folder": {"type": "path", "required": True},
        "reference": {"type": "str"},
        "layout": {"type": "path"},
        "channels": {"type": "list", "elements": "str", "required": True},
        "platform": {"type": "str", "choices": sorted(assemble.PLATFORMS), "default": "linux/amd64"},
        "cache_dir": {"type": "path", "required": True},
    }


def require(kind: str) -> None:
    """Say at once, and together, what the builder lacks.

    :raises VreErrors: naming each program and library.
    """
    problems = [
        VreError(f"the program {program} is not installed", "this builder", None, f"install the package {package}")
        for program, package in PROGRAMS[kind].items()
        if shutil.which(program) is None
    ]
    for module, package in LIBRARIES.items():
        try:
            importlib.import_module(module)
        except ImportError:
            remedy = f"install {package} for the Python that ansible uses there (ansible_python_interpreter)"
            problems.append(VreError(f"the Python library {package} is not there", "this builder", None, remedy))
    if problems:
        raise VreErrors(problems)


def produce(
    kind: str,
    params: dict[str, Any],
    registries: dict[str, dict[str, Any]],
    check_mode: bool,
    base: Debian | None = None,
) -> dict[str, Any]:
    """Build the image of a definition where it is missing; gives the module's result."""
    try:
        return _produce(kind, params, registries, check_mode, base)
    except OSError as error:
        where = str(error.filename or params["cache_dir"])
        raise VreError(f"the image cannot be built: {error.strerror or error}", where) from error


def _produce(
    kind: str,
    params: dict[str, Any],
    registries: dict[str, dict[str, Any]],
    check_mode: bool,
    base: Debian | None,
) -> dict[str, Any]:
    require(kind)
    found = definition.load(Path(params["folder"]))
    if found.kind != kind:
        remedy = f"build it with gaia_data.vre.{found.kind}_image"
        raise VreError(f"this is a {found.kind} image", f"{found.folder}/image.yml", None, remedy)
    reference = params["reference"] or ""
    if reference and not _reference.parse(reference, "reference").tag:
        raise VreError("the reference to push to needs a tag", "reference", reference, "write registry/path:tag")
    cache = Path(params["cache_dir"])
    cache.mkdir(parents=True, exist_ok=True)
    planned = assemble.plan(found, params["channels"], params["platform"], cache / "repodata", base)
    with Registries.open(registries, params["authfile"]) as access:
        places = _places(access, params)
        current = {name: digest for name, (digest, labels) in places.items() if _inputs(labels) == planned.inputs}
        missing = [name for name in places if name not in current]
        former = next((labels for name, (_digest, labels) in places.items() if name in missing), {})
        result: dict[str, Any] = {
            "changed": bool(missing),
            "reference": reference,
            "inputs": planned.inputs,
            "digest": next(iter(current.values()), ""),
            "packages": planned.packages(),
        }
        if missing:
            result["diff"] = {"before": _before(former), "after": _text(planned.packages(), planned.inputs)}
        if missing and not check_mode:
            result["digest"] = _build(planned, params, access, cache, missing)
    return result


def _places(access: Registries, params: dict[str, Any]) -> dict[str, tuple[str, dict[str, str]]]:
    """Digest and labels of what is where the image shall be: in the layout folder, in the registry."""
    places: dict[str, tuple[str, dict[str, str]]] = {}
    if params["layout"]:
        places["layout"] = oci.labels_of(Path(params["layout"]))
    if params["reference"]:
        try:
            image = access.inspect(params["reference"])
        except VreError as error:
            if error.message != "the image is not in the registry":
                raise
            places["reference"] = ("", {})
        else:
            there = image.platforms.get(params["platform"])
            places["reference"] = (image.digest, there.labels if there else {})
    return places


def _build(planned: assemble.Plan, params: dict[str, Any], access: Registries, cache: Path, missing: list[str]) -> str:
    build = assemble.build_system if planned.definition.kind == "system" else assemble.build_business
    # Beside the package cache, so that installed files are hard links and not copies.
    with tempfile.TemporaryDirectory(prefix=".build-", dir=cache) as name:
        if params["layout"] and "layout" not in missing:
            layout = Path(params["layout"])
            digest = oci.labels_of(layout)[0]
        else:
            layout, digest = build(planned, Path(name), cache / "packages")
        if "reference" in missing:
            _push(access, layout, params["reference"], digest)
        if "layout" in missing:
            target = Path(params["layout"])
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(target, ignore_errors=True)
            shutil.move(str(layout), str(target))
    return digest


def _push(access: Registries, layout: Path, reference: str, digest: str) -> None:
    access.push(layout, reference)
    pushed = access.inspect(reference).digest
    if pushed != digest:
        remedy = "use a registry that keeps manifests as they are pushed"
        raise VreError(f"the registry holds {pushed}, not {digest}", reference, None, remedy)


def _inputs(labels: Mapping[str, str]) -> str:
    return labels.get(_contract.LABEL_INPUTS, "")


def _before(labels: Mapping[str, str]) -> str:
    """The former image in the words of ``_text``; labels are untrusted."""
    if not labels:
        return ""
    try:
        environments = json.loads(labels.get(_contract.LABEL_ENVIRONMENTS, "{}"))
        packages = {name: dict(entry["packages"]) for name, entry in environments.items()}
    except (ValueError, LookupError, TypeError, AttributeError):
        packages = {}
    return _text(packages, _inputs(labels))


def _text(packages: Mapping[str, Mapping[str, str]], inputs: str) -> str:
    """What a person compares in diff mode."""
    lines = [
        f"{env}: {name} {version}" for env, found in sorted(packages.items()) for name, version in sorted(found.items())
    ]
    return "\n".join([*lines, f"inputs: {inputs}"]) + "\n"
