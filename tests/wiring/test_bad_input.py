"""What is wrong with a folder is one clear line with the next step, and the right exit status."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.wiring.command import Answer, boxwatch, well

from boxwatch.store import EventStore, read_champions

STEPS = ("normalize", "features", "train", "detect", "incidents list", "replay --into copy")
READ = ("features", "normalize --export", "replay --into copy")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def refused(answer: Answer, statuses: tuple[int, ...] = (2, 3)) -> str:
    """The one line that says why, with its code."""
    assert answer.status in statuses
    assert answer.out == ""
    assert answer.err.startswith("BW")
    assert answer.err.count("\n") == 1
    return answer.err


def harm(path: Path) -> None:
    """Cut a file in its middle, as a failing disk does."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("made", [False, True])
def test_a_folder_without_data_is_refused_and_not_made(tmp_path, step, made):
    """A folder that is not there, or empty: the wrong one was named."""
    folder = tmp_path / "nothing"
    if made:
        folder.mkdir()
    line = refused(boxwatch(*step.split(), "--data", folder))
    assert "nothing" in line
    assert "boxwatch" in line
    assert folder.exists() == made
    assert not made or not list(folder.iterdir())


OPENS = ("normalize", "features", "detect", "incidents list", "replay --into copy", "up --for 1s")


@pytest.mark.parametrize("step", [*OPENS, "repair"])
def test_a_folder_of_a_newer_version_is_left_alone(data, step):
    """It is for the newer program."""
    (data / "format.json").write_text('{"format": 99}')
    line = refused(boxwatch(*step.split(), "--data", data), (3,))
    assert "Install the newer Boxwatch" in line


@pytest.mark.parametrize("step", OPENS)
def test_a_folder_of_an_unknown_version_is_for_repair(data, step):
    """Nobody can tell what is in it, before it was looked at as a whole."""
    (data / "format.json").write_text('{"form')
    assert "boxwatch repair" in refused(boxwatch(*step.split(), "--data", data), (3,))


@pytest.mark.parametrize("step", READ)
def test_records_that_cannot_be_read_are_told_of(data, step):
    """The rest is worked with, and a line on standard error says what is missing and why."""
    (part,) = (data / "events" / "logs").rglob("*.parquet")
    harm(part)
    answer = boxwatch(*step.split(), "--data", data)
    assert answer.status == 0
    assert answer.err.count("\n") == 1
    for word in ("level=error", part.name, "its records are missing", "backup"):
        assert word in answer.err


def test_repair_puts_aside_what_cannot_be_read(data):
    """It is named with where it went; what remains is whole."""
    (part,) = (data / "events" / "samples").rglob("*.parquet")
    harm(part)
    (lost,) = well("repair", "--json", "--data", data).json["lost"]
    assert part.name in lost
    assert not part.exists()
    assert any(part.name in path.name for path in (data / "damaged").iterdir())
    with EventStore.open(data, writable=False) as store:
        assert store.logs().collect().height > 1000
        assert store.samples().collect().is_empty()


def test_windows_that_cannot_be_read_are_refused(data):
    """Training on what is left would teach something else."""
    harm(next((data / "features" / "gpu").glob("*.parquet")))
    assert "Run `boxwatch features` again" in refused(boxwatch("train", "--data", data), (3,))


def test_windows_of_another_version_are_refused(data):
    """Their columns are not those of the view any more."""
    there = next((data / "features" / "gpu").glob("*.parquet"))
    other = next((data / "features" / "host").glob("*.parquet"))
    there.write_bytes(other.read_bytes())
    assert "Run `boxwatch features` again" in refused(boxwatch("train", "--data", data), (3,))


def test_a_model_that_was_changed_is_refused(data):
    """Its hash is not the one it was saved with."""
    models = data / "models"
    harm(next((models / read_champions(models)["gpu"]).rglob("*.npy")))
    assert "Train the model again" in refused(boxwatch("detect", "--data", data), (3,))


def test_a_damaged_database_is_named_and_mended(data):
    """The way out is in the line, and it works: the events are all there again."""
    (data / "state.db").write_bytes(b"no database" * 1000)
    for left in ("state.db-wal", "state.db-shm"):
        (data / left).unlink(missing_ok=True)
    assert "boxwatch repair" in refused(boxwatch("incidents", "list", "--data", data), (3,))
    said = well("repair", "--json", "--data", data).json
    assert said["rows"] > 100_000
    assert well("detect", "--json", "--data", data).json["incidents"] >= 1


def test_half_a_line_waits_and_nonsense_is_set_aside(tmp_path):
    """A truncated artifact: whole lines are stored, the rest is counted and named."""
    folder = tmp_path / "data" / "ingested" / "systemd"
    folder.mkdir(parents=True)
    line = '{"__REALTIME_TIMESTAMP":"1778058000000000","MESSAGE":"started","PRIORITY":"6"}'
    path = folder / "systemd_logs_20260506_090000.jsonl"
    path.write_text(f'{line}\n{{"MESSAGE": "cut sho\nnonsense\n{line[:40]}')
    said = well("normalize", "--json", "--data", "data").json
    assert said["rows"] == 1
    assert said["quarantined"] == {"systemd": 2}
    assert [Path(name).name for name in said["waiting"]] == [path.name]
    with path.open("a") as file:
        file.write(line[40:].replace("started", "stopped") + "\n")
    again = well("normalize", "--json", "--data", "data").json
    assert (again["rows"], again["waiting"]) == (1, [])


def test_a_folder_that_somebody_writes_is_not_written_by_another(data):
    """The second one is told who is there."""
    with EventStore.open(data, writable=True):
        for step in ("normalize", "detect", "up --for 1s"):
            assert "process" in refused(boxwatch(*step.split(), "--data", data), (3,))


def test_a_recording_cannot_be_replayed_into_itself(data):
    """Nor into a folder that holds something."""
    for into in (data, data.parent):
        refused(boxwatch("replay", "--data", data, "--into", into), (2,))
    refused(boxwatch("up", "--replay", data, "--data", data), (2,))
