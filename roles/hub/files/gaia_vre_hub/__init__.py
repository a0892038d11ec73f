"""Virtual research environments in a JupyterHub: one line in its configuration.

``gaia_vre_hub.configure(c, "/etc/gaia-vre/manifest.json")``, after everything else, in a hub that the collection
deployed or in one that was there before. JupyterHub 5.3 or newer.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from traitlets import import_item
from traitlets.config.loader import LazyConfigValue


def configure(c: Any, manifest_path: str) -> None:
    """Lay the launch page and the mounts over the spawner class that the hub has configured.

    :param c: the configuration object of ``jupyterhub_config.py``; its spawner class stays the base.
    :param manifest_path: the manifest, as ``launch_manifest`` writes it; the admins' notice and the results of the
        check are looked for beside it.
    """
    from gaia_vre_hub.centre import CentreFiles
    from gaia_vre_hub.metrics import Watch
    from gaia_vre_hub.spawner import over

    configured = c.JupyterHub.get("spawner_class", "jupyterhub.spawner.LocalProcessSpawner")
    files = CentreFiles(manifest_path)
    Watch.start(files)
    c.JupyterHub.spawner_class = over(_resolve(configured), files)
    # Before JupyterHub's own pages, which it adds at the end by itself, and after those of the hub's admin.
    paths = _known(c.JupyterHub, "template_paths", [])
    c.JupyterHub.template_paths = [*paths, str(Path(__file__).parent / "templates/page")]


def reserve(c: Any, name: str) -> None:
    """Have nobody log in as this user, also where the section of one authenticator says itself who is blocked.

    :param c: as for :func:`configure`.
    :param name: of the user that only the check is.
    """
    saying = {section for section in c if section.endswith("Authenticator") and "blocked_users" in c[section]}
    for section in {"Authenticator", *saying}:
        c[section].blocked_users = {*_known(c[section], "blocked_users", set()), name}


def _known(section: Any, trait: str, default: Any) -> Any:
    """What was set, or what was added to the default before anybody set it."""
    found = section.get(trait, default)
    return found.get_value(default) if isinstance(found, LazyConfigValue) else found


def _resolve(configured: Any) -> type[Any]:
    """A class, a dotted name, or the name of an entry point such as ``docker``."""
    if isinstance(configured, type):
        return configured
    for entry in entry_points(group="jupyterhub.spawners", name=str(configured).lower()):
        found: type[Any] = entry.load()
        return found
    item: type[Any] = import_item(str(configured))
    return item
