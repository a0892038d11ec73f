"""Hand the session's record to JupyterLab, whose extension ``gaia-vre-session`` shows it.

The hub writes it to ``GAIA_VRE_SESSION``; a server that no hub of the collection started has none.
"""

from __future__ import annotations

import json
import os


def page_config() -> dict[str, str]:
    """What JupyterLab's page gets to know: the record as JSON, where there is a sound one."""
    record = os.environ.get("GAIA_VRE_SESSION", "")
    try:
        sound = isinstance(json.loads(record), dict)
    except ValueError:
        return {}
    return {"gaiaVreSession": record} if sound else {}
