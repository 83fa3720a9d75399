"""A study as a page: what was found, drawn, and nothing that loads or runs."""

import re

from boxwatch.reports import study_page
from boxwatch.store import Study, Trial

USUAL = {"courses": False, "pca.trim": 0.02, "<b>odd</b>": 4}


def page(*trials):
    """The page of a study with these trials."""
    began = "2026-03-01T00:00:00+00:00"
    return study_page(Study("first", "detectors", "share found", began, {}, USUAL, trials))


def trial(number, objective, **values):
    """A trial that came to its end, or was given up."""
    state = "finished" if objective is not None else "pruned"
    return Trial(number, state, {**USUAL, **values}, objective, (0.1,), 1.5)


def test_the_best_options_stand_beside_the_usual_ones():
    """With what each reached."""
    text = page(trial(0, 0.25), trial(1, 0.75, **{"pca.trim": 0.0625}), trial(2, None))
    assert "trial 1, 0.7500" in text
    assert "usual (0.2500)" in text
    assert "0.0625" in text
    assert "1 pruned" in text


def test_each_option_has_a_picture_with_a_dot_for_each_trial():
    """And one of how far the search came, trial by trial."""
    text = page(trial(0, 0.25), trial(1, 0.75), trial(2, 0.5))
    assert text.count("<svg") == 1 + len(USUAL)
    assert text.count("<circle") == 3 * text.count("<svg")
    assert len(re.findall(r'class="dot best"', text)) == text.count("<svg")


def test_the_page_loads_and_runs_nothing():
    """Names are shown as they are, whatever they hold."""
    text = page(trial(0, 0.25))
    assert "<b>odd" not in text
    assert "&lt;b&gt;odd" in text
    assert not re.search(r"<script|<link|<img|src=|https?://", text)


def test_a_study_without_a_whole_trial_says_so():
    """Nothing is drawn."""
    assert "No trial came to its end yet" in page()
    assert "<svg" not in page(trial(0, None))
