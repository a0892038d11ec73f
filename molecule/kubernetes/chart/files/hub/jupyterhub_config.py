"""The hub's configuration, made of the chart's values, as Zero to JupyterHub's chart does."""

import os
import sys
from pathlib import Path
from typing import Any

c = get_config()  # type: ignore[call-arg] # noqa: F821 - of traitlets, which reads this file

# What is mounted beside this file can be imported.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from z2jh import get_config, get_secret_value, set_config_if_not_none  # noqa: E402

SESSION_TRAITS = {
    "allow_privilege_escalation": "allowPrivilegeEscalation",
    "cpu_guarantee": "cpu.guarantee",
    "cpu_limit": "cpu.limit",
    "environment": "extraEnv",
    "events_enabled": "events",
    "extra_annotations": "extraAnnotations",
    "extra_containers": "extraContainers",
    "extra_labels": "extraLabels",
    "extra_pod_config": "extraPodConfig",
    "extra_resource_guarantees": "extraResource.guarantees",
    "extra_resource_limits": "extraResource.limits",
    "fs_gid": "fsGid",
    "image_pull_policy": "image.pullPolicy",
    "init_containers": "initContainers",
    "lifecycle_hooks": "lifecycleHooks",
    "mem_guarantee": "memory.guarantee",
    "mem_limit": "memory.limit",
    "node_selector": "nodeSelector",
    "pod_name_template": "podNameTemplate",
    "profile_list": "profileList",
    "service_account": "serviceAccountName",
    "start_timeout": "startTimeout",
    "storage_extra_labels": "storage.extraLabels",
    "uid": "uid",
}
HOME_TRAITS = {
    "pvc_name_template": "dynamic.pvcNameTemplate",
    "storage_access_modes": "dynamic.storageAccessModes",
    "storage_capacity": "capacity",
    "storage_class": "dynamic.storageClass",
}
HUB_TRAITS = {
    "active_server_limit": "activeServerLimit",
    "allow_named_servers": "allowNamedServers",
    "authenticate_prometheus": "authenticatePrometheus",
    "base_url": "baseUrl",
    "concurrent_spawn_limit": "concurrentSpawnLimit",
    "named_server_limit_per_user": "namedServerLimitPerUser",
    "redirect_to_server": "redirectToServer",
    "shutdown_on_logout": "shutdownOnLogout",
    "template_paths": "templatePaths",
    "template_vars": "templateVars",
}


def by_name(given: Any, unique: bool) -> dict[str, Any]:
    """Volumes or mounts as a mapping, whatever form values have; ``unique``: one for each name."""
    if isinstance(given, list):
        return {item["name"] if unique else f"{index}-{item['name']}": item for index, item in enumerate(given)}
    return dict(given or {})


# The hub, its database, its proxy
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.JupyterHub.hub_bind_url = "http://:8081"
c.JupyterHub.hub_connect_url = "http://hub:8081"
c.ConfigurableHTTPProxy.api_url = "http://proxy-api:8001"
c.ConfigurableHTTPProxy.should_start = False
c.JupyterHub.cleanup_servers = False
c.JupyterHub.last_activity_interval = 60
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
file = get_config("hub.db.type") == "sqlite-pvc"
c.JupyterHub.db_url = "sqlite:////srv/jupyterhub/jupyterhub.sqlite" if file else "sqlite://"
c.JupyterHub.cookie_secret = get_secret_value("hub.config.JupyterHub.cookie_secret")
c.CryptKeeper.keys = get_secret_value("hub.config.CryptKeeper.keys").split(";")
for trait, key in HUB_TRAITS.items():
    set_config_if_not_none(c.JupyterHub, trait, f"hub.{key}")
set_config_if_not_none(c.Spawner, "consecutive_failure_limit", "hub.consecutiveFailureLimit")
set_config_if_not_none(c.Spawner, "cmd", "singleuser.cmd")
set_config_if_not_none(c.Spawner, "default_url", "singleuser.defaultUrl")

# The pods of sessions
release, chart, version = (get_config(key) for key in ("Release.Name", "Chart.Name", "Chart.Version"))
c.KubeSpawner.namespace = os.environ["POD_NAMESPACE"]
c.KubeSpawner.common_labels = {
    "app": chart,
    "release": release,
    "chart": f"{chart}-{version}",
    "app.kubernetes.io/name": chart,
    "app.kubernetes.io/instance": release,
    "helm.sh/chart": f"{chart}-{version}",
    "app.kubernetes.io/managed-by": "kubespawner",
}
for trait, key in SESSION_TRAITS.items():
    set_config_if_not_none(c.KubeSpawner, trait, f"singleuser.{key}")
