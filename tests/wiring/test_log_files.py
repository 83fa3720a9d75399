"""`logs parse` and `logs score` over files of one's own."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boxwatch.cli.border import run
from boxwatch.events import TemplateMiner
from boxwatch.settings import load
from boxwatch.wiring import log_files, pipeline

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


def test_without_times_the_report_says_so(tmp_path, capsys):
    """The number of a line is a poor clock; with a time column in both files it is not needed."""
    lines = [("r", n, ["open 1", "close 2"]) for n in range(100)]
    timed = written(tmp_path / "a", [(f"r{n}", n, lines[n][2]) for n in range(100)])
    untimed = tmp_path / "b"
    pl.read_parquet(timed).drop("time").write_parquet(untimed)
    for train, test, clock in (
        (timed, timed, "the column 'time'"),
        (timed, untimed, "the numbers of the lines"),
    ):
        arguments = ("--train", train, "--test", test, "--session", "request")
        told = answer(capsys, "score", *arguments, "--out", tmp_path / "o")
        assert told["clock"].startswith(clock)


def test_a_time_column_that_was_named_must_be_there(tmp_path, capsys):
    """A typing error does not become another clock."""
    log = written(tmp_path / "a", [("r", 0, ["open"])])
    words = ["--train", str(log), "--test", str(log), "--session", "request", "--time", "tiem"]
    assert run(["logs", "score", *words, "--out", str(tmp_path / "o")]) == 2
    assert "no column 'tiem'" in capsys.readouterr().err


def test_what_is_too_long_or_too_many_is_counted(tmp_path, capsys, monkeypatch):
    """A line beyond the limit is cut, kinds beyond the limit are forgotten; both are said."""
    monkeypatch.setattr(log_files, "_LONGEST_LINE", 100)
    monkeypatch.setattr(log_files, "_CHUNK_BYTES", 32)
    monkeypatch.setattr(log_files, "TemplateMiner", partial(TemplateMiner, capacity=5))
    log, out = tmp_path / "app.log", tmp_path / "out.parquet"
    log.write_text("\n".join([*("x" * n for n in range(1, 10)), "y" * 500, "z"]))
    told = answer(capsys, "parse", log, "--out", out)
    assert (told["lines"], told["lines_cut"]) == (11, 1)
    assert told["templates_forgotten"] > 0
    assert pl.read_parquet(out)["template"].to_list()[-2:] == ["y" * 100, "z"]


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(st.text("ab\r", max_size=12), min_size=1, max_size=20),
    chunk=st.integers(1, 8),
)
def test_lines_do_not_depend_on_how_a_file_is_read(tmp_path_factory, lines, chunk):
    """Whatever the size of the pieces, the same lines, and the same ones are cut."""
    path = tmp_path_factory.mktemp("log") / "app.log"
    path.write_bytes("\n".join(lines).encode())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(log_files, "_LONGEST_LINE", 8)
        patched.setattr(log_files, "_CHUNK_BYTES", chunk)
        pieces = list(log_files._text_chunks(path))
    wanted = lines if lines[-1] else lines[:-1]
    told = [text for messages, _ in pieces for text in messages]
    assert told == [line[:8].removesuffix("\r") for line in wanted]
    assert sum(cut for _, cut in pieces) == sum(len(line) > 8 for line in wanted)


def test_strange_bytes_are_lines_too(tmp_path, capsys):
    """Binary, right-to-left text, emoji, escapes and NUL bytes: every line keeps its number."""
    strange = [b"\x00\x01\xff\xfe", "\u202eabc \u05d0".encode(), "🙂 " .encode() * 3000,
               b"\x1b[31mred 5\x1b[0m", b"", b"\x00", b"plain 1"]  # fmt: skip
    log, out = tmp_path / "app.log", tmp_path / "out.parquet"
    log.write_bytes(b"\n".join(strange))
    answer(capsys, "parse", log, "--out", out)
    frame = pl.read_parquet(out)
    assert frame["line"].to_list() == list(range(1, len(strange) + 1))
    assert frame["template"].to_list()[-1] == "plain <*>"
    assert frame["parameters"].null_count() == 0


def test_masks_of_the_settings_hold(tmp_path, capsys, monkeypatch):
    """A mask of one's own hides what the built-in ones let stand."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "boxwatch.toml").write_text("[logs.masks]\ntenant = 'tenant-[a-z]+'\n")
    log, out = tmp_path / "app.log", tmp_path / "out.parquet"
    log.write_text("tenant-acme is slow")
    answer(capsys, "parse", log, "--out", out)
    assert pl.read_parquet(out)["template"].to_list() == ["<*> is slow"]


def test_watching_has_the_same_masks(tmp_path):
    """What hides in a file hides in what is watched."""
    environ = {"BOXWATCH_LOGS__MASKS__TENANT": "tenant-[a-z]+"}
    miner = pipeline(load(environ=environ), tmp_path).windows.miner
    assert miner.line("tenant-acme is slow").template == "<*> is slow"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("parse", "absent.log", "--out", "o"), "absent.log"),
        (("parse", "app.log", "--out", "no/o"), "no folder"),
        (("parse", "app.log", "--column", "x", "--out", "o"), "cannot be read as Parquet"),
        (("parse", "in.parquet", "--column", "x", "--out", "o"), "It has message"),
        (("parse", "in.parquet", "--out", "o"), "is Parquet: give --column"),
        (("parse", "app.log", "--out", "o.csv"), "what is written is Parquet"),
        (("parse", "app.log", "--out", "app.log"), "Name another --out"),
        (("parse", "app.log", "--out", "link"), "Name another --out"),
        (
            ("score", "--train", "app.log", "--test", "in.parquet", "--session", "s"),
            "takes Parquet",
        ),
        *(
            (
                ("score", "--train", "in.parquet", "--test", test, "--session", "s", "--out", out),
                "Name another --out",
            )
            for test, out in (("app.log", "in.parquet"), ("other.parquet", "other.parquet"))
        ),
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
    (tmp_path / "link").symlink_to("app.log")
    for name in ("in.parquet", "other.parquet"):
        pl.DataFrame({"message": ["a"]}).write_parquet(name)
    if "--out" not in arguments:
        arguments = (*arguments, "--out", "o")
    assert run(["logs", *arguments]) == 2
    assert says in " ".join(capsys.readouterr().err.split())
    assert (tmp_path / "app.log").read_text() == "a line\n"
    assert pl.read_parquet("in.parquet").columns == ["message"]


def test_a_line_of_ten_megabytes_is_a_line(tmp_path, capsys):
    """Nothing is cut in two, and memory is a few times the line."""
    log, out = tmp_path / "app.log", tmp_path / "out.parquet"
    log.write_bytes(b"x" * 10_000_000 + b"\nshort\n")
    assert answer(capsys, "parse", log, "--out", out)["lines"] == 2
