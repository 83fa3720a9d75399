"""`logs score --detector sequence`: sessions judged by the order of their lines."""

import importlib.util
import json
import sys
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from boxwatch.cli.border import run
from boxwatch.errors import UsageError
from boxwatch.events import TemplateMiner
from boxwatch.wiring import session_models
from boxwatch.wiring.session_models import sequences

START = datetime(2026, 3, 1, tzinfo=UTC)
USUAL = ["open it", "read it", "check it", "write it", "close it"]
SWAPPED = ["open it", "write it", "check it", "read it", "close it"]
MISSING = [
    name for name in ("onnxruntime", "onnx", "torch") if importlib.util.find_spec(name) is None
]


def written(path, *said):
    """A Parquet file of requests, one a minute, each with these lines, one a second."""
    rows = [
        (START + timedelta(minutes=number, seconds=second), f"r{number}", line)
        for number, lines in enumerate(said)
        for second, line in enumerate(lines)
    ]
    pl.DataFrame(rows, schema=["time", "request", "message"], orient="row").write_parquet(path)
    return str(path)


def score(capsys, folder, detector):
    """What is said of a usual and of a swapped request, after a hundred usual ones."""
    train, out = written(folder / "a", *[USUAL] * 100), folder / f"{detector}.parquet"
    test = written(folder / "b", USUAL, SWAPPED, *[USUAL] * 9)
    words = ["--train", train, "--test", test, "--session", "request", "--out", str(out)]
    code = run(["logs", "score", *words, "--detector", detector, "--json"])
    return code, capsys.readouterr(), out


def test_the_default_judges_counts(tmp_path, capsys):
    """Swapped lines are nothing to it."""
    code, told, _ = score(capsys, tmp_path, "counts")
    assert code == 0
    assert json.loads(told.out)["alarms"] == 0


@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (boxwatch[deep])")
def test_swapped_lines_are_found_by_their_order(tmp_path, capsys):
    """The swapped request is the one alarm, and the reason says which line was expected."""
    code, told, out = score(capsys, tmp_path, "sequence")
    assert code == 0, told.err
    frame = pl.read_parquet(out)
    assert frame.filter("alarm")["request"].to_list() == ["r1"]
    said = "after 'open it' the next line was expected to be 'read it'"
    assert any(reason.startswith(said) for reason in frame["reasons"][1])


def test_without_the_extra_the_error_says_what_to_install(tmp_path, capsys, monkeypatch):
    """No traceback: the name of what is missing, and the command."""
    monkeypatch.setitem(sys.modules, "torch", None)  # as where it is not installed
    monkeypatch.delitem(sys.modules, "boxwatch.models.sequence_training", raising=False)
    code, told, _ = score(capsys, tmp_path, "sequence")
    assert code == 2
    assert f"'{[*MISSING, 'torch'][0]}'" in told.err
    assert "boxwatch[deep]" in told.err


def test_the_error_says_how_to_install_from_a_release_and_from_a_clone(monkeypatch):
    """Whichever the user has, the command is there."""

    def missing(_):
        raise ImportError(name="torch")

    monkeypatch.setattr(session_models, "load", missing)
    with pytest.raises(UsageError, match="'torch'") as caught:
        session_models.order_model()
    assert "pip install 'boxwatch[deep]'" in caught.value.hint
    assert "-e '.[deep]' -c constraints.txt" in caught.value.hint


def test_lines_are_read_by_their_times():
    """Sessions in the order of their first lines, lines by time; one without stays where it is."""
    lines = pl.DataFrame(
        {
            "message": ["b2", "a1", "b1", "a?", "a2"],
            "session": ["b", "a", "b", "a", "a"],
            "at": [5.0, 1.0, 2.0, None, 9.0],
        }
    )
    lines = lines.with_columns(
        pl.col("message").replace(
            {"b2": "two", "b1": "one", "a1": "one", "a?": "lost", "a2": "two"}
        )
    )
    found, names = sequences(TemplateMiner(), lines)
    assert names.to_list() == ["a", "b"]
    assert [found.templates[one] for one in found.template] == ["one", "lost", "two", "one", "two"]
    assert found.after.tolist() == [0.0, 0.0, 8.0, 0.0, 3.0]
    assert found.left.tolist() == [8.0, 7.0]
