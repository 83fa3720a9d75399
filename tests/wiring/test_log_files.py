"""`logs parse` and `logs score` over files of one's own."""

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from boxwatch.cli.border import run

START = datetime(2026, 3, 1, tzinfo=UTC)


def answer(capsys, *arguments, status=0):
    """What `boxwatch logs` prints as JSON."""
    assert run(["logs", *map(str, arguments), "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_lines_are_parsed_into_templates_and_parameters(tmp_path, capsys):
    """Every line of plain text has its number, its template and what varied in it."""
    log, out = tmp_path / "app.log", tmp_path / "out.parquet"
    log.write_bytes(b"took 12 ms\r\n\xff\xfe\n\ntook 7 ms for user")
    assert answer(capsys, "parse", log, "--out", out)["lines"] == 4
    frame = pl.read_parquet(out)
    assert frame.columns == ["line", "template_id", "template", "parameters"]
    assert frame["line"].to_list() == [1, 2, 3, 4]
    assert frame["template"].to_list()[::3] == ["took <*>", "took <*> for user"]
    assert frame["parameters"].to_list()[::3] == [["12 ms"], ["7 ms"]]
    assert list(tmp_path.iterdir()) != []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["app.log", "out.parquet"]


def test_parameters_put_back_give_the_line(tmp_path, capsys):
    """Nothing of a line is lost between template and parameters."""
    lines = ['GET "/a b/c1" 200', "x=1, 2, 3 (4)", "(a|b) [c] {d} \\ ^ $ 5", "a 1 b 2 a 3"]
    log, out = tmp_path / "app.log", tmp_path / "out.parquet"
    log.write_text("\n".join(lines))
    answer(capsys, "parse", log, "--out", out)
    for line, row in zip(lines, pl.read_parquet(out).iter_rows(named=True), strict=True):
        text = row["template"]
        for value in row["parameters"]:
            text = text.replace("<*>", value, 1)
        assert text == line


def test_templates_are_those_the_files_end_with(tmp_path, capsys):
    """A line at the top is told in the light of those below, in whatever order."""
    lines = [f"the user {name} has logged in" for name in ("ann", "ben", "cy", "dan", "eve")]
    log, out = tmp_path / "app.log", tmp_path / "out.parquet"
    log.write_text("\n".join(lines))
    answer(capsys, "parse", log, "--out", out)
    frame = pl.read_parquet(out)
    assert frame["template"].unique().to_list() == ["the user <*> has logged in"]
    assert frame["parameters"].to_list() == [["ann"], ["ben"], ["cy"], ["dan"], ["eve"]]


def test_a_column_of_parquet_is_parsed(tmp_path, capsys):
    """With --column the messages come from Parquet; null is an empty line."""
    source, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    pl.DataFrame({"text": ["up 1", None]}).write_parquet(source)
    answer(capsys, "parse", source, "--column", "text", "--out", out)
    assert pl.read_parquet(out)["template"].to_list() == ["up <*>", ""]


def written(path, sessions):
    """A Parquet file of sessions: (name, begin in minutes, lines, a minute apart)."""
    rows = [
        {"message": line, "time": START + timedelta(minutes=begin + n), "request": name}
        for name, begin, lines in sessions
        for n, line in enumerate(lines)
    ]
    pl.DataFrame(rows).sort("time", maintain_order=True).write_parquet(path)
    return path


def test_sessions_are_judged_by_those_of_another_log(tmp_path, capsys):
    """The failed one is an alarm with its reason; one that has only begun is not."""
    usual = ["open 1", "read 2", "close 3"]
    train = written(tmp_path / "a", [(f"r{n}", n, usual) for n in range(100)])
    judged = [("good", 0, usual), ("stuck", 1, usual[:2]), ("late", 100, usual[:2])]
    test, out = written(tmp_path / "b", judged), tmp_path / "out.parquet"
    told = answer(
        capsys, *("score", "--train", train, "--test", test, "--session", "request", "--out", out)
    )
    assert (told["sessions"], told["alarms"]) == (3, 1)
    frame = pl.read_parquet(out)
    assert dict(frame.select("request", "alarm").iter_rows()) == {
        "good": False,
        "stuck": True,
        "late": False,
    }
    assert "'close <*>' is missing" in frame.filter("alarm")["reasons"].item()[0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("parse", "absent.log", "--out", "o"), "absent.log"),
        (("parse", "app.log", "--out", "no/o"), "no folder"),
        (("parse", "app.log", "--column", "x", "--out", "o"), "cannot be read as Parquet"),
        (("parse", "in.parquet", "--column", "x", "--out", "o"), "It has message"),
        (
            *(("score", "--train", "in.parquet", "--test", "in.parquet", "--session", "s"),),
            "It has message",
        ),
    ],
)
def test_wrong_files_are_refused(tmp_path, monkeypatch, capsys, arguments, says):
    """The error names the file or the column, and what there is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.log").write_text("a line\n")
    pl.DataFrame({"message": ["a"]}).write_parquet("in.parquet")
    if "--out" not in arguments:
        arguments = (*arguments, "--out", "o")
    assert run(["logs", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_a_line_of_ten_megabytes_is_a_line(tmp_path, capsys):
    """Nothing is cut in two, and memory is a few times the line."""
    log, out = tmp_path / "app.log", tmp_path / "out.parquet"
    log.write_bytes(b"x" * 10_000_000 + b"\nshort\n")
    assert answer(capsys, "parse", log, "--out", out)["lines"] == 2
