# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image contract, version 1: labels, and the names of kernels.

Labels are written by whoever built the image, so they are untrusted: every value is checked before it may
become a path, a kernel's name or a text on the launch page.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors
from ansible_collections.gaia_data.vre.plugins.module_utils._text import NAME, wrong_with_text

VERSION = "1"
KINDS = ("business", "system")
MOUNT_ROOT = "/opt/gaia"

PREFIX = "org.gaia-data.vre."
LABEL_CONTRACT = PREFIX + "contract"
LABEL_KIND = PREFIX + "kind"
LABEL_MOUNT_PATH = PREFIX + "mount-path"
LABEL_ENVIRONMENTS = PREFIX + "environments"
LABEL_PLATFORM = PREFIX + "platform"
LABEL_INPUTS = PREFIX + "inputs"
LABEL_TITLE = "org.opencontainers.image.title"
LABEL_VERSION = "org.opencontainers.image.version"
LABEL_REVISION = "org.opencontainers.image.revision"
LABEL_LICENSES = "org.opencontainers.image.licenses"

NAME_RULE = "letters, digits, _, . and -, at most 63, without .."
ENVIRONMENT_NAME = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")
KERNEL_DIR = ENVIRONMENT_NAME
LANGUAGE = re.compile(r"[A-Za-z0-9_+#. -]{1,40}")
PACKAGE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
PACKAGE_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+!-]{0,63}")
PLATFORM = re.compile(r"linux/[a-z0-9]{1,16}(/v[0-9]{1,2})?")

LONGEST_LABEL = 256 * 1024
MOST = 100  # environments in an image, kernels in an environment
MOST_PACKAGES = 1000

Environments = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Contract:
    """What an image says of itself, checked.

    :param mount_path: where a business image must be mounted.
    :param environments: ``{name: {"kernels": {directory: {"language", "display_name"}}, "packages": {…}}}``.
    """

    kind: str
    version: str = ""
    title: str = ""
    license: str = ""
    mount_path: str | None = None
    environments: Environments = field(default_factory=dict)


def mount_path(image: str) -> str:
    """Where a business image that follows the contract is mounted."""
    return f"{MOUNT_ROOT}/{image}"


def kernel_name(image: str, environment: str, kernel_dir: str) -> str:
    """The kernel's name in a session and in notebooks, by the rule of nb_conda_kernels.

    :param image: the name of the folder that holds ``envs``; the image's name in the contract's layout.
    :param kernel_dir: the kernel's directory below ``share/jupyter/kernels``.
    """
    suffix = {"python2": "py", "python3": "py", "ir": "r"}.get(kernel_dir, kernel_dir)
    name = unicodedata.normalize("NFKD", f"conda-env-{image}-{environment}-{suffix}")
    name = "".join(character for character in name if not unicodedata.combining(character))
    return re.sub(r"[^a-zA-Z0-9._\-]", "_", name)


def parse(labels: Mapping[str, str], where: str = "") -> Contract:
    """Check an image's labels.

    :param where: the image, for messages.
    :raises VreErrors: with every label that breaks the contract.
    """
    kind = labels.get(LABEL_KIND, "")
    if LABEL_CONTRACT not in labels:
        remedy = "use an image that the build playbook made, or one with the labels of the image contract"
        raise VreErrors(
            [VreError(f"the image has no label {LABEL_CONTRACT}, so it is no VRE image", where, None, remedy)]
        )
    if labels[LABEL_CONTRACT] != VERSION:
        remedy = f"build it again for version {VERSION}, or use a collection that knows its version"
        value = labels[LABEL_CONTRACT]
        raise VreErrors([VreError("the image follows another version of the contract", where, value, remedy)])
    problems: list[VreError] = []
    label = _Label(labels, where, problems)
    if kind not in KINDS:
        label.problem(LABEL_KIND, "must be business or system", kind or None)
    mount, environments = None, {}
    if kind == "business":
        mount = label.text(LABEL_MOUNT_PATH, re.compile(re.escape(MOUNT_ROOT) + "/" + NAME.pattern))
        environments = _environments(label)
    version = label.plain(LABEL_VERSION, 64)
    title = label.plain(LABEL_TITLE, 120)
    licenses = label.plain(LABEL_LICENSES, 200)
    if problems:
        raise VreErrors(problems)
    return Contract(kind, version, title, licenses, mount, environments)


