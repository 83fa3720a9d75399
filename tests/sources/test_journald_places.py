"""Cursors, gaps and parts of lines: small questions with exact answers."""

import asyncio
import json
import time
from datetime import UTC, datetime

import pytest

from boxwatch.errors import SourceError
from boxwatch.events.journald import FIELDS
from boxwatch.sources import LocalShell
from boxwatch.sources.journald_export import ExportEntries
from boxwatch.sources.journald_looks import JournalLooks
from boxwatch.sources.journald_marks import (
    Boot,
    Mark,
    entries_between,
    from_position,
    last_entry,
    to_position,
)
from boxwatch.sources.journald_parts import first_open
from boxwatch.sources.journald_places import place_after
from boxwatch.sources.journald_sequence import EntryCount
from boxwatch.sources.journald_units import unit_matches

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def entry(container="a", text="x", *, partial=False, priority="6"):
    """An entry of a container, as Docker's journald driver makes them."""
    more = "CONTAINER_PARTIAL_MESSAGE=true\n" if partial else ""
    said = f"CONTAINER_ID_FULL={container}\nPRIORITY={priority}\n{more}MESSAGE={text}\n\n"
    return said.encode()


def taken(*entries):
    """Entries as they are taken from journalctl."""
    return ExportEntries("box", FIELDS).feed(b"".join(entries))


@pytest.mark.parametrize(
    ("after", "entries"),
    [
        ("s=q;i=10", 5),
        ("s=q;i=b", 0),
        ("s=q;i=a", None),
        ("s=other;i=10", None),
        ("s=q;i=x", None),
        ("", None),
    ],
)
def test_entries_are_counted_by_their_number_in_the_sequence(after, entries):
    """Numbers are hexadecimal, and mean something only within one sequence."""
    assert entries_between("s=q;i=a", after) == entries


def test_a_position_comes_back_as_it_was():
    """Through JSON, with the boots in their order."""
    mark = Mark("s=1;i=2", 7, (Boot("m", "b", 5), Boot("m", "c", 6)))
    assert from_position(json.loads(json.dumps(to_position(mark)))) == mark


def test_a_position_of_an_older_version_is_understood():
    """Those had no boots."""
    assert from_position({"cursor": "c", "realtime_us": 3}) == Mark("c", 3)


@pytest.mark.parametrize("boots", [7, [["m"]], [["m", "b", "soon"]], "abc"])
def test_a_position_with_strange_boots_is_refused(boots):
    """With what it should be."""
    with pytest.raises(SourceError, match="not a position"):
        from_position({"cursor": "c", "realtime_us": 3, "boots": boots})


def test_the_last_entry_is_that_of_the_last_readable_row():
    """Rows that are cut or have no cursor are passed over."""
    good = b'{"__CURSOR":"c","__REALTIME_TIMESTAMP":"9"}\n'
    assert last_entry(good + b'{"__CURSOR":"d"}\n{"x":') == ("c", 9)
    assert last_entry(b"\n\n") is None


def numbered(*numbers, sequence="q"):
    """Entries with these numbers in their sequence."""
    form = "__CURSOR=s={};i={:x}\n__REALTIME_TIMESTAMP=1\n\n"
    return b"".join(form.format(sequence, number).encode() for number in numbers)


@pytest.mark.parametrize(
    ("last", "entries", "lost"),
    [
        ("s=q;i=9", numbered(10, 11, 12), 0),
        ("s=q;i=9", numbered(10, 14), 3),
        ("s=q;i=9", numbered(14), 4),
        ("", numbered(10, 14), 3),
        ("", numbered(14), 0),
        ("s=q;i=9", numbered(3, sequence="p"), 0),
        ("s=q;i=9", numbered(3, sequence="p") + numbered(10), 0),
        ("s=q;i=9", numbered(5), 0),
        ("s=q;i=9", b"", 0),
    ],
)
def test_entries_that_were_left_out_are_counted(last, entries, lost):
    """By the numbers of one sequence; where those of others come between, nothing is claimed."""
    assert EntryCount(last).lost(taken(entries)) == lost


def test_counting_goes_on_from_block_to_block():
    """What is missing between two blocks is seen too."""
    count = EntryCount()
    assert [count.lost(taken(numbered(n))) for n in (1, 2, 5)] == [0, 0, 2]


