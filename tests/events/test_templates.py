"""Kinds of lines: stable, bounded, and the same however the lines come."""

import itertools
import tracemalloc

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boxwatch.events.masks import Mask
from boxwatch.events.templates import TemplateMiner
from boxwatch.events.vocabulary import VARIETY, Vocabulary, template_id
from boxwatch.pulse import REGISTRY, write_logs

NAMES = ("alice", "bob", "carol", "dave", "erin", "frank", "grace")
LOGINS = [f"the user {name} has logged in from {n}.0.0.1" for n, name in enumerate(NAMES)]
WORDS = st.sampled_from(["a", "b", "c", "d", "e", "f", "1", "22", "(", ", ", "=", "x/y", "=1"])
LINES = st.lists(st.lists(WORDS, max_size=6).map(" ".join), max_size=40)


@pytest.fixture
def said(capsys):
    """What Boxwatch logs about itself from here on, as text."""
    write_logs()
    yield lambda: capsys.readouterr().err
    write_logs(None)


def mine(miner, *batches, service="s"):
    """What the miner says of the lines of these batches."""
    frames = [
        miner.add(pl.DataFrame({"message": batch}, schema={"message": pl.String}), pl.lit(service))
        for batch in batches
    ]
    return pl.concat(frames).select("template", "template_id", "new")


def final(lines):
    """The templates that these lines end with."""
    miner = TemplateMiner()
    mine(miner, lines)
    templates, texts = miner.of(pl.Series(lines, dtype=pl.String))
    return [texts[number] for number in templates]


def test_words_that_vary_become_a_place_for_a_word():
    """From the fifth name on, a name is a name; the words around it stay."""
    told = mine(TemplateMiner(), LOGINS)["template"].to_list()
    assert told[: VARIETY - 1] == [
        f"the user {name} has logged in from <*>" for name in NAMES[: VARIETY - 1]
    ]
    assert set(told[VARIETY - 1 :]) == {"the user <*> has logged in from <*>"}


def test_short_lines_keep_their_words():
    """Few words around leave open whether a word varies or is another kind of line."""
    lines = [f"state {word}" for word in NAMES]
    assert final(lines) == lines


def test_a_word_where_a_number_stood_is_a_value():
    """One line with something masked shows that the place holds values; in either order."""
    lines = ["the new date is 7, old=null", "the new date is 8, old=12"]
    assert set(final(lines)) == set(final(lines[::-1])) == {"the new date is <*>, old=<*>"}


def test_a_list_of_values_is_one_kind_of_line():
    """The key before the value that ends a line varies as a word does, whatever stands before."""
    keys = ("n_ctx", "n_embd", "n_layer", "n_head", "n_expert", "n_vocab")
    assert set(final([f"print_info: {key} = 4096" for key in keys])) == {"print_info: <*> = <*>"}
    few = [f"{key}=4096" for key in keys[: VARIETY - 1]]
    assert len(set(final(few))) == VARIETY - 1


def test_a_merge_is_recorded():
    """The ids of before can be traced to the id of now."""
    miner = TemplateMiner()
    mine(miner, LOGINS)
    now = template_id("the user <*> has logged in from <*>")
    assert set(miner.vocabulary.merged.values()) == {now}
    assert len(miner.vocabulary.merged) == VARIETY - 1


@settings(max_examples=150, deadline=None)
@given(lines=LINES, seed=st.randoms(use_true_random=False))
def test_the_order_of_lines_does_not_matter(lines, seed):
    """The same lines in another order end with the same templates."""
    other = list(lines)
    seed.shuffle(other)
    assert dict(zip(lines, final(lines), strict=True)) == dict(
        zip(other, final(other), strict=True)
    )


@settings(max_examples=150, deadline=None)
@given(lines=LINES, cuts=st.lists(st.integers(0, 40), max_size=3))
def test_batches_of_any_size_and_single_lines_tell_the_same(lines, cuts):
    """Template, id and newness do not depend on how the lines are cut."""
    edges = [0, *sorted(min(cut, len(lines)) for cut in cuts), len(lines)]
    whole = mine(TemplateMiner(), lines).rows()
    pieces = [lines[a:b] for a, b in itertools.pairwise(edges)]
    single = TemplateMiner()
    assert mine(TemplateMiner(), *pieces).rows() == whole
    assert [tuple(single.line(line, "s")) for line in lines] == whole