c.KubeSpawner.tolerations = [
    *get_config("scheduling.userPods.tolerations"),
    *get_config("singleuser.extraTolerations"),
]
image, tag = get_config("singleuser.image.name"), get_config("singleuser.image.tag")
if image:
    c.KubeSpawner.image = f"{image}:{tag}" if tag else image
own = get_config("imagePullSecret.create") and get_config("imagePullSecret.automaticReferenceInjection")
c.KubeSpawner.image_pull_secrets = [
    *(["image-pull-secret"] if own else []),
    *get_config("imagePullSecrets"),
    *get_config("singleuser.image.pullSecrets"),
]

# Their volumes
kind = get_config("singleuser.storage.type")
volumes: dict[str, Any] = {}
mounts: dict[str, Any] = {}
if kind != "none":
    c.KubeSpawner.storage_pvc_ensure = kind == "dynamic"
    name = get_config("singleuser.storage.dynamic.volumeNameTemplate") if kind == "dynamic" else "home"
    claim = "{pvc_name}" if kind == "dynamic" else get_config("singleuser.storage.static.pvcName")
    volumes[name] = {"name": name, "persistentVolumeClaim": {"claimName": claim}}
    mounts[name] = {"name": name, "mountPath": get_config("singleuser.storage.homeMountPath")}
    subpath = get_config(f"singleuser.storage.{kind}.subPath")
    if subpath:
        mounts[name]["subPath"] = subpath
if kind == "dynamic":
    for trait, key in HOME_TRAITS.items():
        set_config_if_not_none(c.KubeSpawner, trait, f"singleuser.storage.{key}")
c.KubeSpawner.volumes = volumes | by_name(get_config("singleuser.storage.extraVolumes"), unique=True)
c.KubeSpawner.volume_mounts = mounts | by_name(get_config("singleuser.storage.extraVolumeMounts"), unique=False)

# Services and roles
c.JupyterHub.services, c.JupyterHub.load_roles = [], []
if get_config("cull.enabled"):
    culler: dict[str, Any] = {
        "name": "jupyterhub-idle-culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["jupyterhub-idle-culler"],
    }
    command = [sys.executable, "-m", "jupyterhub_idle_culler"]
    command.append(f"--url=http://localhost:8081{get_config('hub.baseUrl').rstrip('/')}/hub/api")
    for option, key in {"timeout": "timeout", "cull-every": "every", "concurrency": "concurrency"}.items():
        command.append(f"--{option}={get_config(f'cull.{key}')}")
    command.append(f"--max-age={get_config('cull.maxAge')}")
    if get_config("cull.users"):
        command.append("--cull-users")
        culler["scopes"].append("admin:users")
    if not get_config("cull.adminUsers"):
        command.append("--cull-admin-users=false")
    if get_config("cull.removeNamedServers"):
        command.append("--remove-named-servers")
    c.JupyterHub.services.append({"name": "jupyterhub-idle-culler", "command": command})
    c.JupyterHub.load_roles.append(culler)
for name, service in get_config("hub.services").items():
    plain = {key: value for key, value in service.items() if key != "apiToken"}
    plain["api_token"] = get_secret_value(f"hub.services.{name}.apiToken")
    c.JupyterHub.services.append({"name": name, **plain})
c.JupyterHub.load_roles += [{"name": name, **role} for name, role in get_config("hub.loadRoles").items()]

if get_config("debug.enabled"):
    c.JupyterHub.log_level = "DEBUG"
    c.Spawner.debug = True

# What the centre says has the last word.
SEEDED = {("JupyterHub", "cookie_secret"), ("ConfigurableHTTPProxy", "auth_token"), ("CryptKeeper", "keys")}
for section, traits in get_config("hub.config").items():
    c[section].update({trait: value for trait, value in traits.items() if (section, trait) not in SEEDED})
for name, code in sorted(get_config("hub.extraConfig").items()):
    print(f"extraConfig: {name}")
    exec(compile(code, name, "exec"))  # noqa: S102 - what extraConfig is for