def test_a_line_whose_end_is_to_come_is_found():
    """Each container and each of its streams has lines of its own."""
    whole = taken(entry(partial=True), entry())
    assert first_open([whole, None, taken(entry("b"))]) is None
    assert first_open([whole, taken(entry("b"), entry("b", partial=True), entry())]) == (1, 1)
    assert first_open([taken(entry(partial=True), entry(priority="3"))]) == (0, 0)
    assert first_open([taken(entry(partial=True)), taken(entry("b"), entry())]) is None


def test_units_are_matched_with_what_systemd_and_the_kernel_say():
    """As journalctl does for --unit, and kernel lines besides; nothing chosen is everything."""
    words = unit_matches(["ollama", "a b.mount", "ollama"])
    assert words[:5] == ["_SYSTEMD_UNIT=ollama.service", "+", "_PID=1", "UNIT=ollama.service", "+"]
    assert "_SYSTEMD_UNIT=a b.mount" in words
    assert (words[-2:], words.count("_PID=1")) == (["+", "_TRANSPORT=kernel"], 2)
    assert unit_matches([]) == []


def place(journal, mark):
    """Where to begin in the test's journal after `mark`."""
    return asyncio.run(place_after(JournalLooks(LocalShell(), journal.options), mark, NOW))


def entries(journal):
    """Cursor, time and message of what is in the journal, read one by one."""
    looks = JournalLooks(LocalShell(), journal.options)
    rows = asyncio.run(looks.last(most=10_000)).splitlines()
    return [last_entry(line + b"\n") for line in rows]


def test_a_cursor_that_is_there_is_read_after(journal):
    """No gap."""
    journal.send("x")
    journal.wait_for("x")
    cursor, micros = entries(journal)[-1]
    found = place(journal, Mark(cursor, micros))
    assert (found.arguments, found.gap) == ([f"--after-cursor={cursor}"], None)


def test_no_gap_where_only_what_was_read_is_gone(journal):
    """The entry of the cursor was the last one of the files that were removed."""
    journal.send("read")
    journal.wait_for("read")
    cursor, micros = entries(journal)[-1]
    journal.rotate()
    journal.send("next")
    journal.wait_for("next")
    for file in journal.archived():
        file.unlink()
    boots = (Boot("", boot(journal), 0),)
    found = place(journal, Mark(cursor, micros, boots))
    assert (found.arguments, found.gap) == ([f"--cursor={entries(journal)[0][0]}"], None)


def boot(journal):
    """The boot of the journal's last entry."""
    looks = JournalLooks(LocalShell(), journal.options)
    return json.loads(asyncio.run(looks.last()))["_BOOT_ID"]


def test_a_cursor_of_another_journal_is_a_gap_up_to_its_first_entry(journal):
    """Nothing of this boot was read: all of it is new, even what is earlier than the cursor."""
    journal.send("x")
    journal.wait_for("x")
    micros = time.time_ns() // 1000 + 3_600_000_000  # its clock was an hour ahead
    foreign = f"s={'1' * 32};i=9;b={'2' * 32};m=1;t={micros:x};x=1"
    found = place(journal, Mark(foreign, micros, (Boot("", "2" * 32, micros),)))
    assert found.arguments == [f"--cursor={entries(journal)[0][0]}"]
    assert (found.gap.entries, found.gap.seconds) == (None, 0.0)


def test_an_emptied_journal_is_a_gap_up_to_now(journal):
    """Nothing is left and nothing new has come."""
    known = (Boot("", boot(journal), 0),)
    micros = time.time_ns() // 1000 + 3_600_000_000
    gone = f"s={'1' * 32};i=9;b={boot(journal)};m=fffffffffff;t={micros:x};x=1"
    found = place(journal, Mark(gone, micros, known))
    assert (found.arguments[0][:9], found.gap.until) == ("--since=@", NOW)


def test_looks_refuse_with_the_state_that_says_why(tmp_path):
    """A journalctl that fails is failing, with its first line."""
    tool = tmp_path / "journalctl"
    tool.write_text("#!/bin/sh\necho 'Failed to open it' >&2\nexit 1\n")
    tool.chmod(0o755)
    looks = JournalLooks(LocalShell(env={"PATH": f"{tmp_path}:/bin"}), ())
    with pytest.raises(SourceError, match="Failed to open it") as caught:
        asyncio.run(looks.last())
    assert caught.value.state == "failing"