@settings(max_examples=100, deadline=None)
@given(lines=LINES, cut=st.integers(0, 40))
def test_a_saved_miner_goes_on(lines, cut):
    """Through JSON and back in the middle, nothing changes."""
    first, second = TemplateMiner(), TemplateMiner()
    head = mine(first, lines[:cut])
    second.load(orjson.loads(orjson.dumps(first.save())))
    assert pl.concat([head, mine(second, lines[cut:])]).equals(mine(TemplateMiner(), lines))


def test_new_is_said_once_for_each_service():
    """The same line is new to another service."""
    miner = TemplateMiner()
    assert mine(miner, ["up", "up"])["new"].to_list() == [True, False]
    assert mine(miner, ["up"], service="other")["new"].to_list() == [True]
    assert mine(miner, ["up"])["new"].to_list() == [False]


def test_a_flood_of_unique_words_is_bounded():
    """Texts and places have a limit, what is forgotten is counted, and ids stay."""
    vocabulary = Vocabulary(texts=100, places=300)
    for n in range(2_000):
        word = "".join(chr(97 + int(digit)) for digit in str(n))
        vocabulary.learn(f"{word} said {word} to {word}s and left")
    assert len(vocabulary) == 100
    assert vocabulary.forgotten == 1_900
    assert len(orjson.dumps(vocabulary.save())) < 200_000


def test_places_for_a_word_are_bounded_too():
    """Where there is no room for another, nothing is renamed any more, and that is counted."""
    vocabulary = Vocabulary(places=50)
    for n in range(1, 60):
        for name in NAMES:
            vocabulary.learn(f"{'x' * n} {'y' * n} is for {name}")
    assert vocabulary.template("x y is for zoe") == "x y is for <*>"
    last = f"{'x' * 59} {'y' * 59} is for zoe"
    assert vocabulary.template(last) == last
    assert vocabulary.undecidable > 0


def test_long_lines_are_not_kept():
    """Lines of megabytes, one by one, leave nothing behind but their heads."""
    miner = TemplateMiner()
    tracemalloc.start()
    for n in range(20):
        miner.line(f"{n} " + "long " * 400_000)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 4_000_000


def test_forgetting_renames_nothing():
    """A kind that was merged keeps its template when its texts are long forgotten."""
    vocabulary = Vocabulary(texts=10)
    for name in NAMES:
        vocabulary.learn(f"the user {name} has logged in")
    for n in range(100):
        vocabulary.learn(f"{'x' * n} is another kind of line")
    assert vocabulary.get(f"the user {NAMES[0]} has logged in") is None
    assert vocabulary.template(f"the user {NAMES[0]} has logged in") == "the user <*> has logged in"


def test_other_masks_keep_what_is_known(said):
    """Kinds stay known under their new names, and ids of before lead to those of now."""
    before = TemplateMiner()
    old = mine(before, ["tenant-acme is over 3 GiB", "quiet"])["template_id"].to_list()
    after = TemplateMiner(masks=[Mask("tenant", "tenant-[a-z]+")])
    after.load(orjson.loads(orjson.dumps(before.save())))
    told = mine(after, ["tenant-corp is over 5 GiB", "quiet"])
    assert told["template"].to_list() == ["<*> is over <*>", "quiet"]
    assert told["new"].to_list() == [False, False]
    assert after.vocabulary.merged == {old[0]: told["template_id"][0]}
    assert said().count("masks changed") == 1


def test_what_is_forgotten_is_told(said):
    """Once in the log, and every time as a number."""
    miner = TemplateMiner(capacity=2)
    before = REGISTRY.total("boxwatch_templates_forgotten_total")
    mine(miner, ["a", "b", "c"], ["d", "e"])
    assert said().count("too many kinds of lines") == 1
    assert miner.overflow == REGISTRY.total("boxwatch_templates_forgotten_total") - before > 0


def test_a_forgotten_kind_is_new_again_under_the_same_id():
    """The capacity is for kinds; the longest unseen goes first."""
    miner = TemplateMiner(capacity=2)
    before = mine(miner, ["first"])["template_id"].item()
    mine(miner, ["second", "third"])
    again = mine(miner, ["first"])
    assert again["new"].item()
    assert again["template_id"].item() == before
    assert miner.forgotten == 2


@pytest.mark.parametrize(
    "line", ["", "\x00\x00", "\u202eabc", "🙂 " * 2000, "\x1b[31mred\x1b[0m", "\u017fK 1", "é1é"]
)
def test_strange_text_has_a_template(line):
    """Right-to-left text, emoji, escapes and NUL bytes are text like any other."""
    told = mine(TemplateMiner(), [line])
    assert told["template"].item() == TemplateMiner().line(line).template
