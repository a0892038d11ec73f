"""The session's record for JupyterLab, and the extension that shows it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path

import pytest

CONDA = Path(__file__).resolve().parents[3] / "images/lab/root/opt/conda"
EXTENSION = CONDA / "share/jupyter/labextensions/gaia-vre-session"
spec = importlib.util.spec_from_file_location("session_record", CONDA / "share/gaia-vre/session_record.py")
assert spec is not None
assert spec.loader is not None
session_record = importlib.util.module_from_spec(spec)
spec.loader.exec_module(session_record)


@pytest.mark.parametrize(
    ("written", "shown"), [(None, False), ("", False), ("{", False), ("[]", False), ('{"images": {}}', True)]
)
def test_a_sound_record_is_handed_on(monkeypatch: pytest.MonkeyPatch, written: str | None, shown: bool) -> None:
    monkeypatch.delenv("GAIA_VRE_SESSION", raising=False)
    if written is not None:
        monkeypatch.setenv("GAIA_VRE_SESSION", written)
    assert session_record.page_config() == ({"gaiaVreSession": written} if shown else {})


def test_the_extension_s_address_changes_with_its_content() -> None:
    load = json.loads((EXTENSION / "package.json").read_text())["jupyterlab"]["_build"]["load"]
    file, _mark, version = load.partition("?v=")
    found = hashlib.sha256((EXTENSION / file).read_bytes()).hexdigest()[:12]
    assert version == found, "browsers keep the old file for a year; write the new hash into package.json"
