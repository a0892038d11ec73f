# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the role kubernetes: the hub-side package as a ConfigMap, and values of Zero to JupyterHub's chart.

Values are the centre's with ours beneath: what the centre says wins, lists of both are put one after the other.
Source: chart of Zero to JupyterHub 4.x, values.schema.json and files/hub/jupyterhub_config.py.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.gaia_data.vre.plugins.module_utils._cluster_info import checksum
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors

CODE = "gaia-vre-hub"
STATE = "gaia-vre"
CODE_FOLDER = "/usr/local/etc/jupyterhub/gaia_vre_hub"  # the chart has its folder on Python's path
STATE_FOLDER = "/etc/gaia-vre"
CHECK = "gaia-vre-check"
OUR_CONFIG = "90-gaia-vre"
CONFIG = f"""\
import gaia_vre_hub

gaia_vre_hub.reserve(c, %(check_user)s)
gaia_vre_hub.configure(c, "{STATE_FOLDER}/manifest.json.gz")
"""
# Of what the centre may have set otherwise, what follows.
CONSEQUENCES = {
    "hub.consecutiveFailureLimit": "as many launches of a broken image that fail in a row restart the hub",
    "prePuller.hook.enabled": "an image without a shell in prePuller.extraImages makes an upgrade fail",
    "prePuller.continuous.enabled": "images are pulled by the chart, too",
}


def kubernetes_documents(texts: Sequence[str], names: Sequence[str]) -> list[Any]:
    """Documents of values.

    :param names: of their files, for the sentences.
    """
    return [_document(text, name) for text, name in zip(texts, names)]


