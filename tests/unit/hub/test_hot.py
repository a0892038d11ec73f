"""Files beside the manifest: absent is fine, new content is taken at once, junk is told and passed over."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from gaia_vre_hub import notice
from gaia_vre_hub.centre import CentreFiles


def test_notice_and_checks_may_be_absent_come_and_go(tmp_path: Path) -> None:
    files = CentreFiles(str(tmp_path / "manifest.json"))
    assert files.notice.current() is None
    path = tmp_path / "notice.json"
    path.write_text('{"version": 1, "text": {"en": "Maintenance at noon."}, "drain": true}')
    found = files.notice.current()
    assert found is not None
    assert found.drain
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


def test_a_notice_is_asked_for_what_is_wrong_with_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "notice.json"
    path.write_text('{"version": 1, "text": {"en": "Noon."}, "until": "2026-12-01T18:00+01:00"}')
    assert notice.main(str(path)) == 0
    path.write_text('{"version": 1, "text": {"en": 1}, "until": "2026-02-31T18:00Z"}')
    assert notice.main(str(path)) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert "text.en" in said[0]
    assert "until" in said[0]
