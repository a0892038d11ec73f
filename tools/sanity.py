"""Run ansible-test sanity over the collection as Galaxy would ship it.

ansible-test wants to stand in …/ansible_collections/gaia_data/vre, and no symlink. So the files that git tracks or
would track, less galaxy.yml's build_ignore, are copied to build/sanity; unchanged files are left alone, so that
ansible-test's caches stay warm. Arguments are passed on: python tools/sanity.py --test validate-modules
"""

from __future__ import annotations

import filecmp
import fnmatch
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
COPY = ROOT / "build/sanity/ansible_collections/gaia_data/vre"
HOME = ROOT / "build/sanity/home"
# ansible-test would download get-pip into each virtual environment that it makes; every Python has ensurepip.
GET_PIP = """import ensurepip, runpy, sys
ensurepip.bootstrap()
sys.argv = ["pip", "install", *(arg for arg in sys.argv[1:] if arg not in ("--no-setuptools", "--no-wheel"))]
runpy.run_module("pip", run_name="__main__")
"""


def shipped() -> set[str]:
    """Paths of the files that are in the work tree, not ignored by git and not left out of the collection."""
    ignored = yaml.safe_load((ROOT / "galaxy.yml").read_text())["build_ignore"]
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    return {path for path in listed if (ROOT / path).is_file() and not left_out(path, ignored)}


def left_out(path: str, patterns: list[str]) -> bool:
    """Tell whether a pattern of build_ignore matches the path or a folder above it."""
    above = [path, *(str(folder) for folder in Path(path).parents)]
    return any(fnmatch.fnmatch(name, pattern) for name in above for pattern in patterns)


def synchronise() -> None:
    """Make the copy equal to what would be shipped, touching only what differs."""
    wanted = shipped()
    COPY.mkdir(parents=True, exist_ok=True)
    for folder, folders, names in os.walk(COPY):
        folders[:] = [name for name in folders if name != ".git"]
        for name in names:
            path = Path(folder, name)
            inside = path.relative_to(COPY)
            if str(inside) not in wanted and inside.parts[:2] != ("tests", "output"):
                path.unlink()
    for name in wanted:
        source, target = ROOT / name, COPY / name
        if not target.is_file() or not filecmp.cmp(source, target, shallow=False):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def give_get_pip() -> None:
    """Put the stand-in where ansible-test keeps its downloads, for every pip version that it names."""
    bootstrap = Path(sys.prefix).glob(
        "lib/python3.*/site-packages/ansible_test/_internal/python_requirements.py"
    )
    text = next(bootstrap).read_text()
    cache = HOME / ".ansible/test/cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in re.findall(r"pip='([\d.]+)'", text):
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(GET_PIP)


def main() -> int:
    """Copy, then hand over to ansible-test."""
    synchronise()
    give_get_pip()
    if not (COPY / ".git").exists():
        subprocess.run(["git", "init", "--quiet", str(COPY)], check=True)
    # ansible-test brings its own paths: ours would put two collections of the same name before it.
    environment = {
        k: v for k, v in os.environ.items() if k not in {"ANSIBLE_COLLECTIONS_PATH", "PYTHONPATH", "MYPYPATH"}
    }
    environment["HOME"] = str(HOME)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    command = [
        str(Path(sys.prefix) / "bin/ansible-test"),
        "sanity",
        "--venv",
        "--python",
        python,
        "--requirements",
        "--color",
        "no",
        *sys.argv[1:],
    ]
    return subprocess.run(command, cwd=COPY, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
