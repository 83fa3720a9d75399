"""Messages made fit to read."""

import polars as pl
import pytest

from boxwatch.events.text import clean


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m text", "red text"),
        ("\x1b]0;title\x07prompt", "prompt"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b(Bascii", "ascii"),
        ("\x9b31mred", "red"),
        ("cut \x1b[3", "cut ␛[3"),
        ("end\r\n", "end"),
        ("\n\n", ""),
        ("tab\tand\nline", "tab\tand\nline"),
        ("nul\x00bell\x07", "nul␀bell␇"),
        ("10%\r20%", "10%␍20%"),
        ("del\x7f", "del␡"),
        ("é\u2028😀", "é\u2028😀"),
        ("", ""),
    ],
)
def test_a_message_is_cleaned(raw: str, shown: str) -> None:
    """Escapes go, line ends go, other controls become visible; the rest stays."""
    assert clean(pl.Series([raw, "clean"])).to_list() == [shown, "clean"]
