"""Root file systems that hosts boot from: a minimal Debian made once by mmdebstrap and kept in the cache."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from pathlib import Path

import yaml

from gaia_lab.command import run, say
from gaia_lab.errors import LabError
from gaia_lab.paths import cache
from gaia_lab.spec import SPECS

# While the base is made apt sees sid, too, and takes from it what the base's own suite has not. "$1" is its root.
SID = (
    """--setup-hook=cd "$1/etc/apt" && sed -n 's/ [a-z]* main/ sid main/p' sources.list >sources.list.d/sid.list""",
    """--setup-hook=printf 'Package: *\\nPin: release n=sid\\nPin-Priority: 100\\n' >"$1/etc/apt/preferences.d/sid\"""",
    """--customize-hook=cd "$1/etc/apt" && rm sources.list.d/sid.list preferences.d/sid""",
)


def ensure_base(name: str) -> Path:
    """The unpacked root of base ``name``, built when the cache lacks it.

    :raises LabError: for an unknown base, or when mmdebstrap fails.
    """
    data = yaml.safe_load((SPECS / "bases.yml").read_text())
    if name not in data:
        raise LabError(f"no base {name} in specs/bases.yml; known: {', '.join(data)}")
    suite, packages = data[name]["suite"], sorted(data[name]["packages"])
    # What Debian has in sid only.
    newer = sorted(data[name].get("sid", []))
    key = hashlib.sha256(json.dumps([suite, packages, *newer]).encode()).hexdigest()[:16]
    folder = cache() / "base"
    folder.mkdir(exist_ok=True)
    root = folder / f"{name}-{key}"
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.is_dir():
            _build(suite, packages, newer, root)
    return root


def _build(suite: str, packages: list[str], newer: list[str], root: Path) -> None:
    say(f"building the base {root.name} (Debian {suite}, once, about half a minute)")
    partial = root.with_name(f".{root.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    # In namespaces of its own: its mounts and processes end with it, and it with us.
    run(
        *("setpriv", "--pdeathsig", "KILL", "--"),
        *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"),
        *("nice", "mmdebstrap"),
        "--quiet",
        "--variant=minbase",
        '--aptopt=Acquire::Check-Valid-Until "false"',
        '--aptopt=Acquire::Retries "5"',
        *(SID if newer else ()),
        f"--include={','.join([*packages, *newer])}",
        suite,
        str(partial),
    )
    partial.rename(root)