def _document(text: str, name: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:  # whose words would show what is there
        mark = getattr(error, "problem_mark", None)
        where = f"{name}, line {mark.line + 1}" if mark is not None else name
        raise AnsibleFilterError(str(VreError("this is no YAML", where, None, "correct the file"))) from None


def kubernetes_code(folder: str) -> dict[str, Any]:
    """The hub-side package as a ConfigMap: ``name`` by its content, ``data``, and ``items``, the paths of its keys.

    :param folder: the package.
    """
    root = Path(folder)
    found = sorted(path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    if not found:
        raise AnsibleFilterError(f"{folder} has no file. Remedy: install the collection again.")
    paths = [path.relative_to(root).as_posix() for path in found]
    data = {path.replace("/", "--"): file.read_text(encoding="utf-8") for path, file in zip(paths, found)}
    name = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:12]
    items = [{"key": path.replace("/", "--"), "path": path} for path in paths]
    return {"name": f"{CODE}-{name}", "data": data, "items": items}


def kubernetes_ours(code: Mapping[str, Any], check_user: str, pull_secret: str = "") -> dict[str, Any]:
    """The values that the collection needs.

    :param code: of :func:`kubernetes_code`.
    :param check_user: in whose name the check starts its sessions.
    :param pull_secret: of the registries; empty for none.
    """
    scopes = [f"{scope}!user={check_user}" for scope in ("read:users", "servers", "access:servers")]
    values: dict[str, Any] = {
        "hub": {
            "extraVolumes": [
                {"name": CODE, "configMap": {"name": code["name"], "items": code["items"]}},
                {"name": STATE, "configMap": {"name": STATE, "optional": True}},
            ],
            "extraVolumeMounts": [
                {"name": CODE, "mountPath": CODE_FOLDER, "readOnly": True},
                {"name": STATE, "mountPath": STATE_FOLDER, "readOnly": True},
            ],
            "extraConfig": {OUR_CONFIG: CONFIG % {"check_user": json.dumps(check_user)}},
            "services": {CHECK: {}},
            "loadRoles": {
                CHECK: {
                    "description": "Starts sessions of its own user, to try what is about to be offered",
                    "scopes": scopes,
                    "services": [CHECK],
                },
                # Named in a role, the user exists from the start.
                "gaia-vre-checked": {"scopes": ["self"], "users": [check_user]},
            },
            "consecutiveFailureLimit": 0,
        },
        "prePuller": {"hook": {"enabled": False}, "continuous": {"enabled": False}},
    }
    if pull_secret:
        values["imagePullSecrets"] = [{"name": pull_secret}]  # the chart gives it to the pods of users, too
    return values


def kubernetes_values(ours: Mapping[str, Any], centre: Sequence[Any]) -> dict[str, Any]:
    """All values: the centre's, and ours where the centre says nothing.

    :param centre: its documents; of these the later one wins, as with Helm.
    """
    merged: dict[str, Any] = {}
    for document in centre:
        if document is not None and not isinstance(document, Mapping):  # it is not shown, as it may hold secrets
            error = VreError("this is no mapping", "kubernetes_values", None, "write values as the chart has them")
            raise AnsibleFilterError(str(error))
        merged = _over(merged, document or {})
    return _under(merged, ours)


def kubernetes_overlay(ours: Mapping[str, Any], centre: Sequence[Any]) -> dict[str, Any]:
    """What to add to the values of a hub that others deploy: the keys of ours only, with the centre's lists in them."""
    return _only(kubernetes_values(ours, centre), ours)


def kubernetes_problems(ours: Mapping[str, Any], centre: Sequence[Any], level: str = "") -> list[str]:
    """Where the centre's values leave no room for ours, or its namespace none for the chart's pods.

    :param level: the namespace's PodSecurity level.
    """
    values = kubernetes_values({}, centre)
    found = [*_misfits(values, ours), *_taken(values, ours)]
    cloud = _at(values, "singleuser", "cloudMetadata", "blockWithIptables")
    if level in ("baseline", "restricted") and cloud is not False:
        remedy = "set it to false; the chart's network policies close the cloud's metadata, too"
        message = f"pods of users would be refused, as the namespace's PodSecurity level is {level}"
        found.append(VreError(message, "kubernetes_values: singleuser.cloudMetadata.blockWithIptables", None, remedy))
    return [line for line in str(VreErrors(found)).splitlines() if line] if found else []


def kubernetes_notes(ours: Mapping[str, Any], centre: Sequence[Any]) -> list[str]:
    """What the centre set otherwise than we would, with what follows."""
    values = kubernetes_values({}, centre)
    wanted = dict(_leaves(ours))
    notes = [
        f"{path}: {json.dumps(value)} of your values stays, where {json.dumps(wanted[path])} is advised: {what}."
        for path, what in CONSEQUENCES.items()
        if (value := _at(values, *path.split("."))) is not None and value != wanted[path]
    ]
    later = sorted(name for name in _at(values, "hub", "extraConfig") or {} if str(name) > OUR_CONFIG)
    if later:
        what = "is read after ours; where it sets a spawner class, images are not mounted"
        notes.append(f"hub.extraConfig: {', '.join(later)} {what}.")
    return notes


def kubernetes_checksum(values: Any) -> str:
    """A checksum of data, as M(gaia_data.vre.cluster_info) has it."""
    return checksum(values)


def kubernetes_changes(after: Mapping[str, Any], before: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    """What differs between two sets of values, a line each.

    Only what we emit is shown with its values: the centre's own may hold secrets.
    """
    shown = {_plain(path) for path, _value in _leaves(ours)}
    old, new = dict(_leaves(before)), dict(_leaves(after))
    lines = []
    for path in sorted({*old, *new}):
        if old.get(path) == new.get(path) and (path in old) == (path in new):
            continue
        what = "is new" if path not in old else "is gone" if path not in new else "changes"
        values = [str(side[path]).splitlines()[:1] for side in (old, new) if path in side]
        told = f": {' → '.join(''.join(value) for value in values)}" if _plain(path) in shown else ""
        lines.append(f"{path} {what}{told}")
    return lines


def kubernetes_waits(pods: Sequence[Mapping[str, Any]]) -> list[str]:
    """Why pods are not ready, in the cluster's own words, a line for each reason."""
    lines = []
    for pod in pods:
        status = pod.get("status") or {}
        held = [
            one for one in status.get("conditions") or () if one["type"] == "PodScheduled" and one["status"] == "False"
        ]
        said = [(one.get("reason"), one.get("message")) for one in held]
        for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
            for state in (container.get("state") or {}, container.get("lastState") or {}):
                found = state.get("waiting") or state.get("terminated") or {}
                said += [(found.get("reason"), found.get("message"))] if found.get("exitCode") != 0 and found else []
        lines += [f"{pod['metadata']['name']}: {' '.join(filter(None, words))}" for words in dict.fromkeys(said)]
    return lines


def _over(values: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """Two documents of one author: the later one wins, mapping by mapping."""
    found = dict(values)
    for key, value in later.items():
        if isinstance(found.get(key), Mapping) and isinstance(value, Mapping):
            value = _over(found[key], value)
        found[key] = value
    return found


def _under(values: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """Ours beneath the centre's."""
    found = dict(values)
    for key, value in ours.items():
        if key not in found:
            found[key] = value
        elif isinstance(found[key], Mapping) and isinstance(value, Mapping):
            found[key] = _under(found[key], value)
        elif isinstance(found[key], list) and isinstance(value, list):
            found[key] = [*found[key], *(item for item in value if item not in found[key])]
    return found


def _only(values: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """Of ``values``, the keys that ``ours`` has."""
    found = {}
    for key, value in ours.items():
        deeper = isinstance(value, Mapping) and isinstance(values[key], Mapping)
        found[key] = _only(values[key], value) if deeper else values[key]
    return found


def _misfits(values: Any, ours: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[VreError]:
    """Where the centre has something else than the mapping or list that ours goes into."""
    for key, value in ours.items():
        if key not in values or not isinstance(value, (Mapping, list)):
            continue
        kind, word = (Mapping, "mapping") if isinstance(value, Mapping) else (list, "list")
        here = (*path, key)
        if not isinstance(values[key], kind):
            message, where = f"this must be a {word}, as ours is added to it", f"kubernetes_values: {'.'.join(here)}"
            yield VreError(message, where, None, f"write a {word}, or nothing")
        elif isinstance(value, Mapping):
            yield from _misfits(values[key], value, here)


def _taken(values: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[VreError]:
    """Names and paths of ours that the centre uses for something else."""
    remedy = "give yours another name; ours is added by the role"
    for key, own in (("extraConfig", OUR_CONFIG), *(("loadRoles", role) for role in ours["hub"]["loadRoles"])):
        there = (_at(values, "hub", key) or {}) if isinstance(_at(values, "hub", key), Mapping) else {}
        if own in there and there[own] != ours["hub"][key][own]:
            yield VreError("this name is ours", f"kubernetes_values: hub.{key}.{own}", None, remedy)
    volumes, mounts = ours["hub"]["extraVolumes"], ours["hub"]["extraVolumeMounts"]
    for volume in _listed(values, "extraVolumes"):
        if volume not in volumes and volume.get("name") in {own["name"] for own in volumes}:
            where = f"kubernetes_values: hub.extraVolumes: {volume['name']}"
            yield VreError("a volume of this name is ours", where, None, remedy)
    for mount in _listed(values, "extraVolumeMounts"):
        place = posixpath.normpath(str(mount.get("mountPath")))
        if mount not in mounts and place in {own["mountPath"] for own in mounts}:
            where = f"kubernetes_values: hub.extraVolumeMounts: {place}"
            yield VreError("this path is ours", where, None, "mount yours elsewhere")


def _listed(values: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    found = _at(values, "hub", key)
    for item in found if isinstance(found, list) else ():
        if isinstance(item, Mapping):
            yield item


def _at(values: Any, *keys: str) -> Any:
    """What is at this place, or None."""
    for key in keys:
        if not isinstance(values, Mapping):
            return None
        values = values.get(key)
    return values


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no mapping and no list, by its path."""
    pairs: Iterable[tuple[str, Any]]
    if isinstance(value, Mapping) and value:
        pairs = ((f"{path}.{key}" if path else str(key), item) for key, item in value.items())
    elif isinstance(value, list) and value:
        pairs = ((f"{path}[{index}]", item) for index, item in enumerate(value))
    else:
        yield path, value
        return
    for place, item in pairs:
        yield from _leaves(item, place)


def _plain(path: str) -> str:
    """A path without the numbers of lists."""
    return "".join(part.partition("]")[2] if "]" in part else part for part in path.split("["))


class FilterModule:
    """The filters, by name."""

    def filters(self) -> dict[str, Any]:
        """As Ansible asks for them."""
        return {
            "kubernetes_changes": kubernetes_changes,
            "kubernetes_checksum": kubernetes_checksum,
            "kubernetes_code": kubernetes_code,
            "kubernetes_documents": kubernetes_documents,
            "kubernetes_notes": kubernetes_notes,
            "kubernetes_ours": kubernetes_ours,
            "kubernetes_overlay": kubernetes_overlay,
            "kubernetes_problems": kubernetes_problems,
            "kubernetes_values": kubernetes_values,
            "kubernetes_waits": kubernetes_waits,
        }
