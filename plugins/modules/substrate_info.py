#!/usr/bin/python
# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell what a host's runtime can do, and the mount kind that follows."""

from __future__ import annotations

DOCUMENTATION = r"""
module: substrate_info
short_description: Tell what a host's runtime can do, and the mount kind that follows
version_added: 0.1.0
description:
  - Measures what the runtime of sessions on this host, or on a cluster, can do. It changes nothing.
  - With C(batch), a short job looks at a node of each partition, as Apptainer runs there. It asks for a slot with the
    account and options that a session's job has.
  - With C(kubernetes), a short pod looks at one node of each kind (versions of kubelet and runtime, architecture), by
    the system image and a volume of the same image. It has to show what is in the image, be read-only, and run
    programs; and whether a part of an image is mounted as such is looked at, too. These pods are removed, also those
    that a run that was killed has left. They fulfil PodSecurity C(restricted). What was seen is remembered in
    O(config_map), and looked at again when a node of another kind or another system image comes.
author:
  - Gaia Data (@gaia-data)
extends_documentation_fragment:
  - gaia_data.vre.state
  - gaia_data.vre.cluster
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: posix
options:
  substrate:
    description: What runs sessions.
    type: str
    choices: [batch, docker, kubernetes]
    required: true
  store:
    description: The store's folder, which is looked at for the mount kinds that need it.
    type: path
    default: /var/lib/gaia-vre-store
  scheduler:
    description: What runs jobs, with O(substrate=batch).
    type: str
    choices: [slurm, htcondor, pbs, lsf]
    default: slurm
  bin_dir:
    description: Where the scheduler's commands are.
    type: path
    default: /usr/bin
  user:
    description: The account that the jobs which look at nodes run as.
    type: str
    default: gaia-vre-check
  resources:
    description: The offer's resources by name; each C(partition) of theirs is looked at, with the C(account) beside it.
    type: dict
    default: {}
  partition:
    description: Partition of jobs whose resources name none; without any, the scheduler's default one.
    type: str
    default: ""
  account:
    description: Account of jobs whose resources name none.
    type: str
    default: ""
  job_options:
    description: A further option of jobs, in the scheduler's own words.
    type: str
    default: ""
  record:
    description:
      - A file with what RV(record) was once, on this host.
      - Of a partition on which no job gets a slot within a minute, what it says counts, and RV(capabilities) tells it.
    type: path
  mount_kind:
    description: The mount kind that the centre wants; then nodes of which nothing is known are no obstacle.
    type: str
  system_image:
    description: Reference, by digest, of a system image of the lock. Required with O(substrate=kubernetes).
    type: str
  pull_secret:
    description: Name of the Secret with the registries' logins, with O(substrate=kubernetes).
    type: str
  tolerations:
    description: Tolerations of sessions' pods, with O(substrate=kubernetes).
    type: list
    elements: dict
    default: []
  node_selector:
    description: Labels of the nodes that sessions run on, with O(substrate=kubernetes).
    type: dict
    default: {}
  storage_class:
    description: Name of a StorageClass whose volumes several nodes can mount, for the mount kind C(directory).
    type: str
  patience:
    description: Minutes that a pod may take, with O(substrate=kubernetes); it may have to pull the system image.
    type: int
    default: 10
"""

EXAMPLES = r"""
- name: What can this host's Docker do?
  gaia_data.vre.substrate_info:
    substrate: docker
  register: substrate

- name: What can this cluster do?
  gaia_data.vre.substrate_info:
    substrate: kubernetes
    namespace: jupyterhub
    config_map: gaia-vre
    system_image: registry.example.org/vre/lab@{{ lock.images.lab.digest }}
    pull_secret: gaia-vre-registries
  register: substrate
"""

