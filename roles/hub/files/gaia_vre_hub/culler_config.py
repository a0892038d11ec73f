"""Configuration of the idle culler, a service of the hub."""

from gaia_vre_hub.culler import Patience

# Given by traitlets.
c = get_config()  # type: ignore[name-defined]  # noqa: F821  # pylint: disable=undefined-variable
c.IdleCuller.cull_arbiter_hook = Patience()
