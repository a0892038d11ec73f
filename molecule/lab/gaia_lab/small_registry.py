"""A real registry on this machine's loopback, without TLS and logins: the lab's own program, of its base."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.gaia_data.vre.plugins.module_utils._build import oci
from gaia_lab.base import ensure_base
from gaia_lab.errors import LabError
from gaia_lab.small_hub import free_ports

PATIENCE = 15


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """A registry that keeps its images in ``folder``; gives its host and port."""
    (port,) = free_ports(1)
    storage = "filesystem: {rootdirectory: /mnt/data}"
    config = f"version: 0.1\nlog: {{level: info}}\nstorage: {{{storage}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n"
    (folder / "config.yml").write_text(config)
    argv = ["bwrap", "--ro-bind", str(ensure_base("services")), "/", "--dev", "/dev", "--proc", "/proc"]
    argv += ["--bind", str(folder), "/mnt", "--die-with-parent", "docker-registry", "serve", "/mnt/config.yml"]
    with (folder / "log").open("wb") as log, subprocess.Popen(argv, stdout=log, stderr=log) as process:
        try:
            _wait(port, process)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise LabError("the small registry does not answer")


def push(place: str, layers: Sequence[Mapping[str, Path]], folder: Path) -> str:
    """Push an image of layers with these files; gives its reference by digest.

    :param place: host, port and repository.
    :param folder: for its layout; not there yet.
    """
    layout = oci.Layout(folder)
    written = [layout.layer(layer.items()) for layer in layers]
    digest = layout.finish(written, oci.ImageConfig({}))
    # ``oci`` writes what a registry takes as it is.
    argv = ["skopeo", "copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false"]
    subprocess.run([*argv, f"oci:{folder}", f"docker://{place}:1"], check=True)
    return f"{place}@{digest}"