RETURN = r"""
capabilities:
  description: What was measured.
  type: dict
  returned: success
  contains:
    substrate:
      description: The substrate.
      type: str
    version:
      description: Version of the runtime.
      type: str
    api_version:
      description: Version of Docker's API.
      type: str
    image_store:
      description: Docker's, C(containerd) or C(graphdriver).
      type: str
    storage_driver:
      description: Docker's storage driver.
      type: str
    scheduler:
      description: What runs jobs.
      type: str
    partitions:
      description: >-
        The scheduler's partitions by name, with C(default), C(up), the number of C(nodes), and the most that a job
        can have of C(time) (seconds; null without limit), C(cpu), C(memory) (bytes) and C(gpu).
      type: dict
    nodes:
      description: What a job on each partition saw, or a pod on each kind of node, whose C(names) are there.
      type: dict
    cgroup:
      description: C(version), and whether C(memory) and C(cpu) can be limited.
      type: dict
    platform:
      description: Platform of images that run here.
      type: str
      sample: linux/amd64
    platforms:
      description: All of them, where a cluster has several.
      type: list
      elements: str
    subpath:
      description: Whether a cluster mounts a part of an image as such.
      type: bool
    mount_kinds:
      description: C(usable) and C(reason) of each mount kind.
      type: dict
    mount_kind:
      description: The mount kind to use; null when none is usable.
      type: str
    reason:
      description: Why this mount kind, or why none and what to do.
      type: str
    notes:
      description: What could not be measured now, and what is taken for it.
      type: list
      elements: str
record:
  description: What to keep in O(record), with O(substrate=batch).
  type: dict
  returned: success
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gaia_data.vre.plugins.module_utils import (
    _batch,
    _cluster_option,
    _cluster_probe,
    _config_map,
    _prepull,
    _substrate,
)
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._state import MEASURED, Texts
from ansible_collections.gaia_data.vre.plugins.module_utils._store import layout


def _cluster(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    cluster = _cluster_option.opened(module)
    state = _config_map.ConfigMap(cluster, params["config_map"]) if params["config_map"] else None
    settings = _prepull.Settings(params["pull_secret"] or "", "", params["tolerations"], params["node_selector"])
    wanted = _cluster_probe.Wanted(
        params["system_image"],
        settings,
        params["storage_class"] or "",
        params["mount_kind"],
        60.0 * params["patience"],
    )
    able, record = _cluster_probe.measure(cluster, wanted, state.read().get(MEASURED, "") if state else "")

    def remembered(_before: Texts) -> tuple[dict[str, str], None]:
        return {MEASURED: record}, None

    if state is not None:
        state.change(remembered, module.check_mode)
    return able


def main() -> None:
    """Parse, call, report."""
    module = AnsibleModule(
        argument_spec={
            "substrate": {"type": "str", "choices": ["batch", "docker", "kubernetes"], "required": True},
            "store": {"type": "path", "default": layout.DEFAULT},
            "scheduler": {"type": "str", "choices": ["slurm", "htcondor", "pbs", "lsf"], "default": "slurm"},
            "bin_dir": {"type": "path", "default": "/usr/bin"},
            "user": {"type": "str", "default": "gaia-vre-check"},
            "resources": {"type": "dict", "default": {}},
            "partition": {"type": "str", "default": ""},
            "account": {"type": "str", "default": ""},
            "job_options": {"type": "str", "default": ""},
            "record": {"type": "path"},
            "mount_kind": {"type": "str"},
            "system_image": {"type": "str"},
            "pull_secret": {"type": "str", "no_log": False},
            "tolerations": {"type": "list", "elements": "dict", "default": []},
            "node_selector": {"type": "dict", "default": {}},
            "storage_class": {"type": "str"},
            "patience": {"type": "int", "default": 10},
            **_config_map.argument_spec(),
        },
        supports_check_mode=True,
        required_if=[("substrate", "kubernetes", ("system_image",))],
    )
    params = module.params
    store, found = params["store"], {}
    try:
        if params["substrate"] == "batch":
            capabilities = _batch.measure(
                params["scheduler"],
                params["bin_dir"],
                params["user"],
                store,
                _batch.places(params["resources"], params["partition"], params["account"]),
                params["job_options"],
                _batch.recorded(_batch.read(params["record"]), params["scheduler"], store),
                params["mount_kind"],
            )
            found = {"record": _batch.record(capabilities, store)}
        elif params["substrate"] == "kubernetes":
            capabilities = _cluster(module)
        else:
            wrong = _substrate.wrong_with_store(store)
            capabilities = _substrate.docker_capabilities(*_substrate.docker_words(), store, wrong)
    except VreError as error:
        module.fail_json(msg=str(error))
    else:
        module.exit_json(changed=False, capabilities=capabilities, **found)


if __name__ == "__main__":
    main()
