# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub's texts in a ConfigMap of a cluster, which the hub's pod has as files; see ``_state``.

Two plays may change it at once: who comes second builds on what the first one wrote.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils import _cluster_option
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._kubernetes import LABELS, Cluster, ClusterError
from ansible_collections.gaia_data.vre.plugins.module_utils._state import (
    LAST,
    MANIFEST,
    NAMES,
    Change,
    Folder,
    Make,
    State,
    T,
    Texts,
    applied,
)

# Compressed: the manifest of 200 images has nearly the size that a ConfigMap may have.
COMPRESSED = (MANIFEST, LAST)
LARGEST = 1 << 20  # bytes. Source: Kubernetes, "ConfigMaps"
HUB = {"component": "hub"}  # Source: Zero to JupyterHub, labels of its pods
REVISION = "gaia-data.org/revision"
CHECKS_TOKEN = "hub.services.gaia-vre-check.apiToken"  # noqa: S105 - the name of a key
TRIES = 20


def of(module: Any, path: str) -> State:
    """What a module was given: a ConfigMap, else the files beside the manifest at ``path``.

    :raises VreError: when the cluster's kubeconfig cannot be used.
    """
    name = module.params["config_map"]
    return ConfigMap(_cluster_option.opened(module), name) if name else Folder(Path(path))


def argument_spec() -> dict[str, dict[str, Any]]:
    """The options of the doc fragment ``gaia_data.vre.state``, with those of the cluster."""
    return {"config_map": {"type": "str"}, **_cluster_option.argument_spec()}


class ConfigMap:
    """Keys of a ConfigMap, which the hub's pod has as files.

    :param name: of the ConfigMap.
    """

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster, self.name = cluster, name

    def place(self, name: str) -> str:
        """See :class:`State`."""
        return f"ConfigMap {self.name} of namespace {self.cluster.namespace}: {key_of(name)}"

    def read(self) -> Texts:
        """See :class:`State`."""
        return texts(self.cluster.get("ConfigMap", self.name) or {})

    def change(self, make: Make[T], check: bool = False) -> Change[T]:
        """See :class:`State`. The hub's pods are told, so that they need not wait a minute for the new texts."""
        lost: Change[T] | None = None
        for attempt in range(TRIES):
            there = self.cluster.get("ConfigMap", self.name)
            before = texts(there or {})
            wanted, result = make(before)
            change = Change(before, applied(before, wanted), result)
            if lost is not None and not change.changed:
                # What was to be written is there: it was this play, and nobody told the hub yet.
                self._tell_hub(change.after)
                return Change(lost.before, change.after, lost.result)
            if check or not change.changed:
                return change
            body = self._body(change, there)
            try:
                if there is None:
                    self.cluster.create("ConfigMap", body)
                else:
                    self.cluster.merge("ConfigMap", self.name, body)
            except ClusterError as error:
                # Another play was faster; or it was this one, and the API server stopped before it could say so.
                if error.status not in (404, 409) or "no such namespace" in error.message:
                    raise
                lost = lost or change
                time.sleep(0.05 * attempt)
                continue
            self._tell_hub(change.after)
            return change
        remedy = "see which other plays change it now, and run this one again"
        raise VreError("others change it all the time", self.place(MANIFEST), None, remedy)

    def _body(self, change: Change[Any], there: Mapping[str, Any] | None) -> dict[str, Any]:
        """What to send: all keys of ours, or those that are to be others.

        :raises VreError: when it would be too large.
        """
        size = sum(len(stored(name, text)) for name, text in change.after.items())
        if size > LARGEST:
            remedy = "take images out of the offer, or keep fewer former ones (vre_keep: 1)"
            raise VreError("the offer does not fit into a ConfigMap of 1 MiB", self.place(MANIFEST), size, remedy)
        data: dict[str, Any] = {}
        binary: dict[str, Any] = {}
        for name in NAMES:
            text = change.after.get(name)
            if text == change.before.get(name):
                continue
            if name in COMPRESSED:
                binary[key_of(name)] = None if text is None else base64.b64encode(stored(name, text)).decode("ascii")
            else:
                data[key_of(name)] = text
        metadata: dict[str, Any] = {"name": self.name, "labels": LABELS}
        if there is not None:
            metadata["resourceVersion"] = there["metadata"]["resourceVersion"]
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data, "binaryData": binary}

    def _tell_hub(self, after: Texts) -> None:
        body = {"metadata": {"annotations": {REVISION: revision(after)}}}
        for pod in self.cluster.list("Pod", HUB):
            try:
                self.cluster.merge("Pod", pod["metadata"]["name"], body)
            except ClusterError as error:
                if error.status != 404:  # one that went meanwhile
                    raise


def key_of(name: str) -> str:
    """The key of a text in a ConfigMap."""
    return f"{name}.gz" if name in COMPRESSED else name


def stored(name: str, text: str) -> bytes:
    """A text as it is in a ConfigMap; the same text gives the same bytes."""
    data = text.encode("utf-8")
    return gzip.compress(data, mtime=0) if name in COMPRESSED else data


def texts(config_map: Mapping[str, Any]) -> dict[str, str]:
    """The texts of a ConfigMap; what cannot be unpacked is junk, and told to be by who reads it."""
    data, binary = config_map.get("data") or {}, config_map.get("binaryData") or {}
    found = {}
    for name in NAMES:
        key = key_of(name)
        if key in binary:
            raw = base64.b64decode(binary[key])
            with contextlib.suppress(OSError, EOFError, zlib.error):
                raw = gzip.decompress(raw)
            found[name] = raw.decode("utf-8", errors="replace")
        elif key in data:
            found[name] = str(data[key])
    return found


def revision(after: Texts) -> str:
    """A mark of all texts."""
    found = hashlib.sha256()
    for name, text in sorted(after.items()):
        found.update(f"{name}\0{text}\0".encode())
    return found.hexdigest()[:12]


def token(cluster: Cluster, secret: str) -> str:
    """The token of the check's service, which Zero to JupyterHub makes and keeps in its own Secret.

    :raises VreError: when it is not there.
    """
    found = (cluster.get("Secret", secret) or {}).get("data") or {}
    if CHECKS_TOKEN not in found:
        remedy = "give the hub the values that deploy makes (hub.services), and upgrade it"
        place = f"Secret {secret} of namespace {cluster.namespace}"
        raise VreError("the hub has no token for the check", place, CHECKS_TOKEN, remedy)
    return base64.b64decode(found[CHECKS_TOKEN]).decode("ascii").strip()
