"""Why a container of Docker's ended; the lab's machine may limit no memory, so that none runs out of it there."""

from __future__ import annotations

from typing import Any

import pytest

from gaia_vre_hub.locale import MESSAGES
from gaia_vre_hub.substrates import docker


@pytest.mark.parametrize(
    ("container", "message"),
    [
        ({"State": {"Running": True, "OOMKilled": True}}, ""),  # a kernel ran out of it, the session goes on
        ({"State": {"Running": False, "OOMKilled": True}}, "session_memory"),
        ({"State": {"Running": False, "OOMKilled": False}}, "session_ended"),
        (None, "session_ended"),
    ],
)
def test_why_a_container_ended(container: dict[str, Any] | None, message: str) -> None:
    assert docker._why(container) == message
    assert not message or message in MESSAGES


@pytest.mark.parametrize(
    ("killed", "said", "message"),
    [(True, "Killed", "session_memory"), (False, "boom", "session_over_said"), (False, "", "session_over")],
)
def test_how_a_session_that_was_ready_ended(killed: bool, said: str, message: str) -> None:
    assert docker._ended({"State": {"OOMKilled": killed}}, said) == message
