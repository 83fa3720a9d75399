"""`boxwatch score` over tables of one's own: good ones, and every kind of bad one."""

import json

import numpy as np
import polars as pl
import pytest

from boxwatch.cli.border import run


def readings(rows, seed=0):
    """Three metrics of a server: two that go together and one of noise."""
    rng = np.random.default_rng(seed)
    load = 50 + 30 * np.sin(np.arange(rows) / 60) + 3 * rng.standard_normal(rows)
    return pl.DataFrame(
        {"load": load, "power": 5 * load + rng.standard_normal(rows), "noise": rng.random(rows)}
    )


@pytest.fixture
def judge(tmp_path, capsys):
    """Write two tables as Parquet, judge one by the other: the report, and the scores."""

    def judged(train, test, *more, status=0):
        for name, table in (("train", train), ("test", test)):
            table.write_parquet(tmp_path / f"{name}.parquet")
        out = tmp_path / "scores.parquet"
        words = ["--train", str(tmp_path / "train.parquet"), "--test"]
        words += [str(tmp_path / "test.parquet"), "--interval", "60s", "--out", str(out), *more]
        assert run(["score", *words, "--json"]) == status
        said = capsys.readouterr()
        return (json.loads(said.out), pl.read_parquet(out)) if status == 0 else said.err

    return judged


def faulty(rows=600):
    """A table whose power freezes at row 400."""
    table = readings(rows, seed=1)
    power = table["power"].to_numpy().copy()
    power[400:460] = 1.0
    return table.with_columns(pl.Series("power", power))


def test_every_row_has_its_verdict(judge):
    """One row a row of the test table, the fault an alarm that is explained."""
    report, scores = judge(readings(4000), faulty(), "--budget", "1/day")
    assert scores.columns == ["row", "score", "p_value", "alarm", "contributions"]
    assert scores.height == 600
    assert scores["alarm"][400:460].any()
    assert scores["contributions"][420][0]["metric"] == "power"
    assert report["notes"] == []


def test_csv_and_npz_are_read_as_parquet_is(judge, tmp_path, capsys):
    """The same readings give the same scores, whatever file they come in."""
    _, want = judge(readings(1000), faulty())
    for name, table in (("train", readings(1000)), ("test", faulty())):
        table.write_csv(tmp_path / f"{name}.csv")
        np.savez(tmp_path / f"{name}.npz", **{name: table.to_numpy(), "columns": table.columns})
    for kind in ("csv", "npz"):
        files = [tmp_path / f"{name}.{kind}" for name in ("train", "test")]
        files.append(tmp_path / "out.parquet")
        words = ["--train", files[0], "--test", files[1], "--interval", "60", "--out", files[2]]
        assert run(["score", *map(str, words), "--json"]) == 0
        assert pl.read_parquet(files[2])["score"].to_numpy() == pytest.approx(want["score"])
    capsys.readouterr()


def test_no_look_ahead(judge):
    """The beginning of a table is judged the same without its end."""
    _, whole = judge(readings(1000), faulty())
    _, part = judge(readings(1000), faulty().head(450))
    assert part["score"].to_numpy() == pytest.approx(whole["score"][:450].to_numpy(), rel=1e-5)


def test_order_of_columns_does_not_matter(judge):
    """Metrics are told by name."""
    _, one = judge(readings(1000), faulty())
    _, other = judge(readings(1000), faulty().select("noise", "power", "load"))
    assert one["score"].equals(other["score"])


def test_columns_that_come_and_go_are_named(judge):
    """A metric in one table alone is left out of both, and the report says so."""
    report, scores = judge(
        readings(1000).with_columns(old=pl.lit(1.0)), faulty().with_columns(new=pl.lit(2.0))
    )
    assert report["metrics"] == 3
    assert "'old' not judged: in the training table alone" in report["notes"]
    assert "'new' not judged: not in the training table" in report["notes"]
    assert scores["score"].arg_max() in range(400, 470)


def test_unknown_and_infinite_readings_are_counted(judge):
    """Empty, infinite and never known columns are survived and said; gaps raise the score."""
    train = readings(1000).with_columns(never=pl.lit(None, pl.Float64), same=pl.lit(3.0))
    gaps = pl.when(pl.int_range(pl.len()) >= 500).then(None)
    test = faulty().with_columns(
        gaps.otherwise(pl.col("load")).alias("load"),
        gaps.otherwise(pl.col("noise")).alias("noise"),
        pl.lit(3.0).alias("same"),
        pl.lit(1.0).alias("never"),
    )
    test = test.with_columns(
        pl.when(pl.int_range(pl.len()) == 7).then(float("inf")).otherwise("power").alias("power")
    )
    report, scores = judge(train, test)
    assert "'never' not judged: never known in training" in report["notes"]
    assert "test: 1 infinite readings count as unknown" in report["notes"]
    assert scores["score"][550:].min() > scores["score"][100:300].max()
    assert scores["contributions"][590][0]["metric"] == "(unknown readings)"


def test_three_training_rows_are_judged_with_less(judge):
    """The fewest rows still tell far from near, and the report says what is missing."""
    report, scores = judge(readings(3), faulty())
    assert "3 training rows are few" in report["notes"][0]
    assert (scores["score"] > 0).all()


