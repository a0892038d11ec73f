"""Files beside the manifest: absent is fine, new content is taken at once, junk is told and passed over."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from gaia_vre_hub.centre import CentreFiles


def test_notice_and_checks_may_be_absent_come_and_go(tmp_path: Path) -> None:
    files = CentreFiles(str(tmp_path / "manifest.json"))
    assert files.notice.current() is None
    path = tmp_path / "notice.json"
    path.write_text('{"version": 1, "text": {"en": "Maintenance at noon."}, "drain": true}')
    notice = files.notice.current()
    assert notice is not None
    assert notice.drain
    path.unlink()
    assert files.notice.current() is None


def test_junk_is_told_and_the_last_good_one_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = CentreFiles(str(tmp_path / "manifest.json"))
    path = tmp_path / "checks.json"
    path.write_text(
        '{"version": 1, "images": {"ocean": {"digest": "sha256:0", "at": "2026-11-25T10:00:00Z", "ok": true}}}'
    )
    good = files.checks.current()
    assert good is not None
    assert good.images["ocean"].ok
    path.write_text("{")
    with caplog.at_level(logging.ERROR):
        assert files.checks.current() is good
