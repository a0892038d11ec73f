"""The chart's values for the hub's configuration, under the names by which a centre's own extraConfig asks for them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

SECRET = Path(__file__).resolve().parent / "secret"


@cache
def _values() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((SECRET / "values.yaml").read_text())
    return found


def get_config(key: str, default: Any = None) -> Any:
    """The value of ``key``, such as ``singleuser.memory.limit``; ``default`` when there is no such key."""
    value: Any = _values()
    for name in key.split("."):
        if not isinstance(value, dict) or name not in value:
            return default
        value = value[name]
    return value


def get_secret_value(key: str, default: str = "") -> str:
    """What the Secret ``hub`` has under ``key``; ``default`` when it has nothing."""
    path = SECRET / key
    return path.read_text() if path.is_file() else default


def set_config_if_not_none(section: Any, trait: str, key: str) -> None:
    """Set a trait of a section of the configuration where values give it."""
    value = get_config(key)
    if value is not None:
        setattr(section, trait, value)
