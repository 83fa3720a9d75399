"""The figures of understanding logs: their definitions, and small runs over data of our own."""

import json
import math
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from boxwatch.bench import BenchOptions, BenchResult, not_measured, this_machine
from boxwatch.bench.logs import grouping, memory, session_scores, signatures, speed, stability
from boxwatch.bench.logs.data_sets import DataSets
from boxwatch.bench.logs.peers import PEERS, Peer
from boxwatch.bench.logs.quality import quality
from boxwatch.cli.border import run as boxwatch
from boxwatch.cli.printing import json_text
from boxwatch.errors import UsageError

START = datetime(2026, 3, 1, tzinfo=UTC).replace(tzinfo=None)
ABSENT = [Peer(name, None, "there is no network") for name in PEERS]


@pytest.fixture
def folder(tmp_path):
    """Data sets of the right form: a system of three templates, and forty sessions of two lines."""
    logs = tmp_path / "data" / "logs"
    system, hdfs, health = (
        logs / name for name in ("templates-2k/Demo", "hdfs-2percent", "healthapp-20000")
    )
    for one in (system, hdfs, health):
        one.mkdir(parents=True)
    lines = [("up 1", "up <*>"), ("up 2", "up <*>"), ("down", "down"), ("No route to host", "n")]
    pl.DataFrame(lines, schema=["Content", "EventTemplate"], orient="row").write_csv(
        system / "Demo_2k.log_structured_corrected.csv"
    )
    (health / "HealthApp_20000.log").write_text("a|b|step 1\na|b|step 2\n")
    rows = [
        {
            "m_message": text,
            "m_timestamp": START + timedelta(minutes=n, seconds=m),
            "seq_id": f"s{n}",
        }
        for n in range(200)
        for m, text in enumerate(["open 1", "panic" if n % 40 == 39 else "close 2"])
    ]
    pl.DataFrame(rows).write_parquet(hdfs / "hdfs_events_2percent.parquet")
    pl.DataFrame(
        {"seq_id": [f"s{n}" for n in range(200)], "anomaly": [n % 40 == 39 for n in range(200)]}
    ).write_parquet(hdfs / "hdfs_seqs_2percent.parquet")
    return tmp_path / "data"


@pytest.fixture
def options(tmp_path):
    """A folder of the bench's own, and few lines."""
    (tmp_path / "work").mkdir()
    return BenchOptions(tmp_path / "work", size=20)


def told(truth, templates, groups=None):
    """GA, FGA and FTA of these lists."""
    found = quality(
        pl.Series(truth), pl.Series(templates), None if groups is None else pl.Series(groups)
    )
    return pytest.approx((found.ga, found.fga, found.fta))


def test_grouping_is_judged_by_whole_groups():
    """A group that is split or mixed counts for nothing; templates agree to the letter."""
    assert told(["a", "a", "b", "c"], ["a", "a", "b", "c"]) == (1, 1, 1)
    assert told(["a", "a", "b", "c"], ["x", "x", "y", "z"]) == (1, 1, 0)
    assert told(["a", "a", "b", "c"], ["a", "x", "b", "c"]) == (0.5, 4 / 7, 6 / 7)
    assert told(["a", "a", "b", "c"], ["a", "a", "a", "c"]) == (0.25, 2 / 5, 2 / 5)
    assert told(["a", "b"], ["t", "t"], [1, 2]) == (1, 1, 0)


def test_f1_needs_both():
    """Precision, recall and their harmonic mean; nothing found is 0, not an error."""
    alarm, failed = pl.Series([True, True, False]), pl.Series([True, False, False])
    assert session_scores.f1_of(alarm, failed) == pytest.approx((1 / 2, 1, 2 / 3))
    nothing = pl.Series([False] * 3)
    assert session_scores.f1_of(nothing, nothing) == (0, 0, 0)


@pytest.mark.parametrize("given", [[], ["--data-sets", "nowhere"]], ids=["none", "not there"])
def test_without_data_sets_it_says_where_to_get_them(given, capsys):
    """The option, what belongs into the folder, and where that comes from."""
    assert boxwatch(["bench", "logs", *given]) == 2
    said = capsys.readouterr().err
    assert "loghub" in said
    assert ("nowhere" if given else "--data-sets") in said


def test_what_needs_an_absent_peer_is_not_measured(options, folder):
    """It says why, and its target is not met; our own figures are there all the same."""
    figures = {one.name: one for one in speed.speed(options, DataSets(folder), ABSENT)}
    ratio = next(one for name, one in figures.items() if name.endswith("against drain3"))
    assert math.isnan(ratio.value)
    assert (ratio.met, ratio.peer) == (None, "there is no network")
    assert not BenchResult("logs", this_machine(), (ratio,)).met
    own = next(one for name, one in figures.items() if name.endswith("one core"))
    assert own.value > 0


def test_the_2k_sets_are_judged_without_peers(options, folder):
    """Means with their targets, then every set; an absent peer has a line that says why."""
    figures = {one.name: one for one in grouping.grouping(options, DataSets(folder), ABSENT)}
    assert figures["1 corrected 2k sets, mean GA"].value == 1
    assert figures["1 corrected 2k sets, mean GA"].target == 0.88
    assert figures["Demo FTA"].value == pytest.approx(2 / 3)
    assert figures["1 corrected 2k sets, mean, drain3"].peer == "there is no network"


def test_ids_are_compared_line_by_line(options, folder):
    """All three ways give the ids of the first."""
    shares = [figure.value for figure in stability.stability(options, DataSets(folder))]
    assert shares == [1, 1, 1]


def test_sessions_are_split_by_time(options, folder):
    """Five cuts; what failed says something that the others do not."""
    figures = session_scores.session_scores(options, DataSets(folder))
    scores = [figure for figure in figures if figure.name.endswith(", F1")]
    assert len(scores) == 5
    assert [figure.value for figure in scores] == [1] * 5
    assert scores[0].peer == "new templates alone"


def test_hits_are_listed_with_their_line(options, folder):
    """A pattern that matches a line of a 2k set is shown, and counts as in vain until looked at."""
    figures = signatures.signatures(options, DataSets(folder))
    wrong = next(figure for figure in figures if "no such failure" in figure.name)
    hits = [figure for figure in figures if figure.name.startswith("hit in Demo")]
    assert wrong.value == sum(figure.value for figure in hits)
    assert wrong.met is (not hits)


def test_memory_is_that_of_the_command(options, folder):
    """Peaks of `logs parse`, and nothing is left behind."""
    figures = memory.memory(options, DataSets(folder))
    peaks = [figure for figure in figures if figure.name.endswith("peak memory")]
    assert len(peaks) == 3
    assert all(20 < figure.value < 2000 for figure in peaks)
    assert list(options.folder.iterdir()) == []


def test_what_is_not_measured_is_null_for_programs():
    """No number that is none, and not the exit status of success."""
    result = BenchResult("logs", this_machine(), (not_measured("a", "times", 20, "absent"),))
    shown = json.loads(json_text(result))["figures"][0]
    assert (shown["value"], shown["target"], shown["met"]) == (None, 20, None)
    assert not result.met


def test_a_folder_without_sets_is_refused(tmp_path):
    """The first missing file is named."""
    with pytest.raises(UsageError, match="templates-2k"):
        _ = DataSets(tmp_path).systems
