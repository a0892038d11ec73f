# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the hub that runs to the one that is installed and configured, or back again. No session ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import signal
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ansible.module_utils.urls import open_url

from ansible_collections.gaia_data.vre.plugins.module_utils import _good, _units
from ansible_collections.gaia_data.vre.plugins.module_utils._database import Database
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._units import run, systemctl

PROXY, HUB = "gaia-vre-proxy.service", "gaia-vre-hub.service"
PEM = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
DOWN = "it does not run"
WORDS = 30  # lines of the log in a message


@dataclass(frozen=True)
class Wanted:
    """What is to run.

    :param root: folder of the releases and of the links ``hub`` and ``proxy`` to them.
    :param releases: by link, the release that is to be current.
    :param reads: by unit, the files and folders that it reads when it starts; the proxy's first.
    :param records: folder where the units record what they read.
    :param database: the hub's database.
    :param health_url: where the proxy answers on this host, with the path of the hub's health.
    :param hub_url: the address that users type.
    :param certificate: the file whose certificate the proxy is to give, or None without TLS.
    :param retries: seconds that a hub may take to answer.
    """

    root: Path
    releases: dict[str, Path]
    reads: dict[str, list[str]]
    records: Path
    database: Database
    health_url: str
    hub_url: str
    certificate: str | None
    retries: int

    @property
    def good(self) -> Path:
        """All that the services read, as it was when they last answered."""
        return self.root / "good.tar"

    @property
    def kept(self) -> list[str]:
        """What ``good`` holds."""
        links = [str(self.root / name) for name in self.releases]
        reads = [path for paths in self.reads.values() for path in paths]
        return links + sorted({path for path in reads if str(Path(path).parent) not in links})


