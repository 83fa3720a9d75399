"""`logs templates`, `logs new`, `logs rare` over a real store."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from tests.wiring.command import boxwatch, well
from tests.wiring.logged import NOON, line, stored

from boxwatch.events.vocabulary import template_id
from boxwatch.features import WindowBuilder
from boxwatch.pulse import unheard
from boxwatch.store import EventStore
from boxwatch.wiring import LogPlace, LogSelection, log_templates

USERS = ("ann", "ben", "cy", "dan", "eve")


def asked(data, *arguments):
    """What `boxwatch logs` answers as JSON."""
    return well("logs", *arguments, "--json", "--data", data).json


def counts(data, *arguments):
    """Lines by template."""
    found = asked(data, "templates", *arguments)
    return {one["template"]: one["lines"] for one in found["templates"]}


@pytest.fixture
def busy(tmp_path):
    """Two services, two days, and one line that came once."""
    return stored(
        tmp_path / "data",
        [line(f"took {n} ms", n) for n in range(30)],
        [line("fan failed", 40, unit="fand.service", container_name=None, severity=17)],
        [line(f"took {n} ms", 1440 + n, container_name="web") for n in range(10)],
    )


def test_kinds_are_counted(busy):
    """How often, when first and last, by whom, how bad, and an example."""
    report = asked(busy, "templates")
    assert (report["lines"], report["kinds"], report["untold"]) == (41, 2, 0)
    took, failed = report["templates"]
    assert (took["template"], took["lines"], took["services"]) == ("took <*>", 40, ["api", "web"])
    assert took["template_id"] == str(template_id("took <*>"))
    assert took["first"] == "2026-03-01T12:00:00Z"
    assert took["last"] == "2026-03-02T12:09:00Z"
    assert took["example"] == "took 9 ms"
    assert (failed["services"], failed["severity"], failed["hosts"]) == (["fand"], 17, ["box"])


@pytest.mark.parametrize(
    ("order", "first"), [("count", "took <*>"), ("first", "fan failed"), ("last", "took <*>")]
)
def test_the_order_is_the_one_asked_for(busy, order, first):
    """Most lines, newest kind, or latest line first; --limit cuts after that."""
    found = asked(busy, "templates", "--sort", order, "--limit", "1")
    expected = "took <*>" if order == "first" else first
    assert [one["template"] for one in found["templates"]] == [expected]
    assert found["kinds"] == 2


def test_a_selection_is_exact_to_the_microsecond(busy):
    """Times within a kept slot of ten minutes are counted from the lines themselves."""
    since, until = "2026-03-01T12:07:00Z", "2026-03-01T12:23:00.000001Z"
    assert counts(busy, "--since", since, "--until", until) == {"took <*>": 17}
    assert counts(busy, "--since", since, "--until", "2026-03-01T12:08:00Z") == {"took <*>": 1}
    assert counts(busy, "--since", "2026-03-01T12:10Z", "--until", "2026-03-01T12:20Z") == {
        "took <*>": 10
    }


def test_a_selection_by_service_and_host(busy):
    """A service goes by its name in incidents or by its unit."""
    assert counts(busy, "--service", "web") == {"took <*>": 10}
    for name in ("fand", "fand.service", "service:fand"):
        assert counts(busy, "--service", name) == {"fan failed": 1}
    stored(busy, [line("took 1 ms", host="other")])
    assert counts(busy, "--host", "other") == {"took <*>": 1}


def test_asking_again_is_the_same_while_lines_come(busy):
    """Kept or not, merged or not: the answer is that of the lines."""
    before = counts(busy)
    assert counts(busy) == before
    stored(busy, *([line("took 1 ms", 60 + n)] for n in range(20)))
    with EventStore.open(busy, writable=True) as store:
        store.compact(budget_s=60)
    assert counts(busy) == {"took <*>": before["took <*>"] + 20, "fan failed": 1}


def test_asking_while_lines_are_stored_and_merged(tmp_path):
    """Every answer is that of whole batches, and none of them is lost on the way."""
    data = stored(tmp_path / "data", [line(f"took {n} ms") for n in range(7)])

    def store_more():
        for _ in range(40):
            stored(data, [line(f"took {n} ms") for n in range(7)])
            with EventStore.open(data, writable=True) as store:
                store.compact(budget_s=60)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(store_more)
        seen = [7]
        while not writing.done():
            seen += [log_templates(LogPlace(data), LogSelection(), "count", None, unheard).lines]
        writing.result()
    assert all(lines % 7 == 0 for lines in seen)
    assert seen == sorted(seen)
    assert counts(data) == {"took <*>": 41 * 7}


@pytest.mark.parametrize("question", ["new", "templates", "rare"])
def test_a_time_without_lines_says_when_the_newest_was(busy, question):
    """Nothing is new since then, because nothing came since then."""
    told = well("logs", question, "--since", "2026-03-05", "--data", busy).err
    newest = (NOON + timedelta(minutes=1449)).astimezone()
    assert f"newest {'' if question == 'new' else 'stored line '}is of" in told
    assert f"{newest:%Y-%m-%d %H:%M:%S}" in told
    told = well("logs", question, "--since", "2026-03-02T12:05Z", "--data", busy).err
    assert "newest" not in told


def test_a_line_without_a_time_is_counted(tmp_path):
    """It has no first and last, and is in no span of time."""
    data = stored(tmp_path / "data", [line("when", time=None), line("then")])
    assert counts(data) == {"when": 1, "then": 1}
    assert counts(data, "--since", "2026-01-01") == {"then": 1}


def watched_ids(data):
    """The ids that watching gives the lines of `data` in the end, by message."""
    builder = WindowBuilder()
    with EventStore.open(data, writable=False) as store:
        for batch in store.batches():
            builder.add(batch.events, batch.now)
    return lambda message: str(template_id(builder.miner.line(message).template))


def logins(users, minutes=0):
    """A line in which only a word varies, for each user."""
    return [line(f"the user {name} has logged in", minutes) for name in users]


@pytest.mark.parametrize("judged", [False, True])
def test_ids_are_those_that_watching_uses(tmp_path, judged):
    """Words that vary are found as watching finds them, judged or not, whatever is asked."""
    data = stored(tmp_path / "data", logins(USERS[:2]), logins(USERS[2:4], 30))
    if judged:
        well("detect", "--data", data)
    stored(data, logins(USERS[4:], 60))
    expected = watched_ids(data)("the user ann has logged in")
    for question in ((), ("--until", "2026-03-01T12:10Z"), ("--since", "2026-03-01T12:50Z")):
        (kind,) = asked(data, "templates", *question)["templates"]
        assert kind["template"] == "the user <*> has logged in"
        assert kind["template_id"] == expected


def test_watching_remembers_words_whose_lines_are_forgotten(tmp_path):
    """After retention the template is still the one that watching has."""
    data = stored(tmp_path / "data", logins(USERS[:4]), logins(USERS[4:], 1440 * 3))
    well("detect", "--data", data)
    with EventStore.open(data, writable=True) as store:
        store.retain(1, None, store.head().now)
        assert store.logs().collect().height == 1
    assert counts(data) == {"the user <*> has logged in": 1}


def test_a_damaged_checkpoint_is_told_and_worked_without(tmp_path):
    """The vocabulary is learned from the lines again, as watching will."""
    data = stored(tmp_path / "data", logins(USERS))
    well("detect", "--data", data)
    with EventStore.open(data, writable=True) as store, store._database.transaction() as change:
        change.execute("UPDATE stages SET state = x'00'")
    answer = well("logs", "templates", "--json", "--data", data)
    assert answer.json["templates"][0]["template"] == "the user <*> has logged in"
    assert "checkpoint" in answer.err


def test_new_kinds_are_held_against_all_before(busy):
    """A kind is new to the service that had not written it; how much was before is said."""
    found = asked(busy, "new", "--since", "2026-03-01T12:35Z")
    assert [(one["template"], one["services"]) for one in found["templates"]] == [
        ("fan failed", ["fand"]),
        ("took <*>", ["web"]),
    ]
    assert found["history_lines"] == 30
    assert found["history_from"] == "2026-03-01T12:00:00Z"


def test_a_known_kind_is_not_new(busy):
    """Another word in a place for words makes no new kind."""
    stored(busy, logins(USERS[:4]), logins(USERS[4:], 90))
    found = asked(busy, "new", "--since", "2026-03-01T13:00Z", "--service", "api")
    assert found["templates"] == []


def test_without_a_history_every_kind_is_new_and_that_is_said(busy):
    """Nothing is stored before: a person is told so."""
    answer = well("logs", "new", "--since", "2026-01-01", "--data", busy)
    assert "every kind is new" in answer.err
    assert "fan failed" in answer.out


def test_rare_kinds_come_in_numbers(busy):
    """The least first: how many of how many lines, in how long."""
    answer = well("logs", "rare", "--data", busy)
    assert re.search(r"1 of 41 lines in 1 d.*\n.*fand.*\n +fan failed", answer.out)
    assert answer.out.index("fan failed") < answer.out.index("took <*>")


def test_too_many_kinds_are_counted_and_said(tmp_path, monkeypatch):
    """Beyond the bound lines are counted, and that their kinds are not named is said."""
    monkeypatch.setattr("boxwatch.wiring.log_kinds._MOST", 3)
    words = ("red", "orange yellow", "green blue teal", "a b c d", "u v w x y z")
    data = stored(tmp_path / "data", [line("often"), line("often"), *map(line, words)])
    answer = well("logs", "templates", "--data", data)
    assert "of too many different kinds" in answer.err
    report = asked(data, "templates")
    assert report["lines"] == 7
    assert report["untold"] == 3
    assert report["templates"][0]["template"] == "often"


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("templates", "--service", "ap"), 2, "Did you mean 'api'"),
        (("templates", "--host", "bax"), 2, "Did you mean 'box'"),
        (("rare", "--service", "zzzzzz"), 2, "There are 'api'"),
        (("rare", "--service", "apxyz"), 2, "There are 'api'"),
        (("new", "--since", "last tuesday"), 2, "is no time"),
        (("rates", "--since", "1h", "--until", "2h"), 2, "is not before"),
        (("templates", "--data", "absent"), 3, "boxwatch up"),
    ],
)
def test_what_cannot_be_is_refused(busy, monkeypatch, arguments, status, says):
    """The error says what is wrong and what to do next."""
    monkeypatch.chdir(busy)
    data = () if "--data" in arguments else ("--data", busy)
    answer = boxwatch("logs", *arguments, *data)
    assert answer.status == status
    assert says in " ".join(answer.err.replace("│", " ").split())


def test_a_folder_without_lines_says_what_to_do(tmp_path):
    """Nothing stored is an error of the machine's, with the next step."""
    EventStore.open(tmp_path / "data", writable=True).close()
    for command in ("templates", "new", "rare", "rates", "search"):
        answer = boxwatch("logs", command, "--data", tmp_path / "data")
        assert answer.status == 3
        assert "boxwatch up" in answer.err


def test_a_damaged_part_is_told(busy):
    """The other lines are counted, and the missing file is named."""
    path = sorted((busy / "events" / "logs").rglob("*.parquet"))[1]
    path.write_bytes(b"PAR1")
    answer = well("logs", "templates", "--json", "--data", busy)
    assert answer.json["lines"] == 40
    assert path.name in answer.err


def test_times_without_a_zone_are_the_machines_own(busy, monkeypatch):
    """What a person types means what their clock says."""
    local = NOON.astimezone().replace(tzinfo=None)
    assert counts(busy, "--until", f"{local:%Y-%m-%d %H:%M}") == {}


def test_masks_of_the_owner_hold_here_too(tmp_path):
    """Kinds are those of the settings, also after these have changed."""
    data = stored(tmp_path / "data", [line("user ann left"), line("user ben left")])
    assert set(counts(data)) == {"user ann left", "user ben left"}
    config = tmp_path / "boxwatch.toml"
    config.write_text('[logs.masks]\nuser = "user [a-z]+"\n')
    assert counts(data, "--config", config) == {"<*> left": 2}
    well("detect", "--data", data, "--config", config)
    assert counts(data, "--config", config) == {"<*> left": 2}
    assert set(counts(data)) == {"user ann left", "user ben left"}