class _Label:
    """Reads labels and gathers what is wrong with them."""

    def __init__(self, labels: Mapping[str, str], where: str, problems: list[VreError]) -> None:
        self.labels, self.where, self.problems = labels, where, problems

    def problem(self, label: str, text: str, value: Any = None) -> None:
        remedy = "the image is not to be trusted as it is: build it again by the image contract"
        where = f"{self.where}: label {label}" if self.where else f"label {label}"
        self.problems.append(VreError(text, where, value, remedy))

    def text(self, label: str, pattern: re.Pattern[str]) -> str:
        value = self.labels.get(label)
        if value is None:
            self.problem(label, "is missing")
        elif not pattern.fullmatch(value):
            self.problem(label, f"must be like {pattern.pattern}", value)
        else:
            return value
        return ""

    def plain(self, label: str, longest: int) -> str:
        """A text that may be absent."""
        value = self.labels.get(label, "")
        wrong = wrong_with_text(value, longest) if value else None
        if wrong:
            self.problem(label, wrong, value)
            return ""
        return value

    def member(self, text: str, value: Any) -> None:
        """A problem inside the label that lists environments."""
        self.problem(LABEL_ENVIRONMENTS, text, value)


def _environments(label: _Label) -> Environments:
    raw = label.labels.get(LABEL_ENVIRONMENTS)
    if raw is None:
        label.problem(LABEL_ENVIRONMENTS, "is missing")
        return {}
    if len(raw) > LONGEST_LABEL:
        label.problem(LABEL_ENVIRONMENTS, f"must not be longer than {LONGEST_LABEL} bytes")
        return {}
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        label.problem(LABEL_ENVIRONMENTS, "must be JSON", raw)
        return {}
    if not isinstance(data, dict) or len(data) > MOST:
        label.member(f"must be a mapping of at most {MOST} environments", data)
        return {}
    if not data:
        label.member("must name an environment", None)
    found: Environments = {}
    for name in sorted(data):
        if not ENVIRONMENT_NAME.fullmatch(name):
            label.member(f"has an environment with a name that is not {NAME_RULE}", name)
            continue
        entry = data[name]
        if not isinstance(entry, dict):
            label.member(f"environment {name} must be a mapping", entry)
            continue
        found[name] = {"kernels": _kernels(label, name, entry), "packages": _packages(label, name, entry)}
    return found


def _kernels(label: _Label, environment: str, entry: dict[str, Any]) -> dict[str, dict[str, str]]:
    data = entry.get("kernels")
    if not isinstance(data, dict) or not data or len(data) > MOST:
        label.member(f"environment {environment} has no kernel", data)
        return {}
    found: dict[str, dict[str, str]] = {}
    for name in sorted(data):
        spec = data[name]
        if not KERNEL_DIR.fullmatch(name):
            label.member(f"environment {environment} has a kernel with a name that is not {NAME_RULE}", name)
        elif not isinstance(spec, dict):
            label.member(f"kernel {environment}/{name} must be a mapping", spec)
        elif not LANGUAGE.fullmatch(str(spec.get("language", ""))):
            label.member(f"kernel {environment}/{name} has no usable language", spec.get("language"))
        elif wrong_with_text(spec.get("display_name"), 120):
            wrong = wrong_with_text(spec.get("display_name"), 120)
            label.member(f"kernel {environment}/{name}: display_name {wrong}", spec.get("display_name"))
        else:
            found[name] = {"language": str(spec["language"]), "display_name": str(spec["display_name"])}
    return found


def _packages(label: _Label, environment: str, entry: dict[str, Any]) -> dict[str, str]:
    data = entry.get("packages", {})
    if not isinstance(data, dict) or len(data) > MOST_PACKAGES:
        label.member(f"packages of environment {environment} must be a mapping of names to versions", data)
        return {}
    found: dict[str, str] = {}
    for name in sorted(data):
        version = data[name]
        if PACKAGE.fullmatch(name) and isinstance(version, str) and PACKAGE_VERSION.fullmatch(version):
            found[name] = version
        else:
            label.member(f"environment {environment} has a package that is none", {name: version})
    return found
