"""Units of systemd, scripts and configuration files, as the hosts of a cluster get them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from gaia_lab.host import Host

FOLDER = "/etc/kubernetes"
PROGRAMS = "/usr/local/bin"


def service(command: Sequence[str], after: str = "", *, notify: bool = False, extra: Sequence[str] = ()) -> str:
    """The unit of a program that always runs; it comes back however early it fails, as others start meanwhile.

    :param command: words without white space and quotes.
    :param after: units that start first.
    :param notify: whether it tells systemd when it is ready.
    :param extra: further lines of its section ``Service``.
    """
    lines = ["[Unit]", f"After={after}", f"Wants={after}", "StartLimitIntervalSec=0", "[Service]"]
    lines += [f"Type={'notify' if notify else 'exec'}", "Restart=always", "RestartSec=1", *extra]
    return "\n".join([*lines, f"ExecStart={' '.join(command)}", ""])


def write_script(host: Host, name: str, lines: Sequence[str]) -> str:
    """Write a shell script that ends with its first command that fails; gives its path."""
    path = f"/usr/local/lib/lab/{name}"
    host.write(path, "\n".join(["#!/bin/bash", "set -eu", *lines, ""]), 0o755)
    return path


def at_boot(host: Host, name: str, lines: Sequence[str], *, after: str = "", before: str = "") -> None:
    """Let a script of these lines run once whenever the host boots."""
    unit = ["[Unit]", f"After={after}", f"Wants={after}", f"Before={before}", "[Service]", "Type=oneshot"]
    unit += ["RemainAfterExit=yes", f"ExecStart={write_script(host, name, lines)}", ""]
    host.enable(f"{name}.service", "\n".join(unit))


def write_configuration(host: Host, name: str, kind: str, version: str, content: Mapping[str, Any]) -> str:
    """Write a program's configuration; gives the option that names it.

    :param version: of the configuration's form, ``GROUP/VERSION``.
    """
    path = f"{FOLDER}/{name}.yml"
    host.write(path, yaml.safe_dump({"apiVersion": version, "kind": kind, **content}, sort_keys=False))
    return f"--config={path}"
