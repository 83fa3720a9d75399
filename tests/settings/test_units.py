from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxwatch import units


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("30s", 30), ("5m", 300), ("1h", 3600), ("7d", 604800), (2.5, 2.5), ("9", 9)),
        *(("0.5 h", 1800), ("10 seconds", 10), ("30 Days", 2592000), ("14D", 1209600)),
    ],
)
def test_duration_reads(text, seconds):
    """A duration is a number, or a number with one of the usual units."""
    assert units.duration(text) == seconds


def test_duration_counts_bare_numbers_in_the_unit_of_the_place():
    """Where minutes are asked for, 2 is two minutes and "2s" still two seconds."""
    assert units.duration(2, unit=60) == 120
    assert units.duration("2s", unit=60) == 2


@pytest.mark.parametrize("text", ["10 parsecs", "-1", "-5m", "", "m", "1h30", True, "nan", "inf"])
def test_duration_refuses(text):
    """Anything else is refused with the value and what is allowed."""
    with pytest.raises(ValueError, match="allowed: a number of seconds") as refused:
        units.duration(text)
    assert repr(text) in str(refused.value)


def test_duration_refuses_numbers_that_are_none():
    """Not-a-number and infinity are no durations, even as numbers."""
    for value in (float("nan"), float("inf"), -0.5):
        with pytest.raises(ValueError, match="allowed"):
            units.duration(value)


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("256MB", 256_000_000),
        ("256MiB", 268_435_456),
        ("20GiB", 20 * 2**30),
        (17, 17),
        ("1kB", 1000),
        ("20 gb", 20 * 10**9),
    ],
)
def test_size_reads(text, size_bytes):
    """A size counts by thousands with MB and by 1024 with MiB."""
    assert units.size(text) == size_bytes


@pytest.mark.parametrize("text", ["256 megs", "-1B", "10s", "10%"])
def test_size_refuses(text):
    """A size with another unit is refused."""
    with pytest.raises(ValueError, match="allowed: a number of bytes"):
        units.size(text)


@pytest.mark.parametrize(("text", "share"), [("60%", 0.6), (0.25, 0.25), ("100 %", 1.0), (0, 0.0)])
def test_ratio_reads(text, share):
    """A share is a number from 0 to 1 or a percentage."""
    assert units.ratio(text) == share


@pytest.mark.parametrize("text", ["101%", 1.5, "-1%", "5s"])
def test_ratio_refuses(text):
    """A share beyond the whole is refused."""
    with pytest.raises(ValueError, match="allowed: a share"):
        units.ratio(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (200, "3 m 20 s"),
        (3600, "1 h"),
        (187_200, "2 d 4 h"),
        (0.25, "0.25 s"),
        (59.6, "1 m"),
        (-90, "-1 m 30 s"),
        (float("inf"), "for ever"),
    ],
)
def test_print_duration(seconds, text):
    """A duration prints as its two largest units."""
    assert units.print_duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "< 1 s"), (1.7e-05, "< 1 s"), (1.9, "1 s"), (957, "15 m 57 s"), (3900, "1 h 5 m")],
)
def test_print_lasted(seconds, text):
    """What lasted is said in whole seconds; a moment is one."""
    assert units.print_lasted(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 B"), (1_288_490_189, "1.2 GiB"), (1023, "1023 B"), (2**40 * 1500, "1500.0 TiB")],
)
def test_print_size(size_bytes, text):
    """A size prints by 1024 with one digit."""
    assert units.print_size(size_bytes) == text


def test_print_shares_counts_and_rates():
    """Shares print as percentages, counts with thousands apart."""
    assert (units.print_ratio(0.124), units.print_ratio(0.004)) == ("12 %", "0.4 %")
    assert units.print_count(1_234_567) == "1,234,567"
    assert units.print_rate(310_000.4, "lines") == "310,000 lines/s"


@given(st.floats(min_value=0, max_value=1e12, allow_nan=False))
def test_duration_reads_every_number_as_itself(seconds):
    """No finite number, however Python prints it, changes when read as a duration."""
    assert units.duration(seconds) == seconds


@given(st.integers(min_value=0, max_value=2**60))
def test_print_size_never_shows_four_digits_before_tebibytes(size_bytes):
    """Sizes move on to the next unit before 1024 of one."""
    number, unit = units.print_size(size_bytes).split()
    assert float(number) < 1024 or unit == "TiB"
