"""Whether a session's server is there yet."""

from __future__ import annotations

import asyncio
from contextlib import suppress

PATIENCE = 2  # seconds for a connection


async def listens(address: str, port: int) -> bool:
    """Whether something takes connections there; an address that is not known yet is empty."""
    if not address:  # which would mean this host
        return False
    with suppress(OSError):  # TimeoutError is one
        _reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), PATIENCE)
        writer.close()
        return True
    return False
