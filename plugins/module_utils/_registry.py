# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection asks of OCI registries, all of it by skopeo.

skopeo knows auth files, certificate folders, mirrors and retries; see ``man containers-auth.json``,
``containers-certs.d`` and ``containers-registries.conf``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
TIMEOUT = 120
RETRIES = "2"


@dataclass(frozen=True)
class PlatformImage:
    """One platform of an image: its manifest's digest, compressed bytes and labels."""

    digest: str
    size: int
    labels: Dict[str, str]


@dataclass(frozen=True)
class RemoteImage:
    """What a registry holds for a reference.

    :param digest: of what the reference points to, an index or a manifest.
    :param platforms: by ``os/architecture``.
    """

    reference: str
    digest: str
    platforms: Dict[str, PlatformImage] = field(default_factory=dict)


def host_of(reference: str) -> str:
    """The registry's host (and port) in a reference."""
    return reference.split("/", 1)[0]


class Registries:
    """Access to registries; use as ``with Registries.open(settings, authfile) as registries``.

    :param settings: by host: ``username``, ``password``, ``ca_file``, ``plain_http``, ``mirrors``.
    :param folder: a private folder with the files that skopeo reads.
    """

    def __init__(self, settings: Dict[str, Dict[str, Any]], authfile: Optional[str], folder: Path) -> None:
        self.settings, self.authfile, self.folder = settings, authfile, folder

    @classmethod
    @contextmanager
    def open(
        cls, settings: Optional[Dict[str, Dict[str, Any]]] = None, authfile: Optional[str] = None
    ) -> "Iterator[Registries]":
        """Write skopeo's configuration to a private folder that goes away at the end.

        :raises VreError: when skopeo is not installed, or a file that the settings name is not there.
        """
        if shutil.which("skopeo") is None:
            raise VreError("skopeo is not installed on this host", remedy="install the package skopeo")
        settings = settings or {}
        with tempfile.TemporaryDirectory(prefix="gaia-vre-") as name:
            folder = Path(name)
            registries = cls(settings, authfile, folder)
            registries._write_auth()
            for host, options in settings.items():
                registries._write_certificate(host, options.get("ca_file"))
            registries._write_mirrors()
            yield registries

    def _write_auth(self) -> None:
        logins = {
            host: {"auth": base64.b64encode(f"{o['username']}:{o.get('password') or ''}".encode()).decode()}
            for host, o in self.settings.items()
            if o.get("username")
        }
        if self.authfile and not os.path.isfile(self.authfile):
            raise VreError(
                "the auth file is not there", where="authfile", value=self.authfile, remedy="run skopeo login"
            )
        if not logins:
            return
        known: Dict[str, Any] = {}
        if self.authfile:
            known = json.loads(Path(self.authfile).read_text(encoding="utf-8"))
        known.setdefault("auths", {}).update(logins)
        target = self.folder / "auth.json"
        target.touch(mode=0o600)
        target.write_text(json.dumps(known), encoding="utf-8")
        self.authfile = str(target)

    def _write_certificate(self, host: str, ca_file: Optional[str]) -> None:
        if not ca_file:
            return
        if not os.path.isfile(ca_file):
            raise VreError(
                "the authority's file is not there",
                where=f"registries: {host}: ca_file",
                value=ca_file,
                remedy="give the path of a PEM file on the host that runs this module",
            )
        target = self.folder / "certs" / host
        target.mkdir(parents=True)
        shutil.copy(ca_file, target / "ca.crt")

    def _write_mirrors(self) -> None:
        lines: List[str] = []
        for host, options in self.settings.items():
            if not options.get("mirrors"):
                continue
            lines += ["[[registry]]", f"location = {json.dumps(host)}"]
            for mirror in options["mirrors"]:
                lines += ["[[registry.mirror]]", f"location = {json.dumps(mirror)}"]
                if self._plain(host_of(mirror)):
                    lines.append("insecure = true")
        if lines:
            (self.folder / "registries.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _plain(self, host: str) -> bool:
        return bool(self.settings.get(host, {}).get("plain_http"))

    def _skopeo(self, verb: str, host: str, *arguments: str, side: str = "") -> bytes:
        """Run skopeo against ``host``; ``side`` is ``dest-`` or ``src-`` for a copy."""
        options: List[str] = [f"--{side}tls-verify={'false' if self._plain(host) else 'true'}"]
        if self.authfile:
            options.append(f"--{side}authfile={self.authfile}")
        if (self.folder / "certs" / host).is_dir():
            options.append(f"--{side}cert-dir={self.folder / 'certs' / host}")
        environment = dict(os.environ, TMPDIR=str(self.folder))
        if (self.folder / "registries.conf").is_file():
            environment["CONTAINERS_REGISTRIES_CONF"] = str(self.folder / "registries.conf")
        try:
            done = subprocess.run(
                ["skopeo", verb, "--retry-times", RETRIES, *options, *arguments],
                capture_output=True,
                check=False,
                env=environment,
                timeout=TIMEOUT if verb == "inspect" else None,
            )
        except subprocess.TimeoutExpired as error:
            raise VreError(
                f"registry {host} gave no answer within {TIMEOUT} s", where=arguments[-1], remedy="try again later"
            ) from error
        if done.returncode:
            raise explain(host, arguments[-1], done.stderr.decode(errors="replace"))
        return done.stdout

    def inspect(self, reference: str) -> RemoteImage:
        """Digest, platforms, sizes and labels of what ``reference`` points to now; one request for our images."""
        host = host_of(reference)
        raw = self._skopeo("inspect", host, "--raw", f"docker://{reference}")
        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        manifest = json.loads(raw)
        platforms: Dict[str, PlatformImage] = {}
        if manifest.get("mediaType") in INDEX_TYPES or "manifests" in manifest:
            repository = reference.split("@")[0]
            head, _, tail = repository.rpartition("/")
            repository = f"{head}/{tail.split(':')[0]}"
            for item in manifest["manifests"]:
                platform = item.get("platform") or {}
                name = f"{platform.get('os')}/{platform.get('architecture')}"
                if platform.get("os") not in (None, "unknown") and name not in platforms:
                    pinned = f"{repository}@{item['digest']}"
                    inner = json.loads(self._skopeo("inspect", host, "--raw", f"docker://{pinned}"))
                    platforms[name] = self._platform(pinned, item["digest"], inner)[1]
        else:
            name, image = self._platform(reference, digest, manifest)
            platforms[name] = image
        return RemoteImage(reference, digest, platforms)

    def _platform(self, reference: str, digest: str, manifest: Dict[str, Any]) -> "tuple[str, PlatformImage]":
        size = sum(int(layer["size"]) for layer in manifest.get("layers", []))
        labels = manifest.get("annotations") or {}
        name = labels.get("org.gaia-data.vre.platform")
        if name is None:
            config = json.loads(
                self._skopeo("inspect", host_of(reference), "--raw", "--config", f"docker://{reference}")
            )
            name = f"{config.get('os')}/{config.get('architecture')}"
            labels = (config.get("config") or {}).get("Labels") or {}
        return str(name), PlatformImage(digest, size, {str(k): str(v) for k, v in labels.items()})

    def push(self, layout: Path, reference: str) -> None:
        """Copy an OCI layout to ``reference`` with its digests kept."""
        host = host_of(reference)
        arguments = ("--quiet", "--preserve-digests", f"oci:{layout}", f"docker://{reference}")
        self._skopeo("copy", host, *arguments, side="dest-")


def explain(host: str, reference: str, stderr: str) -> VreError:
    """skopeo's last words as an error with a remedy."""
    reference = reference.replace("docker://", "", 1)
    words = stderr.strip().splitlines()[-1] if stderr.strip() else "skopeo said nothing"
    known = (
        ("manifest unknown", "the image is not in the registry", "check its name and tag, or push it"),
        ("name unknown", "the image is not in the registry", "check its name and tag, or push it"),
        ("unauthorized", f"registry {host} refused the login", f"check username and password of {host}"),
        ("authentication required", f"registry {host} refused the login", f"check username and password of {host}"),
        ("denied", f"registry {host} denied access", f"check what the login of {host} may read"),
        ("certificate", f"the certificate of registry {host} is not trusted", f"set ca_file of {host}"),
        ("server gave HTTP response", f"registry {host} speaks plain http", f"set plain_http of {host}, if you mean it"),
        ("no such host", f"registry {host} has no address", "check the name and the resolver of this host"),
        ("connection refused", f"registry {host} does not answer", "check that it is up and reachable from this host"),
        ("i/o timeout", f"registry {host} does not answer", "check that it is up and reachable from this host"),
        ("no route to host", f"registry {host} does not answer", "check that it is up and reachable from this host"),
    )
    for text, message, remedy in known:
        if text in stderr:
            return VreError(message, where=reference, remedy=remedy)
    return VreError(f"skopeo failed: {words[-300:]}", where=reference)
