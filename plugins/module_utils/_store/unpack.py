# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings images into a store where Ansible is not: ``python3 -m …_store.unpack FILE``, in a Job of a cluster.

The file is JSON: ``store``, ``images`` (``reference`` and ``subpath``), ``platform``, ``registries`` (by host
``authority``, a text in PEM, ``plain_http`` and ``mirrors``), ``authfile`` or null, ``parallel`` and ``timeout``. The
last line of the output is JSON, too: ``brought``, references, and ``problems``, texts by reference. What is wrong with
everything is a sentence, and the exit code 1.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._registry import Registries
from ansible_collections.gaia_data.vre.plugins.module_utils._store import layout
from ansible_collections.gaia_data.vre.plugins.module_utils._store.store import Brought, Store, wanted


def settings(registries: Mapping[str, Mapping[str, Any]], folder: Path) -> dict[str, dict[str, Any]]:
    """How registries are reached, with the authorities as files of a folder."""
    found: dict[str, dict[str, Any]] = {}
    for number, (host, options) in enumerate(registries.items()):
        found[host] = {key: value for key, value in options.items() if key != "authority"}
        if options.get("authority"):
            path = folder / f"{number}.crt"
            path.write_text(options["authority"], encoding="utf-8")
            found[host]["ca_file"] = str(path)
    return found


def bring(asked: Mapping[str, Any], say: Callable[[str], None]) -> Brought:
    """Bring what is missing, some images at a time.

    :param asked: content of the file.
    :param say: is given a line for each image.
    :raises VreError: when the store cannot be used.
    """
    layout.check(asked["store"])
    store, images = Store(Path(asked["store"])), wanted(asked["store"], asked["images"])
    found = Brought()
    with tempfile.TemporaryDirectory() as folder:
        reached = settings(asked["registries"], Path(folder))
        with Registries.open(reached, asked["authfile"]) as registries, store.locked(asked["timeout"]):
            for start in range(0, len(images), asked["parallel"]):
                some = images[start : start + asked["parallel"]]
                done = store.add(registries, some, asked["platform"], asked["parallel"])
                for image in map(str, some):
                    what = "cannot be unpacked" if image in done.problems else "is there"
                    say(f"{image.partition('@')[0]} {what}")
                found.images += [image for image in done.images if image not in done.problems]
                found.problems.update(done.problems)
    return found


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(path: str) -> int:
    """Bring what the file asks for; gives the exit code."""
    try:
        asked = json.loads(Path(path).read_text(encoding="utf-8"))
        found = bring(asked, _say)
    except (VreError, OSError, ValueError, LookupError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    problems = {image: str(error) for image, error in found.problems.items()}
    _say(json.dumps({"brought": sorted(found.images), "problems": problems}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