@dataclass
class Switch:
    """One switch. ``look`` first; ``act`` when there is something to do.

    :param pending: in check mode, for whom files would have been written before: ``hub``, ``proxy``, ``certificate``.
    """

    wanted: Wanted
    pending: Sequence[str] = ()
    why: dict[str, str] = field(default_factory=dict)
    enable: list[str] = field(default_factory=list)
    renew: bool = False
    unkept: bool = False
    before: dict[str, Path | None] = field(default_factory=dict)

    def look(self) -> bool:
        """Whether anything is to be done. Changes nothing."""
        wanted = self.wanted
        self.before = {name: _target(wanted.root / name) for name in wanted.releases}
        states = _units.properties([PROXY, HUB], ["ActiveState", "UnitFileState"])
        for unit, state, name in zip((PROXY, HUB), states, ("proxy", "hub")):
            record = _units.recorded(wanted.records / unit)
            if state.get("ActiveState") != "active":
                self.why[unit] = DOWN
            elif self.before[name] != wanted.releases[name]:
                self.why[unit] = f"{wanted.root / name} is to be {wanted.releases[name].name}"
            elif stale := _units.why_stale(_units.sums(wanted.reads[unit]), record):
                self.why[unit] = stale
            elif name in self.pending:
                self.why[unit] = "what it reads changes"
            if state.get("UnitFileState") != "enabled":
                self.enable.append(unit)
        self.renew = PROXY not in self.why and ("certificate" in self.pending or not self.gives_certificate())
        # Also when a play was killed after the restart: what is older would come back at the next failure.
        self.unkept = not _good.holds(wanted.good, wanted.kept)
        return bool(self.why or self.enable or self.renew or self.unkept)

    def told(self) -> list[str]:
        """What is to be done, in words."""
        lines = [f"{unit} starts again: {why}" for unit, why in self.why.items()]
        lines += [f"{unit} starts after a reboot" for unit in self.enable]
        lines += ["the proxy takes its new certificate"] if self.renew else []
        return lines + (["what the services read is kept for the way back"] if self.unkept and not self.why else [])

    def diff(self) -> dict[str, Any]:
        """The releases, and what starts again."""
        before = {name: version(release) for name, release in self.before.items()}
        after = {name: version(release) for name, release in self.wanted.releases.items()}
        return {"before": before, "after": {**after, "actions": self.told()} if self.told() else after}

    def act(self) -> None:
        """Do it; sessions are not touched.

        :raises VreError: when the hub does not answer; the former one runs again then, as far as the message says so.
        """
        began = int(time.time())
        migration = None
        release = self.wanted.releases["hub"]
        if self.why.get(HUB) == DOWN or self.before["hub"] != release:
            migration = self.wanted.database.migration(self.before["hub"], release)
        try:
            if migration is not None:
                systemctl("stop", HUB)
                migration.run()
            for name, release in self.wanted.releases.items():
                link(self.wanted.root / name, release)
            self._start(self.why)
            if self.why or self.unkept:
                self._wait()
        except (VreError, OSError) as error:
            words = _words(began)
            told = self._go_back(migration)
            said = error.message if isinstance(error, VreError) else f"the hub could not be switched: {error}"
            raise VreError(f"{said}. Its last words:\n{words}\n{told}", "hub") from error
        if self.renew:
            run(
                ["systemctl", "reload", PROXY]
            )  # fails with a pair that does not fit; the proxy gives its former one then
            self._wait_certificate()
        if self.why or self.unkept:
            self._keep()

    def _start(self, why: dict[str, str]) -> None:
        systemctl("daemon-reload")
        if self.enable:
            systemctl("enable", *self.enable)
        if PROXY in why:
            systemctl("restart", PROXY)  # and with it a hub that runs, which tells the proxy its routes
            systemctl("start", HUB)
        elif HUB in why:
            systemctl("restart", HUB)

    def _wait(self) -> None:
        answer = "no answer"
        for _try in range(self.wanted.retries):
            answer = health(self.wanted.health_url, self.wanted.hub_url)
            if not answer:
                return
            time.sleep(1)
        raise VreError(
            f"the hub did not answer at {self.wanted.health_url} within {self.wanted.retries} s ({answer})", "hub"
        )

    def _go_back(self, migration: Any) -> str:
        """What became of the former hub."""
        remedy = "Remedy: correct what they name and deploy again; running sessions were not touched"
        if not self.wanted.good.is_file():
            return f"There is no former hub to go back to. {remedy}"
        try:
            systemctl("stop", HUB)
            _good.put_back(self.wanted.good)
            if migration is not None:
                migration.undo()
            again = Switch(self.wanted)
            again.look()
            self._start({unit: "" for unit in (PROXY, HUB) if unit in again.why or unit == HUB})
            self._wait()
        except (VreError, OSError) as error:
            return f"The former hub does not answer either: {error} {remedy}"
        return f"The former hub runs again, with its configuration and its database. {remedy}"

    def gives_certificate(self) -> bool:
        """Whether the proxy gives the certificate that it is to give."""
        if self.wanted.certificate is None:
            return True
        try:
            text = Path(self.wanted.certificate).read_text(encoding="ascii", errors="replace")
        except FileNotFoundError:
            return True  # in check mode: it is still to come
        leaf = PEM.search(text)
        parts = urlsplit(self.wanted.health_url)
        try:
            given = ssl.get_server_certificate((parts.hostname or "", parts.port or 443), timeout=5)
        except OSError:
            return False
        return leaf is not None and ssl.PEM_cert_to_DER_cert(leaf.group()) == ssl.PEM_cert_to_DER_cert(given)

    def _wait_certificate(self) -> None:
        for _try in range(50):
            if self.gives_certificate():
                return
            time.sleep(0.2)
        raise VreError(
            "the proxy still gives its former certificate",
            "hub_tls.certificate",
            self.wanted.certificate,
            "see journalctl -u gaia-vre-proxy",
        )

    def _keep(self) -> None:
        """What runs is what a later switch goes back to; the former release stays too, older ones go."""
        try:
            _good.keep(self.wanted.good, self.wanted.kept)
        except OSError as error:
            self.wanted.good.unlink(missing_ok=True)  # the next play keeps it, rather than go back to what is older
            raise VreError(
                f"the hub runs, but what it reads could not be kept for a way back: {error.strerror}",
                str(self.wanted.good),
                None,
                "see that its disk has room, and deploy again",
            ) from error
        for name, release in self.wanted.releases.items():
            if self.before[name] == release:
                continue  # nothing became older
            for folder in self.wanted.root.glob(f"{name}-*"):
                if folder not in (release, self.before[name]):
                    shutil.rmtree(folder, ignore_errors=True)  # what is left goes with the next one


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait for another play that installs, switches or restores here."""
    if not folder.is_dir():
        yield  # in check mode: it is still to come
        return
    number = os.open(str(folder), os.O_RDONLY)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)


def outlive_connection() -> None:
    """Go on to the end when the one who asked is gone: a hub that is stopped half-way would stay so."""
    for number in (signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)


def health(url: str, hub_url: str) -> str:
    """What keeps the hub from being healthy, or nothing."""
    try:
        # Asked by its address, on its own host: there the certificate says nothing.
        with open_url(
            url, validate_certs=False, use_proxy=False, timeout=5, headers={"Host": urlsplit(hub_url).netloc}
        ) as answer:
            return "" if answer.status == 200 else f"HTTP {answer.status}"
    except Exception as error:  # pylint: disable=broad-except # noqa: BLE001 - of urllib, http.client and ssl
        return " ".join(str(error).split()) or type(error).__name__


def jupyterhub(release: Path) -> str:
    """The version of the JupyterHub of a release, or nothing."""
    found = sorted(release.glob("lib/python3*/site-packages/jupyterhub-*.dist-info"))
    return found[0].name.split("-")[1][: -len(".dist")] if found else ""


def version(release: Path | None) -> str:
    """A release in words."""
    if release is None:
        return "none"
    found = jupyterhub(release)
    return f"{release.name} (JupyterHub {found})" if found else release.name


def _target(link: Path) -> Path | None:
    try:
        return link.parent / link.readlink()
    except OSError:
        return None


def link(link: Path, target: Path) -> None:
    """Point a link somewhere else, at once."""
    if _target(link) == target:
        return
    new = link.parent / f".{link.name}.new"
    new.unlink(missing_ok=True)
    new.symlink_to(target.name)
    new.replace(link)


def _words(since: int) -> str:
    argv = ["journalctl", "--no-pager", "--output=cat", f"--since=@{since}", f"--lines={WORDS}"]
    return run([*argv, f"--unit={HUB}", f"--unit={PROXY}"]).out.strip() or "none"
