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
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._contract import LABEL_PLATFORM
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, last_line

INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
TIMEOUT = 120
RETRIES = "1"
NARROW = {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": "/nonexistent", "GOGC": "off"}


class HostError(VreError):
    """The registry itself is the problem: every other image of it would fail the same way."""


@dataclass(frozen=True)
class PlatformImage:
    """One platform of an image: its manifest's digest, compressed bytes and labels."""

    digest: str
    size: int
    labels: dict[str, str]


@dataclass(frozen=True)
class RemoteImage:
    """What a registry holds for a reference.

    :param digest: of what the reference points to, an index or a manifest.
    :param platforms: by ``os/architecture``.
    """

    reference: str
    digest: str
    platforms: dict[str, PlatformImage] = field(default_factory=dict)


def host_of(reference: str) -> str:
    """The registry's host (and port) in a reference."""
    return reference.split("/", 1)[0]


def repository_of(reference: str) -> str:
    """A reference without its tag and digest."""
    head, _slash, tail = reference.split("@", 1)[0].rpartition("/")
    return f"{head}/{tail.split(':', 1)[0]}"


def platform_name(data: Mapping[str, Any]) -> str:
    """``linux/amd64``, ``linux/arm/v7``; arm64 has one variant, which nobody names."""
    names = [str(data[key]) for key in ("os", "architecture", "variant") if data.get(key)]
    return "/".join(names[:2] if names[1:] == ["arm64", "v8"] else names)


def usual_authfile() -> str | None:
    """Where logins are kept on this host, by the order of skopeo; None when there is no such file."""
    runtime = Path(f"/run/containers/{os.getuid()}")
    candidates = (
        os.environ.get("REGISTRY_AUTH_FILE"),
        Path(os.environ.get("XDG_RUNTIME_DIR", str(runtime))) / "containers/auth.json",
        runtime / "auth.json",
        Path.home() / ".docker/config.json",
    )
    return next((str(path) for path in candidates if path and Path(path).is_file()), None)


class Registries:
    """Access to registries; use as ``with Registries.open(settings, authfile) as registries``.

    :param settings: by host: ``username``, ``password``, ``ca_file``, ``plain_http``, ``mirrors``.
    :param folder: a private folder with the files that skopeo reads.
    """

    def __init__(self, settings: dict[str, dict[str, Any]], authfile: str | None, folder: Path) -> None:
        self.settings, self.authfile, self.folder = settings, authfile, folder
        # Hosts that, with all of their mirrors, have an authority of their own.
        self.narrow = {
            host
            for host, options in settings.items()
            if all(
                settings.get(name, {}).get("ca_file")
                for name in (host, *(host_of(mirror) for mirror in options.get("mirrors") or []))
            )
        }

    @classmethod
    @contextmanager
    def open(
        cls, settings: dict[str, dict[str, Any]] | None = None, authfile: str | None = None
    ) -> Iterator[Registries]:
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
            registries._write_certificates()
            registries._write_mirrors()
            yield registries

    def _write_auth(self) -> None:
        logins = {
            host: {"auth": base64.b64encode(f"{o['username']}:{o.get('password') or ''}".encode()).decode()}
            for host, o in self.settings.items()
            if o.get("username")
        }
        if self.authfile and not Path(self.authfile).is_file():
            remedy = "run skopeo login with this file, or leave authfile out"
            raise VreError("the auth file is not there", "authfile", self.authfile, remedy)
        if not logins:
            return
        source = self.authfile or usual_authfile()
        known: dict[str, Any] = {}
        if source:
            try:
                known = json.loads(Path(source).read_text(encoding="utf-8"))
                known.setdefault("auths", {}).update(logins)
            except (OSError, ValueError, AttributeError) as error:
                raise VreError(f"the auth file cannot be read: {error}", "authfile", source, "mend it") from error
        else:
            known = {"auths": logins}
        target = self.folder / "auth.json"
        target.touch(mode=0o600)
        target.write_text(json.dumps(known), encoding="utf-8")
        self.authfile = str(target)

    def _write_certificates(self) -> None:
        """A folder for each host: its authority, and those of its mirrors, which skopeo asks with the same folder."""
        for host, options in self.settings.items():
            ca_file = options.get("ca_file")
            if ca_file and not Path(ca_file).is_file():
                where = f"registries: {host}: ca_file"
                remedy = "give the path of a PEM file on the host that runs this module"
                raise VreError("the authority's file is not there", where, ca_file, remedy)
        for host, options in self.settings.items():
            for name in [host, *(host_of(mirror) for mirror in options.get("mirrors") or [])]:
                ca_file = self.settings.get(name, {}).get("ca_file")
                if ca_file:
                    target = self.folder / "certs" / host
                    target.mkdir(parents=True, exist_ok=True)
                    shutil.copy(ca_file, target / f"{name.replace(':', '_')}.crt")

    def _write_mirrors(self) -> None:
        lines: list[str] = []
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
        # An explicit "true" would also hold for mirrors, which may be plain.
        options: list[str] = [f"--{side}tls-verify=false"] if self._plain(host) else []
        if self.authfile:
            options.append(f"--{side}authfile={self.authfile}")
        if (self.folder / "certs" / host).is_dir():
            options.append(f"--{side}cert-dir={self.folder / 'certs' / host}")
        mirrors = self.folder / "registries.conf"
        # Not by CONTAINERS_REGISTRIES_CONF, which old versions (1.9) don't know.
        known = [f"--registries-conf={mirrors}"] if mirrors.is_file() else []
        command = ["skopeo", *known, verb, "--retry-times", RETRIES, *options, *arguments]
        narrow = verb == "inspect" and host in self.narrow
        done = self._run(command, host, narrow)
        if narrow and done.returncode and any(word in done.stderr for word in (b"x509", b"cert pool")):
            # A service that the registry sends us to, such as one for tokens, may be of another authority.
            self.narrow.discard(host)
            done = self._run(command, host, False)
        if done.returncode:
            asked = next(argument for argument in arguments if argument.startswith("docker://"))
            error = explain(host, asked, done.stderr.decode(errors="replace"))
            ca_file = self.settings.get(host, {}).get("ca_file")
            if ca_file and "is not trusted" in error.message:
                error.value, error.remedy = (
                    ca_file,
                    f"give the authority that signed it as ca_file of {host}, a PEM file",
                )
            raise error
        return done.stdout

    def _run(self, command: list[str], host: str, narrow: bool) -> subprocess.CompletedProcess[bytes]:
        """Run skopeo; ``narrow`` leaves the system's authorities out, which take half of its time to read."""
        environment = dict(os.environ, TMPDIR=str(self.folder), **(NARROW if narrow else {}))
        try:
            # Not run_command: several threads run this, and a login must not be in a log.
            return subprocess.run(  # pylint: disable=ansible-bad-function
                command,
                capture_output=True,
                check=False,
                env=environment,
                timeout=TIMEOUT if "inspect" in command else None,
            )
        except subprocess.TimeoutExpired as error:
            message = f"registry {host} gave no answer within {TIMEOUT} s"
            raise HostError(message, f"registries: {host}", None, "try again later") from error

    def inspect(self, reference: str) -> RemoteImage:
        """Digest, platforms, sizes and labels of what ``reference`` points to; one request for our images."""
        raw = self.manifest(reference)
        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        try:
            return RemoteImage(reference, digest, dict(self._platforms(reference, digest, json.loads(raw))))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            remedy = "push an OCI or Docker (schema 2) image"
            raise VreError("what the registry holds is no image manifest", reference, None, remedy) from error

    def manifest(self, reference: str) -> bytes:
        """The manifest or index of ``reference``; where that is a digest, it is what the digest says."""
        raw = self._skopeo("inspect", host_of(reference), "--raw", f"docker://{reference}")
        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        wanted = reference.partition("@")[2]
        if wanted and wanted != digest:
            raise VreError("the registry sent something else than this digest", reference, digest, "mend the registry")
        return raw

    def inspect_all(self, references: Iterable[str], workers: int = 8) -> dict[str, RemoteImage | VreError]:
        """``inspect`` of many; a problem stands in the image's place, a failing registry is left alone."""
        failed: dict[str, HostError] = {}

        def one(reference: str) -> RemoteImage | VreError:
            known = failed.get(host_of(reference))
            if known:
                return known
            try:
                return self.inspect(reference)
            except HostError as error:
                return failed.setdefault(host_of(reference), error)
            except VreError as error:
                return error

        names = list(dict.fromkeys(references))
        with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
            return dict(zip(names, pool.map(one, names)))

    def _platforms(self, reference: str, digest: str, manifest: dict[str, Any]) -> Iterator[tuple[str, PlatformImage]]:
        if manifest.get("mediaType") not in INDEX_TYPES and "manifests" not in manifest:
            yield self._platform(reference, digest, manifest)
            return
        seen = set()
        for item in manifest["manifests"]:
            platform = item.get("platform") or {}
            name = platform_name(platform)
            if not name.startswith("linux/") or name in seen:  # attestations are "unknown/unknown"
                continue
            seen.add(name)
            pinned = f"{repository_of(reference)}@{item['digest']}"
            inner = json.loads(self._skopeo("inspect", host_of(reference), "--raw", f"docker://{pinned}"))
            yield name, self._platform(pinned, item["digest"], inner)[1]

    def _platform(self, reference: str, digest: str, manifest: dict[str, Any]) -> tuple[str, PlatformImage]:
        size = sum(int(layer["size"]) for layer in manifest["layers"])
        labels = manifest.get("annotations") or {}
        name = labels.get(LABEL_PLATFORM)
        if name is None:
            host = host_of(reference)
            config = json.loads(self._skopeo("inspect", host, "--raw", "--config", f"docker://{reference}"))
            name = platform_name(config)
            labels = (config.get("config") or {}).get("Labels") or {}
        return str(name), PlatformImage(digest, size, {str(k): str(v) for k, v in labels.items()})

    def push(self, layout: Path, reference: str) -> None:
        """Copy an OCI layout to ``reference`` with its digests kept."""
        host = host_of(reference)
        arguments = ("--quiet", "--preserve-digests", f"oci:{layout}", f"docker://{reference}")
        self._skopeo("copy", host, *arguments, side="dest-")

    def pull(self, reference: str, layout: Path, blobs: Path) -> None:
        """Fetch the blobs of ``reference`` that ``blobs`` lacks.

        :param layout: a folder that does not exist yet, for what is not worth keeping.
        """
        host = host_of(reference)
        # Uncompressed layers stay so: compressed, they were others.
        options = ("--quiet", "--dest-oci-accept-uncompressed-layers", f"--dest-shared-blob-dir={blobs}")
        self._skopeo("copy", host, *options, f"docker://{reference}", f"oci:{layout}", side="src-")


# skopeo's words, what they mean, the remedy, and whether the whole registry is meant.
WORDS = (
    (
        "no space left on device",
        "the disk is full",
        "give it more space; gaia_data.vre.clean removes what is not needed any more",
        False,
    ),
    (
        "disk quota exceeded",
        "the quota of the disk is used up",
        "give it more space; gaia_data.vre.clean removes what is not needed any more",
        False,
    ),
    ("manifest unknown", "the image is not in the registry", "check its name and tag, or push it", False),
    ("name unknown", "the image is not in the registry", "check its name and tag, or push it", False),
    ("unauthorized", "registry {host} refused the login", "check username and password of {host}", True),
    (
        "authentication required",
        "registry {host} refused the login",
        "check username and password of {host}",
        True,
    ),
    (
        "invalid username/password",
        "registry {host} refused the login",
        "check username and password of {host}",
        True,
    ),
    ("denied", "registry {host} denied access", "check what the login of {host} may read", False),
    ("certificate", "the certificate of registry {host} is not trusted", "set ca_file of {host}", True),
    (
        "server gave HTTP response",
        "registry {host} speaks plain http",
        "set plain_http of {host}, if you mean it",
        True,
    ),
    ("no such host", "registry {host} has no address", "check the name and the resolver of this host", True),
    (
        "connection refused",
        "registry {host} does not answer",
        "check that it is up and reachable from here",
        True,
    ),
    ("i/o timeout", "registry {host} does not answer", "check that it is up and reachable from here", True),
    (
        "no route to host",
        "registry {host} does not answer",
        "check that it is up and reachable from here",
        True,
    ),
    (
        "network is unreachable",
        "registry {host} does not answer",
        "check that it is up and reachable from here",
        True,
    ),
)

MIRRORS = re.compile(r"\(Mirrors also failed: \[(.*)\]\): ")
LONGEST_SAID = 300


def explain(host: str, reference: str, stderr: str) -> VreError:
    """skopeo's last words as an error with a remedy."""
    reference = reference.replace("docker://", "", 1)
    last = stderr.strip().rpartition("\n")[2]  # what is before it are attempts that were repeated
    mirrors = MIRRORS.search(last)
    if mirrors:  # what they said must not be taken for the registry's own words
        host_said = explain(host, reference, last.replace(mirrors.group(0), "", 1))
        host_said.message += f"; its mirrors failed, too: {mirrors.group(1)[-LONGEST_SAID:]}"
        return host_said
    for text, message, remedy, whole in WORDS:
        if text in stderr:
            if whole:
                return HostError(message.format(host=host), f"registries: {host}", None, remedy.format(host=host))
            return VreError(message.format(host=host), reference, None, remedy.format(host=host))
    words = last_line(stderr)
    found = re.search(r'msg="((?:[^"\\]|\\.)*)"', words)
    said = found.group(1).replace('\\"', '"') if found else words
    return VreError(f"skopeo failed: {said[-LONGEST_SAID:]}", reference)
