"""Which fields the records of a chunk have, told from their text."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from boxwatch.events.ndjson_keys import has_keys, likely

KEYS = st.text(st.sampled_from('ab":'), max_size=4)
VALUES = st.text(st.sampled_from('ab":\\'), max_size=4)
RECORDS = st.lists(st.dictionaries(KEYS, VALUES, max_size=4), max_size=5)


@given(RECORDS, st.integers(1, 3))
def test_keys_are_never_missed(records, others):
    """Whatever quotes, colons and backslashes keys and values hold."""
    lines = b"".join(orjson.dumps(record) + b"\n" for record in records)
    assert not has_keys(lines, sum(map(len, records)) - others)


def test_escaped_quotes_end_no_key():
    """What a program says may look like a key."""
    assert has_keys(b'{"a":"x \\"b\\": 1"}\n{"c":"d"}\n', 2)


def test_keys_are_counted_in_a_long_chunk():
    """Wherever the chunk is cut while it is read, a key is counted once."""
    record = orjson.dumps({f"key{number}": "x" * number for number in range(50)}) + b"\n"
    lines = record * 1000
    assert has_keys(lines, 50_000)
    assert not has_keys(lines, 49_999)


def test_fields_are_expected_only_where_the_first_lines_have_no_others():
    """A line with a field that is not wanted, or none that can be read, makes all expected."""
    wanted = ["a", "b", "c"]
    plain = b'{"b":1}\n{"a":2}\n' * 20
    assert likely(plain, wanted) == ["a", "b"]
    assert likely(b'{"z":1}\n' + plain, wanted) == wanted
    assert likely(b"not JSON\n" + plain, wanted) == wanted
