"""Only what was collected is read, and only its owner may read it."""

from __future__ import annotations

from boxwatch.store import EventStore
from boxwatch.store.raw_files import find_raw_files


def test_links_and_folders_are_no_artifacts(tmp_path):
    """They are named as strange; the plain file beside them is taken."""
    folder = tmp_path / "systemd"
    folder.mkdir()
    (folder / "systemd_logs_20260101_000000.jsonl").write_text("{}\n")
    (folder / "systemd_logs_20260101_010000.jsonl").mkdir()
    (folder / "systemd_logs_20260101_020000.jsonl").symlink_to(tmp_path / "nowhere")
    files, strange = find_raw_files(tmp_path)
    assert [file.path.name for file in files] == ["systemd_logs_20260101_000000.jsonl"]
    assert len(strange) == 2


def test_a_new_data_folder_is_closed_to_others(tmp_path):
    """Logs hold what only their owner may read."""
    with EventStore.open(tmp_path / "data", writable=True):
        assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
