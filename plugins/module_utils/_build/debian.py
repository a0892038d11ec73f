# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of a system image: a minimal Debian, without package manager or anything that names the builder."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

USER = "vre"
USER_ID = 1000
HOME = f"home/{USER}"
UNUSED = ("doc", "man", "locale", "info", "lintian")
VOLATILE = ("dev", "run", "tmp", "var/cache", "var/lib/apt", "var/log")
UNWANTED = ("hostname", "resolv.conf", "machine-id", "passwd-", "group-", "shadow", "shadow-", "gshadow", "gshadow-")


@dataclass(frozen=True)
class Debian:
    """Where the base of a system image comes from.

    :param suite: e.g. ``trixie``.
    :param mirror: URL, or an empty text for mmdebstrap's own default.
    :param apt_options: lines as in ``apt.conf``.
    """

    suite: str
    mirror: str = ""
    apt_options: tuple[str, ...] = ()


def make(debian: Debian, packages: tuple[str, ...], root: Path, where: str) -> None:
    """Make the base at ``root``.

    :raises VreError: with the last words of mmdebstrap.
    """
    argv = [
        "mmdebstrap",
        "--quiet",
        "--variant=essential",
        *(f"--aptopt={option}" for option in debian.apt_options),
        f"--include={','.join(packages)}",
        *(f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in UNUSED),
        debian.suite,
        str(root),
        *([debian.mirror] if debian.mirror else []),
    ]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "0"}
    # Not run_command: there is no module here, and the tests run it without one.
    done = subprocess.run(  # pylint: disable=ansible-bad-function
        argv, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        words = [line for line in done.stderr.splitlines() if line.startswith("E:")][-3:] or done.stderr.splitlines()[
            -3:
        ]
        remedy = "check build_suite, build_mirror, build_apt_options and the names in packages"
        raise VreError(f"mmdebstrap could not make Debian {debian.suite}: {' / '.join(words)}", where, None, remedy)
    for path in VOLATILE:
        shutil.rmtree(root / path, ignore_errors=True)
        (root / path).mkdir(parents=True)
    for name in UNWANTED:
        (root / "etc" / name).unlink(missing_ok=True)
    (root / "tmp").chmod(0o1777)
    (root / HOME).mkdir(parents=True)
    for file, line in (
        ("etc/passwd", f"{USER}:x:{USER_ID}:{USER_ID}::/{HOME}:/bin/bash\n"),
        ("etc/group", f"{USER}:x:{USER_ID}:\n"),
    ):
        with (root / file).open("a") as stream:
            stream.write(line)
