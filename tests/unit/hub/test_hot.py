"""Files beside the manifest: absent is fine, new content is taken at once, junk is told and passed over."""

from __future__ import annotations

import gzip
import logging
from pathlib import Path

import pytest

from gaia_vre_hub import notice
from gaia_vre_hub.centre import CentreFiles
from gaia_vre_hub.hot import HotFile


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


def test_a_compressed_one_is_read_as_the_text_in_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """On a cluster the manifest is too large for a ConfigMap."""
    path = tmp_path / "notice.json.gz"
    file = HotFile(path, notice.Notice)
    assert file.current() is None
    path.write_bytes(gzip.compress(b'{"version": 1, "text": {"en": "Noon."}}'))
    good = file.current()
    assert good is not None
    assert good.text == {"en": "Noon."}
    for junk in (b'{"version": 1, "text": {}}', gzip.compress(b"{}" * 99)[:-9], gzip.compress(b"{")):
        path.write_bytes(junk)
        with caplog.at_level(logging.ERROR):
            assert file.current() is good
    assert len(caplog.records) == 3
