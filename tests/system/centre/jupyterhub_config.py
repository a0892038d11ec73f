"""The hub of test_hub.py: a centre's own hub with hooks and limits of its own, and our one line at the end."""

from __future__ import annotations

import inspect
import json
import os
import sys
from pathlib import Path
from typing import Any

from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets import Any as AnyTrait
from traitlets import Unicode

import gaia_vre_hub

c: Any = get_config()  # type: ignore[name-defined]  # noqa: F821  (given by traitlets)
here = Path(os.environ["TEST_HUB"])


class Session(SimpleLocalProcessSpawner):  # type: ignore[misc]
    """A local process with the settings of DockerSpawner that the package fills; it shows them to the test.

    Its engine has every image: what an engine really does is the molecule scenario's business.
    """

    object_type = "container"
    remove = True
    pull_policy = ""
    image = Unicode("the-centre's-own", config=True)
    extra_host_config = AnyTrait({}, config=True)
    mount_binds: tuple[str, ...] = ()

    def vre_ends(self) -> float:
        """When the session has to end, as a substrate would know it."""
        file = here / "ends"
        return float(file.read_text()) if file.exists() else 0

    async def docker(self, _method: str, reference: str) -> str:
        """Every image is there."""
        return reference

    async def start(self) -> Any:
        """Evaluate what Docker would get, then start."""
        if (here / "fail").exists():
            raise RuntimeError("as the test wishes")
        host = self.extra_host_config(self) if callable(self.extra_host_config) else self.extra_host_config
        if inspect.isawaitable(host):
            host = await host
        seen = {"image": self.image, "host": host, "mem_limit": self.mem_limit, "cpu_limit": self.cpu_limit}
        if (here / "no-program").exists():
            self.cmd = ["/no/such/program"]
        self.environment = {**self.environment, "TEST_SEEN": json.dumps(seen)}  # type: ignore[has-type]
        return await super().start()

    async def _signal(self, sig: int) -> bool:
        """A cancelled launch has no process number any more, and 0 would be the hub's own process group."""
        if self.pid:
            return bool(await super()._signal(sig))
        self.proc.send_signal(sig)
        return True


def site_hook(spawner: Any) -> None:
    """Counts its own runs: what it says must be true at each launch."""
    spawner.environment = {**spawner.environment, "SITE": f"{spawner.user.name}-{next(counter)}"}


counter = iter(range(10**6))

c.JupyterHub.bind_url = os.environ["TEST_HUB_URL"]
c.JupyterHub.hub_bind_url = os.environ["TEST_HUB_INTERNAL"]
c.JupyterHub.db_url = f"sqlite:///{here}/hub.sqlite"
c.JupyterHub.cookie_secret_file = str(here / "cookie_secret")
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 20}
c.ConfigurableHTTPProxy.api_url = os.environ["TEST_PROXY_API"]
c.ConfigurableHTTPProxy.pid_file = str(here / "proxy.pid")
c.ConfigurableHTTPProxy.command = [os.environ["TEST_CHP"]]

c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = os.environ["TEST_PASSWORD"]
c.Authenticator.allow_all = True
oceanographers = ["alice", "al%ice", *(f"ocean{number}" for number in range(50))]  # one for each browser test
c.JupyterHub.load_groups = {"oceanographers": {"users": oceanographers}, "coast": {"users": ["bob"]}}

c.JupyterHub.services = [{"name": "prometheus", "api_token": f"{os.environ['TEST_PASSWORD']}-metrics"}]
c.JupyterHub.load_roles = [{"name": "prometheus", "scopes": ["read:metrics"], "services": ["prometheus"]}]

c.Spawner.environment = {"CENTRE": "kept", "TEST_HUB": str(here)}
c.Spawner.cmd = [sys.executable, str(Path(__file__).with_name("session.py"))]
c.Spawner.consecutive_failure_limit = 3
c.Spawner.http_timeout = 10
c.SimpleLocalProcessSpawner.home_dir_template = str(here / "home-{username}")
if os.environ["TEST_SPAWNER"] == "docker":  # by the entry point's name; there is no engine at DOCKER_HOST
    c.JupyterHub.spawner_class = "docker"
    c.DockerSpawner.remove = True
else:
    c.JupyterHub.spawner_class = Session
    c.Spawner.pre_spawn_hook = site_hook
    c.Session.extra_host_config = lambda _spawner: {"mounts": [{"Type": "bind", "Target": "/data"}], "init": True}

gaia_vre_hub.configure(c, str(here / "manifest.json"))
