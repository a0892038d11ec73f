"""The JSON Schema of the manifest: ``python -m gaia_vre_hub.schema > docs/manifest.schema.json``."""

from __future__ import annotations

import json
import sys

from gaia_vre_hub.manifest import Manifest


def schema() -> str:
    """The schema's text."""
    return json.dumps(Manifest.model_json_schema(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema())
