"""The command ``lab``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any

from gaia_lab import doctor, lab
from gaia_lab.errors import LabError
from gaia_lab.images import ensure_images
from gaia_lab.kubernetes.binaries import ensure_binaries
from gaia_lab.spec import load_spec

ONLY = "name of the lab (default: the one that is up)"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description="Disposable hosts and a registry, on this machine.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("up", help="boot a lab, or what of it does not run")
    verb.add_argument("spec", help="a file of molecule/lab/specs without .yml")
    verb.add_argument("--name", help="name of the lab (default: the spec's)")
    verb = verbs.add_parser("down", help="remove labs, also after a crash")
    verb.add_argument("names", nargs="*", metavar="NAME")
    verb.add_argument("--all", action="store_true", help="remove every lab of this cache")
    verb = verbs.add_parser("list", help="the labs and their hosts")
    verb.add_argument("--json", action="store_true", help="as JSON, secrets included")
    verb = verbs.add_parser("run", help="run a command where the lab's names resolve and ansible reaches its hosts")
    verb.add_argument("--name", help=ONLY)
    verb.add_argument("--up", metavar="SPEC", help="boot the lab from this spec first")
    verb.add_argument("command", nargs=argparse.REMAINDER)
    verb = verbs.add_parser("shell", help="a shell of which the same holds")
    verb.add_argument("--name", help=ONLY)
    verb = verbs.add_parser("ssh", help="log in on a host as root, or run a command there")
    verb.add_argument("--name", help=ONLY)
    verb.add_argument("host")
    verb.add_argument("command", nargs=argparse.REMAINDER)
    verbs.add_parser("images", help="build the images of the lab's registry, when the cache lacks them")
    verbs.add_parser("programs", help="compile the programs of a cluster, when the cache lacks them")
    verb = verbs.add_parser("doctor", help="what this machine lacks to run a lab")
    verb.add_argument("--install", action="store_true", help="install missing programs by apt-get")
    return parser


def _environment(found: lab.Lab) -> dict[str, str]:
    programs = found.folder / "bin"
    cluster = {"KUBECONFIG": str(found.folder / "kubeconfig"), "PATH": f"{programs}:{os.environ['PATH']}"}
    return {
        **os.environ,
        "GAIA_LAB_NAME": found.name,
        "GAIA_LAB_STATE": str(found.folder),
        "GAIA_LAB_CA": str(found.folder / "ca.pem"),
        "ANSIBLE_PRIVATE_KEY_FILE": str(found.folder / "id"),
        "ANSIBLE_SSH_COMMON_ARGS": f"-F {found.folder}/ssh_config",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(found.folder / "ssh"),
        "ANSIBLE_REMOTE_USER": "root",
        **(cluster if programs.exists() else {}),
    }


def _command(words: list[str]) -> list[str]:
    return words[1:] if words[:1] == ["--"] else words


def _run(found: lab.Lab, command: list[str]) -> int:
    """Become the command, in a mount namespace whose /etc/hosts is the lab's."""
    script = 'mount --bind "$0" /etc/hosts && exec "$@"'
    argv = [
        "unshare",
        "--mount",
        "--propagation",
        "slave",
        "sh",
        "-c",
        script,
        str(found.folder / "hosts_file"),
    ]
    os.execvpe("unshare", [*argv, *command], _environment(found))


def _list(as_json: bool) -> None:
    data: list[dict[str, Any]] = []
    for name in lab.all_names():
        found = lab.find(name)
        if found is None:
            data.append({"name": name, "state": "half made; remove it with `lab down`"})
            continue
        data.append(json.loads((found.folder / "lab.json").read_text()))
        data[-1]["running"] = [host.fqdn for host in found.hosts if host.runs()]
    if as_json:
        print(json.dumps(data, indent=1))
        return
    for entry in data:
        print(f"{entry['name']}: {entry.get('subnet', entry.get('state'))} {' '.join(entry.get('running', []))}")


def _chosen(name: str | None) -> lab.Lab:
    """The lab of that name; without one that of ``lab run``, or the only one."""
    name = name or os.environ.get("GAIA_LAB_NAME")
    if name:
        return lab.get(name)
    names = lab.all_names()
    if len(names) != 1:
        raise LabError(f"--name says which lab; up are: {', '.join(names) or 'none'}")
    return lab.get(names[0])


def _up(name: str | None, spec: str) -> lab.Lab:
    needs_images = any("registry" in host.services for host in load_spec(spec).hosts)
    return lab.up(name or spec, spec, ensure_images() if needs_images else None)


def _down(names: list[str], everything: bool) -> None:
    if not names and not everything:
        raise LabError(f"name the labs to remove, or give --all; up are: {', '.join(lab.all_names()) or 'none'}")
    for name in lab.all_names() if everything else names:
        lab.down(name)


def _doctor(install: bool) -> int:
    if install:
        doctor.install()
    sentences = doctor.missing()
    print("\n".join(sentences) or "This machine can run a lab.")
    return 1 if sentences else 0


def _obey(options: argparse.Namespace) -> int:
    if options.verb == "doctor":
        return _doctor(options.install)
    if options.verb == "list":
        _list(options.json)
        return 0
    doctor.require()
    match options.verb:
        case "up":
            _up(options.name, options.spec)
        case "images":
            print(ensure_images())
        case "programs":
            print(ensure_binaries())
        case "down":
            _down(options.names, options.all)
        case "run":
            if not _command(options.command):
                raise LabError("run needs a command: lab run [--name NAME] -- COMMAND…")
            found = _up(options.name, options.up) if options.up else _chosen(options.name)
            return _run(found, _command(options.command))
        case "shell":
            return _run(_chosen(options.name), [os.environ.get("SHELL", "bash")])
        case "ssh":
            found = _chosen(options.name)
            argv = [*found.ssh, found.host(options.host).address, *_command(options.command)]
            os.execvp(argv[0], argv)
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Entry point; gives the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _obey(options)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted; `lab up` goes on from here, `lab down` removes what there is", file=sys.stderr)
        return 130