def test_budget_of_none_raises_no_alarm(judge):
    """Without a budget nothing is an alarm, though scores are as ever."""
    _, scores = judge(readings(1000), faulty(), "--budget", "0/day")
    assert not scores["alarm"].any()


def test_numbers_kept_as_text_and_other_text(judge):
    """A column of numbers in quotes is read, one of words is left out and named."""
    train = readings(1000).with_columns(pl.col("load").cast(pl.String), rack=pl.lit("b7"))
    report, _ = judge(train, faulty())
    assert report["metrics"] == 3
    assert "'rack' is left out: it holds no numbers" in report["notes"]


def test_times_are_kept_and_must_rise(judge):
    """A column of instants goes to the output; rows out of order are refused."""
    test = faulty().with_columns(
        at=pl.datetime(2026, 3, 1) + pl.duration(minutes=pl.int_range(pl.len()))
    )
    _, scores = judge(readings(1000), test)
    assert scores["time"].equals(test["at"].alias("time"))
    assert "not in the order of 'at'" in judge(readings(1000), test.reverse(), status=2)


@pytest.mark.parametrize(
    ("train", "test", "more", "error"),
    [
        (readings(2), readings(9), (), "2 rows; at least 3"),
        (readings(9).select("load"), readings(9).select("noise"), (), "no known metric in common"),
        (pl.DataFrame({"a": ["x"] * 9}), readings(9), (), "no column of numbers"),
        (readings(9), readings(9), ("--budget", "often"), "--budget is 'often'"),
    ],
)
def test_what_cannot_be_judged_is_refused(judge, train, test, more, error):
    """A clear error with exit 2, and no output."""
    assert error in " ".join(judge(train, test, *more, status=2).split())


def test_no_rows_to_judge_give_no_verdicts(judge):
    """An empty test table gives an empty output of the same columns."""
    _, scores = judge(readings(1000), readings(1000).head(0))
    assert scores.height == 0
    assert scores.columns == ["row", "score", "p_value", "alarm", "contributions"]


def flat(rows, seed, at=None):
    """One metric around 30; at row `at` two deviations more."""
    values = np.random.default_rng(seed).normal(30.0, 1.0, rows)
    if at is not None:
        values[at] = 32.0
    return pl.DataFrame({"fan": values})


@pytest.mark.parametrize("at", [0, 200])
def test_two_deviations_are_no_alarm_wherever_they_come(judge, at):
    """A reading that is ordinary in the middle of a table is ordinary in its first row, too."""
    report, scores = judge(flat(1440, 0), flat(400, 1, at))
    assert not scores["alarm"].any()
    assert (report["alarms"], report["occasions"]) == (0, 0)
    assert scores["p_value"][at : at + 32].min() > 1e-3


def test_a_fault_in_the_first_row_is_an_alarm(judge):
    """What is far from all that training held is told from the first row on."""
    test = flat(400, 1).with_columns(
        pl.when(pl.int_range(pl.len()) < 3).then(60.0).otherwise("fan").alias("fan")
    )
    _, scores = judge(flat(1440, 0), test)
    assert scores["alarm"][0]


def test_the_report_counts_rows_and_occasions_and_names_the_strangest(judge, tmp_path, capsys):
    """Both numbers for programs, one sentence for people, and the row to look at."""
    report, scores = judge(readings(4000), faulty(), "--budget", "1/day")
    rows = scores.with_row_index("n").filter("alarm")["n"]
    assert report["alarms"] == len(rows)
    assert report["occasions"] == 1 + int((rows.cast(pl.Int64).diff() > 32).sum())
    assert f"the strangest is row {scores['score'].arg_max()}" in report["next_step"]
    words = ["--train", tmp_path / "train.parquet", "--test", tmp_path / "test.parquet"]
    words += ["--interval", "60s", "--budget", "1/day", "--out", tmp_path / "scores.parquet"]
    assert run(["score", *map(str, words)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"{len(rows)} rows on {report['occasions']} occasion" in said


@pytest.mark.parametrize("read", ["--train", "--test"])
@pytest.mark.parametrize("link", [None, "symlink_to", "hardlink_to"])
def test_a_table_that_is_read_is_not_written(tmp_path, capsys, read, link):
    """The error names the file, which keeps its readings, also behind a link."""
    files = {"--train": tmp_path / "a.csv", "--test": tmp_path / "b.csv"}
    for path in files.values():
        readings(300).write_csv(path)
    out, held = files[read], files[read].read_bytes()
    if link is not None:
        out = tmp_path / "out.parquet"
        getattr(out, link)(files[read])
    words = [str(word) for pair in files.items() for word in pair]
    assert run(["score", *words, "--interval", "60s", "--out", str(out)]) == 2
    said = "".join(capsys.readouterr().err.split())
    assert files[read].name in said
    assert "Nameanother--out" in said
    assert files[read].read_bytes() == held


def test_another_ending_than_parquet_is_refused(judge, tmp_path):
    """Parquet is not written under a name that says CSV."""
    said = judge(readings(300), readings(300), "--out", str(tmp_path / "s.csv"), status=2)
    assert "what is written is Parquet" in " ".join(said.split())
    assert not (tmp_path / "s.csv").exists()
