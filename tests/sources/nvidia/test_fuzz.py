"""Whatever nvidia-smi prints, the source goes on, and the next reading is read."""

import asyncio
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from boxwatch.sources import Completed, NvidiaOptions, NvidiaSource, Output, Pauses
from boxwatch.sources.nvidia_fields import choose, has_no_cards, lost_card, refused_field

HELP = b'"index"\n"uuid"\n"pci.bus_id"\n"temperature.gpu"\n"pstate"\n'
ROW = b"0, GPU-1111, 00000000:01:00.0, 44, P2\n"
WORDS = (
    "0", "1", "2", "GPU-1111", "GPU-2222", "[N/A]", "[GPU is lost]", "ERR!", "", "00000000:01:00.0",
    "00000000:02:00.0", "44", "P2", "²", "\x00", "index", "No devices were found",
    "device handle for GPU 0000:01:00.0: lost", 'Field "pstate" is not a valid field to query.',
)  # fmt: skip
LINES = st.one_of(
    st.binary(max_size=60).map(lambda line: line.replace(b"\n", b" ")),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(lambda w: ", ".join(w).encode()),
)


class Script:
    """A shell on which nvidia-smi prints what it is told to, once, and then waits."""

    def __init__(self, lines):
        self._lines = lines

    async def run(self, argv, *, limit_s, limit_bytes=0):
        del argv, limit_s, limit_bytes
        return Completed(0, HELP, b"")

    async def stream(self, argv, feed=None):
        del argv, feed
        for line in self._lines:
            yield Output(line + b"\n")
        yield Output(ROW + ROW)
        await asyncio.sleep(3600)


def rows_of(lines):
    """The rows that come of `lines` and two readings after them."""

    async def go():
        options = NvidiaOptions(processes_every_s=0, pauses=Pauses(0.0, 0.0), first_row_s=3600)
        source = NvidiaSource(Script(lines), "box", None, options)
        chunks = []
        try:
            async with asyncio.timeout(60):
                while not any(b'"P2"' in c.lines for c in chunks if c.kind == "gpu"):
                    chunks += await source.read()
                    await asyncio.sleep(0)
            return chunks, source.position()
        finally:
            await source.close()

    return asyncio.run(go())


@settings(deadline=None, max_examples=50)
@given(st.lists(LINES, max_size=8))
def test_no_line_hides_the_next_reading(lines):
    """Rows are JSON, each of a card with an index, and the position can be taken up again."""
    chunks, position = rows_of(lines)
    found = [json.loads(line) for c in chunks if c.kind == "gpu" for line in c.lines.splitlines()]
    assert any(row["temperature.gpu"] == "44" for row in found)
    assert all(row["index"].isdecimal() for row in found)
    again = NvidiaSource(Script([]), "box", json.loads(json.dumps(position)))
    assert again.position() == position


@settings(deadline=None)
@given(st.text(max_size=120))
def test_any_words_are_understood_or_not(text):
    """Complaints and help texts of any shape do no harm."""
    assert isinstance(choose(text), list)
    for reading in (lost_card, refused_field, has_no_cards):
        reading(text)
