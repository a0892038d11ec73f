"""What differs between substrates at launch: one module each, chosen by the manifest."""

from __future__ import annotations

from typing import Any, Protocol

from gaia_vre_hub.manifest import Pin
from gaia_vre_hub.options import Choice
from gaia_vre_hub.substrates import batch, docker, kubernetes


class Substrate(Protocol):
    """A module of this package."""

    def over(self, base: type[Any]) -> type[Any]:
        """The hub's spawner class with what this substrate needs in it; ``base`` itself where it is another one's."""

    async def unusable(self, pins: dict[str, Pin]) -> list[str]:
        """Names of images that no session could use now, by a look that is quick enough for each page."""

    async def missing(self, spawner: Any, choice: Choice) -> list[str]:
        """Names of chosen images that are not where the session would run; raises `Unready`."""

    def prepare(self, spawner: Any, choice: Choice) -> None:
        """Lay the choice over the spawner's own configuration."""


SUBSTRATES: dict[str, Substrate] = {"docker": docker, "batch": batch, "kubernetes": kubernetes}
