"""What differs between substrates at launch: one module each, chosen by the manifest."""

from __future__ import annotations

from typing import Any, Protocol

from gaia_vre_hub.options import Choice
from gaia_vre_hub.substrates import docker


class Substrate(Protocol):
    """A module of this package."""

    async def missing(self, spawner: Any, choice: Choice) -> list[str]:
        """Names of chosen images that are not where the session would run; raises `Unready`."""

    def prepare(self, spawner: Any, choice: Choice) -> None:
        """Lay the choice over the spawner's own configuration."""


SUBSTRATES: dict[str, Substrate] = {"docker": docker}
