"""Studies on disk: whole, read back as they were, refused where they are damaged."""

import pytest

from boxwatch.errors import StoreDamaged, UsageError
from boxwatch.store import Study, Trial, read_study, study_names, write_study

USUAL = {"pca.trim": 0.02, "courses": False}


def study(*objectives, name="first"):
    """A study whose trials reached `objectives`, the first with the usual options."""
    trials = tuple(
        Trial(number, "pruned" if one is None else "finished", {**USUAL, "n": number}, one, (0.1,))
        for number, one in enumerate(objectives)
    )
    return Study(
        name, "detectors", "found", "2026-03-01T00:00:00+00:00", {"rows": {}}, USUAL, trials
    )


def test_a_study_is_read_back_as_it_was_written(tmp_path):
    """With its trials, and by its name."""
    written = study(0.5, None, 0.7)
    write_study(tmp_path, written)
    assert read_study(tmp_path, "first") == written
    assert study_names(tmp_path) == ["first"]


def test_the_best_of_equal_trials_is_the_first():
    """The usual options stay where nothing is better than they are."""
    assert study(0.5, 0.7, None, 0.7).best.number == 1
    assert study(None).best is None


def test_the_trial_with_the_usual_options_is_known():
    """It is what the others are held against."""
    usual = Trial(1, "finished", USUAL, 0.4)
    assert study(0.5).after((Trial(0, "failed", USUAL, None), usual)).first == usual
    assert study(0.5).first is None


def test_a_study_that_is_not_there_is_said_to_be_missing(tmp_path):
    """With those that are."""
    write_study(tmp_path, study(0.5))
    with pytest.raises(UsageError, match="There are: first"):
        read_study(tmp_path, "second")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"trials": 3}', b'{"trials": [{}]}']
)
def test_a_damaged_study_is_refused(tmp_path, content):
    """It says which file, and what to do."""
    write_study(tmp_path, study(0.5))
    (tmp_path / "studies" / "first.json").write_bytes(content)
    with pytest.raises(StoreDamaged, match=r"first\.json.*--study"):
        read_study(tmp_path, "first")


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 65, "a b"])
def test_names_that_would_leave_the_folder_are_refused(tmp_path, name):
    """A name is letters, digits, dots, hyphens and underscores."""
    with pytest.raises(UsageError, match="no name of a study"):
        write_study(tmp_path, study(0.5, name=name))
    assert list(tmp_path.iterdir()) == []
