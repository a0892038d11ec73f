"""Configuration of the idle culler, a service of the hub."""

from gaia_vre_hub.culler import Patience

c = get_config()  # type: ignore[name-defined]  # noqa: F821 - given by traitlets
c.IdleCuller.cull_arbiter_hook = Patience()
