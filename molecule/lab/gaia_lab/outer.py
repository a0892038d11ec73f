"""What lab hosts take over from this machine, so that they reach the package registries as it does.

Its certificate authorities, its proxies, its settings of apt, pip and npm; and what was downloaded before.
"""

from __future__ import annotations

import configparser
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from gaia_lab.command import run
from gaia_lab.paths import cache

CA = Path("/etc/ssl/certs/ca-certificates.crt")
PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy")
PIP_VARIABLES = {
    "PIP_INDEX_URL": "index-url",
    "PIP_EXTRA_INDEX_URL": "extra-index-url",
    "PIP_TRUSTED_HOST": "trusted-host",
}
APT = re.compile(r"Acquire::(https?::|Check-|Retries)")
APT_ARCHIVES = "/var/cache/apt/archives"


def pip_conf(text: str, environment: Mapping[str, str]) -> str:
    """A host's pip.conf: ``text``, this machine's own, with the variables that would win over it."""
    settings = configparser.RawConfigParser()
    settings.read_string(text)
    found = {"cert": str(CA)}
    if settings.has_section("global"):
        found |= {key: settings["global"][key] for key in PIP_VARIABLES.values() if key in settings["global"]}
    found |= {key: environment[name] for name, key in PIP_VARIABLES.items() if environment.get(name)}
    return "[global]\n" + "".join(f"{key} = {value}\n" for key, value in found.items())


def apt_conf(dump: str) -> str:
    """A host's apt settings: of ``apt-config dump`` what says how to reach a mirror."""
    return "".join(f"{line}\n" for line in dump.splitlines() if APT.match(line) and '""' not in line)


def environment_file(environment: Mapping[str, str]) -> str:
    """A host's /etc/environment: its authorities and this machine's proxies."""
    found = {"NODE_EXTRA_CA_CERTS": str(CA), "PIP_CERT": str(CA)}
    for name in PROXIES:
        for spelling in (name, name.upper()):
            if environment.get(spelling):
                found[spelling] = environment[spelling]
    return "".join(f"{key}={value}\n" for key, value in found.items())


def settings() -> dict[str, str]:
    """Text by path of the files that a host gets."""
    own = Path("/etc/pip.conf")
    files = {
        "/etc/pip.conf": pip_conf(own.read_text() if own.exists() else "", os.environ),
        "/etc/npmrc": f"cafile={CA}\n",
        "/etc/environment": environment_file(os.environ),
    }
    if CA.exists():
        files[str(CA)] = CA.read_text()
    if shutil.which("apt-config") and (apt := apt_conf(run("apt-config", "dump"))):
        files["/etc/apt/apt.conf.d/90outer"] = apt
    return files


def shared_caches() -> list[tuple[Path, str]]:
    """Folders of the cache that may be bound into several hosts at once, and where to: pip's and npm's."""
    found = [(cache() / "pip", "/root/.cache/pip"), (cache() / "npm", "/root/.npm")]
    for folder, _target in found:
        folder.mkdir(exist_ok=True)
    return found


def lend_packages(upper: Path) -> None:
    """Give a host that is not up the Debian packages that others downloaded.

    As hard links: apt locks its folder, so hosts cannot share one.
    """
    _link(cache() / "apt", upper / APT_ARCHIVES.lstrip("/"))


def keep_packages(upper: Path) -> None:
    """Keep the Debian packages that a host downloaded, for the next."""
    _link(upper / APT_ARCHIVES.lstrip("/"), cache() / "apt")


def _link(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for package in source.glob("*.deb"):
        if not (target / package.name).exists() and package.is_file() and not package.is_symlink():
            os.link(package, target / package.name)
