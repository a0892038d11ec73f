# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install conda environments for a path where they are not yet, and leave no trace of the builder in them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

from ansible_collections.gaia_data.vre.plugins.module_utils._build.definition import EnvironmentDefinition
from ansible_collections.gaia_data.vre.plugins.module_utils._build.solve import hidden, parse_specs
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

if TYPE_CHECKING:
    from rattler import RepoDataRecord

FROZEN = {"message": "This environment is part of an image and read-only. Ask for a new version of the image."}
REMEDY = "check the channel; a package that is not what the channel's index says must be published again"
TOKEN = re.compile(r"^/t/[^/]+(?=/)")


def install(
    environment: EnvironmentDefinition,
    records: list[RepoDataRecord],
    stage: Path,
    final: str,
    platform: str,
    cache: Path,
) -> None:
    """Install ``records`` to ``stage`` as if it were ``final``.

    :param cache: the package cache; on the same file system, files are hard links into it.
    :raises VreError: when a package cannot be fetched, is not what the channel says, or has no file.
    """
    from rattler import Subdir
    from rattler import install as rattler_install

    _check_local(environment, records)
    stage.parent.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(
            rattler_install(
                records,
                target_prefix=stage,
                alternative_target_prefix=final,
                platform=Subdir(platform),
                cache_dir=cache,
                execute_link_scripts=False,
                show_progress=False,
            )
        )
    except Exception as error:  # py-rattler's errors have no common base
        message = hidden(f"the packages cannot be installed: {error}")
        raise VreError(message, environment.where, None, REMEDY) from error
    tidy(environment, records, stage)


def _check_local(environment: EnvironmentDefinition, records: list[RepoDataRecord]) -> None:
    """py-rattler 0.28 checks what it downloads, but not what it takes from a folder."""
    for record in records:
        parts = urlsplit(str(record.url))
        if parts.scheme == "file" and record.sha256:
            found = hashlib.sha256(Path(unquote(parts.path)).read_bytes()).hexdigest()
            if found != record.sha256.hex():
                name = f"{record.name.normalized} {record.version}"
                message = f"the packages cannot be installed: hash mismatch of {name}"
                raise VreError(message, environment.where, found, REMEDY)


def tidy(environment: EnvironmentDefinition, records: list[RepoDataRecord], stage: Path) -> None:
    """Drop what names the builder or its time; add what conda's tools expect of an environment."""
    meta = stage / "conda-meta"
    asked = {spec.name.normalized: str(spec) for spec in parse_specs(environment)}
    for file in sorted(meta.glob("*.json")):
        record = json.loads(file.read_text(encoding="utf-8"))
        for key in ("extracted_package_dir", "package_tarball_full_path"):
            record.pop(key, None)
        (record.get("link") or {}).pop("source", None)
        if record["name"] in asked:
            record["requested_spec"] = asked[record["name"]]  # what `conda env export --from-history` reads
        record["url"] = public_url(record["url"], keep=2)
        record["channel"] = public_url(record.get("channel") or "")
        _write(file, json.dumps(record, sort_keys=True, indent=1))
    _write(meta / "history", history(environment, records))
    _write(meta / "frozen", json.dumps(FROZEN))
    (stage / "CACHEDIR.TAG").unlink(missing_ok=True)  # backup tools would skip the environment
    for cached in list(stage.rglob("__pycache__")):
        shutil.rmtree(cached)


def _write(file: Path, text: str) -> None:
    file.unlink(missing_ok=True)  # a hard link into the package cache must not be edited in place
    file.write_text(text, encoding="utf-8")


def public_url(url: str, keep: int = 0) -> str:
    """A channel's URL without login and token; of a folder on the builder only the last ``keep`` names."""
    parts = urlsplit(url)
    if parts.scheme in ("file", ""):
        return "file:///" + "/".join(parts.path.split("/")[-keep:] if keep else [])
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, TOKEN.sub("", parts.path), "", ""))


def history(environment: EnvironmentDefinition, records: list[RepoDataRecord]) -> str:
    """``conda-meta/history`` as conda writes it, without a date of its own."""
    specs = json.dumps(list(environment.specs))
    packages = sorted(
        f"+{record.subdir}::{record.name.normalized}-{record.version}-{record.build}" for record in records
    )
    lines = ["==> 1970-01-01 00:00:00 <==", "# cmd: gaia_data.vre.build", *packages, f"# update specs: {specs}"]
    return "\n".join(lines) + "\n"
