"""Wheels as conda packages, with the standard site-packages layout."""

from __future__ import annotations

import configparser
import shutil
import zipfile
from email.parser import Parser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from gaia_lab.conda import PLACEHOLDER, Package, write_package

PYTHON = "3.13"
SITE = f"lib/python{PYTHON}/site-packages"
MARKERS = {
    "python_version": PYTHON,
    "python_full_version": f"{PYTHON}.0",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "os_name": "posix",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
}
# Where the parts of a wheel's .data folder go. Source: the wheel specification of the PyPA.
SCHEMES = {
    "purelib": SITE,
    "platlib": SITE,
    "data": ".",
    "scripts": "bin",
    "headers": f"include/python{PYTHON}",
}
SCRIPT = """#!{prefix}/bin/python{python}
import sys
from {module} import {first}
if __name__ == "__main__":
    sys.exit({call}())
"""


def conda_depends(requirements: list[str], extras: frozenset[str] = frozenset()) -> list[str]:
    """Conda's form of a wheel's ``Requires-Dist`` on the channel's platform.

    Extras of a requirement are dropped: the channel's pinned closure holds what they bring, and the
    environment files name it.
    """
    found: set[str] = set()
    for text in requirements:
        requirement = Requirement(text)
        marker = requirement.marker
        if marker and not any(marker.evaluate({**MARKERS, "extra": extra}) for extra in extras or {""}):
            continue
        version = str(requirement.specifier).replace("===", "==")
        found.add(f"{canonicalize_name(requirement.name)} {version}".strip())
    return sorted(found)


def metadata(wheel: Path) -> tuple[str, str, list[str], str]:
    """Canonical name, version, ``Requires-Dist`` lines and license of a wheel."""
    name, version, _build, _tags = parse_wheel_filename(wheel.name)
    with zipfile.ZipFile(wheel) as archive:
        member = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA") and n.count("/") == 1)
        message = Parser().parsestr(archive.read(member).decode())
    license_ = str(message.get("License-Expression") or message.get("License") or "").splitlines()[:1]
    return (
        str(canonicalize_name(name)),
        str(version),
        message.get_all("Requires-Dist") or [],
        "".join(license_)[:80],
    )


def unpack(wheel: Path, root: Path) -> None:
    """Lay a wheel out as an installer would, below ``root``."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            top, _, rest = member.filename.partition("/")
            if top.endswith(".data"):
                scheme, _, rest = rest.partition("/")
                target = root / SCHEMES[scheme] / rest
            else:
                scheme, target = "purelib", root / SITE / member.filename
            target.parent.mkdir(parents=True, exist_ok=True)
            data = archive.read(member)
            if scheme == "scripts" and data.startswith(b"#!python"):
                data = f"#!{PLACEHOLDER}/bin/python{PYTHON}".encode() + data[data.index(b"\n") :]
            target.write_bytes(data)
            executable = scheme == "scripts" or (member.external_attr >> 16) & 0o111
            target.chmod(0o755 if executable else 0o644)
    _entry_points(root)


def _entry_points(root: Path) -> None:
    for file in (root / SITE).glob("*.dist-info/entry_points.txt"):
        parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read(file)
        if not parser.has_section("console_scripts"):
            continue
        for name, target in parser["console_scripts"].items():
            module, _, call = target.partition("[")[0].strip().partition(":")
            script = root / "bin" / name
            script.parent.mkdir(exist_ok=True)
            script.write_text(
                SCRIPT.format(prefix=PLACEHOLDER, python=PYTHON, module=module, first=call.split(".")[0], call=call)
            )
            script.chmod(0o755)


def convert(wheel: Path, requirements: dict[str, list[str]], work: Path, channel: Path) -> None:
    """Make one conda package of a wheel.

    :param requirements: ``Requires-Dist`` of every wheel of the channel by name, to resolve extras.
    :param work: a scratch folder.
    """
    name, version, requires, license_ = metadata(wheel)
    depends = set(conda_depends(requires))
    for text in requires:
        requirement = Requirement(text)
        if requirement.extras and (not requirement.marker or requirement.marker.evaluate({**MARKERS, "extra": ""})):
            other = str(canonicalize_name(requirement.name))
            depends |= set(conda_depends(requirements.get(other, []), frozenset(requirement.extras)))
    root = work / name
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    unpack(wheel, root)
    package = Package(name, version, [f"python {PYTHON}.*", *sorted(depends)], license=license_)
    write_package(package, root, channel)
    shutil.rmtree(root)
