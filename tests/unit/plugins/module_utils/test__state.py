"""What the hub reads, as files."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._state import (
    CHECKS,
    LAST,
    MANIFEST,
    NOTICE,
    Folder,
    Texts,
    write,
)


@pytest.fixture
def state(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "offer.json")


def test_texts_come_change_and_go(state: Folder, tmp_path: Path) -> None:
    both = state.change(lambda _before: ({MANIFEST: "{}", LAST: "{}"}, "made"))
    assert (both.changed, both.before, both.after, both.result) == (True, {}, {MANIFEST: "{}", LAST: "{}"}, "made")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["offer.json", "offer.last.json"]
    assert not state.change(lambda _before: ({MANIFEST: "{}", NOTICE: None}, None)).changed
    state.change(lambda _before: ({NOTICE: "é"}, None))
    assert state.read() == {MANIFEST: "{}", LAST: "{}", NOTICE: "é"}
    gone = state.change(lambda _before: ({NOTICE: None}, None))
    assert gone.changed
    assert NOTICE not in state.read()
    assert gone.diff("x", NOTICE) == {"before_header": "x", "after_header": "x", "before": "é", "after": ""}
    assert state.place(MANIFEST) == str(tmp_path / "offer.json")


def test_check_mode_writes_nothing_also_where_the_folder_is_still_to_come(state: Folder, tmp_path: Path) -> None:
    for found in (state, Folder(tmp_path / "nowhere/manifest.json")):
        assert found.change(lambda _before: ({CHECKS: "x"}, None), check=True).changed
        assert found.read() == {}
    with pytest.raises(VreError, match=r"the manifest's folder is not there\. Remedy: run deploy first"):
        Folder(tmp_path / "nowhere/manifest.json").change(lambda _before: ({CHECKS: "x"}, None))


def test_each_play_builds_on_the_one_before_it(state: Folder) -> None:
    def more(before: Texts) -> tuple[dict[str, str], None]:
        return {CHECKS: before.get(CHECKS, "") + "x"}, None

    threads = [threading.Thread(target=state.change, args=(more,)) for _number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert state.read()[CHECKS] == "x" * 20


def test_a_text_is_put_in_place_at_once_and_readable(tmp_path: Path) -> None:
    target = tmp_path / "checks.json"
    write(target, "{}")
    assert (target.read_text(), target.stat().st_mode & 0o777) == ("{}", 0o644)
    assert [path.name for path in tmp_path.iterdir()] == ["checks.json"]
    with pytest.raises(VreError, match="it cannot be written"):
        write(tmp_path / "nowhere/checks.json", "{}")


def test_what_cannot_be_put_in_place_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "checks.json").mkdir()
    with pytest.raises(VreError, match="it cannot be written"):
        write(tmp_path / "checks.json", "{}")
    assert [path.name for path in tmp_path.iterdir()] == ["checks.json"]
