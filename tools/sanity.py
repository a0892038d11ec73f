"""Run ansible-test sanity over the collection as Galaxy would ship it.

ansible-test wants to stand in …/ansible_collections/gaia_data/vre, and no symlink. So the files that git
tracks or would track, less galaxy.yml's build_ignore, are copied to build/sanity; unchanged files are left
alone, so that ansible-test's caches stay warm.
Arguments are passed on: python tools/sanity.py --test validate-modules
Without any, the hosts' oldest Python (3.9) compiles and imports the plugins too, where the machine has it.
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
KEPT = {COPY / ".git", COPY / "tests/output"}
HOME = ROOT / "build/sanity/home"
OLDEST_HOST_PYTHON = "3.9"
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
    kept = {path for path in listed if (ROOT / path).is_file() and not left_out(path, ignored)}
    return kept | {"galaxy.yml"}


def left_out(path: str, patterns: list[str]) -> bool:
    """Tell whether a pattern of build_ignore matches the path or a folder above it."""
    above = [path, *(str(folder) for folder in Path(path).parents)]
    return any(fnmatch.fnmatch(name, pattern) for name in above for pattern in patterns)


def synchronise() -> None:
    """Make the copy equal to what would be shipped, touching only what differs."""
    wanted = shipped()
    COPY.mkdir(parents=True, exist_ok=True)
    for folder, folders, names in os.walk(COPY):
        folders[:] = [name for name in folders if Path(folder, name) not in KEPT]
        for name in names:
            path = Path(folder, name)
            if str(path.relative_to(COPY)) not in wanted:
                path.unlink()
    for name in wanted:
        source, target = ROOT / name, COPY / name
        if not target.is_file() or not filecmp.cmp(source, target, shallow=False):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    # ansible-test asks git for the files; without a repository here it would ask ours, which ignores build/.
    subprocess.run(["git", "init", "--quiet", str(COPY)], check=True)
    (COPY / ".git/info/exclude").write_text("/tests/output/\n")


def give_get_pip() -> None:
    """Put the stand-in where ansible-test keeps its downloads, for every pip version that it names."""
    sources = Path(sys.prefix).glob("lib/*/site-packages/ansible_test/_internal/python_requirements.py")
    cache = HOME / ".ansible/test/cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in re.findall(r"pip='([\d.]+)'", next(sources).read_text()):
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(GET_PIP)


def oldest_host_python() -> Path | None:
    """Find the oldest Python that plugins must run on, on PATH or under pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    name = f"python{OLDEST_HOST_PYTHON}"
    found = shutil.which(name)
    candidates = [Path(found)] if found else []
    candidates += pyenv.glob(f"versions/{OLDEST_HOST_PYTHON}.*/bin/{name}")
    for candidate in candidates:
        works = subprocess.run([candidate, "-c", "import ensurepip"], check=False, capture_output=True)
        if works.returncode == 0:
            return candidate
    return None


def ansible_test(*arguments: str) -> int:
    """Run ansible-test sanity in the copy, with its own home and without our paths."""
    hidden = {"ANSIBLE_COLLECTIONS_PATH", "ANSIBLE_HOME", "PYTHONPATH", "MYPYPATH"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment["HOME"] = str(HOME)
    oldest = oldest_host_python()
    if oldest:
        environment["PATH"] += f":{oldest.parent}"
    program = str(Path(sys.prefix) / "bin/ansible-test")
    command = [program, "sanity", "--venv", "--requirements", "--color", "no", "--truncate", "0", *arguments]
    return subprocess.run(command, cwd=COPY, env=environment, check=False).returncode


def main(arguments: list[str]) -> int:
    """Copy, then hand over to ansible-test."""
    synchronise()
    give_get_pip()
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    failed = ansible_test("--python", here, *arguments)
    if arguments:
        return failed
    if oldest_host_python():
        failed |= ansible_test("--python", OLDEST_HOST_PYTHON, "--test", "compile", "--test", "import")
    else:
        print(f"No Python {OLDEST_HOST_PYTHON} here: plugins were not imported on it.")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
