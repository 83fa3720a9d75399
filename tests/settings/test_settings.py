from pathlib import Path

import pytest

from boxwatch.errors import SettingError
from boxwatch.settings import load


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(text, file="boxwatch.toml"):
    """A settings file with `text`."""
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_defaults_hold_without_any_file():
    """Every setting has a default that is allowed, and says so."""
    settings = load(environ={})
    assert settings.data_collection.interval_seconds == 1
    assert settings.data.retention_size == 20 * 2**30
    assert {row.origin for row in settings.rows()} == {"default"}


def test_every_setting_is_described():
    """Every row has a help sentence and says in words what is allowed."""
    for row in load(environ={}).rows():
        assert row.help.endswith("."), row.path
        assert row.allowed, row.path


def test_a_named_unit_stands_in_the_name():
    """A setting whose name ends in a unit has that unit."""
    rows = {row.path: row.unit for row in load(environ={}).rows()}
    for path, unit in rows.items():
        last = path.rsplit("_", 1)[-1]
        if last in {"seconds", "minutes", "days"}:
            assert unit == last, path


def test_later_wins():
    """The environment wins over the file, the command line over both."""
    write('[data]\nfolder = "a"\nretention_days = 3\n[models]\nseed = 4\n')
    settings = load(
        environ={"BOXWATCH_DATA__FOLDER": "b", "BOXWATCH_MODELS__SEED": "5"},
        overrides={"data.folder": Path("c")},
    )
    assert (settings.data.folder, settings.models.seed) == (Path("c"), 5)
    assert settings.data.retention_days == 3


def test_where_names_the_origin():
    """`where` names the file, the variable, the command line or the default."""
    write("[data]\nretention_days = 3\n")
    settings = load(
        environ={"BOXWATCH_MODELS__SEED": "5"}, overrides={"service.metrics_port": 8000}
    )
    assert settings.where("data.retention_days") == "boxwatch.toml"
    assert settings.where("models.seed") == "BOXWATCH_MODELS__SEED"
    assert settings.where("service.metrics_port") == "command line"
    assert settings.where("live.batch_seconds") == "default"


def test_where_of_an_unknown_setting_is_an_error():
    """Asking for a setting that is not there suggests the one that is."""
    with pytest.raises(SettingError, match=r"Did you mean 'data\.folder'"):
        load(environ={}).where("data.foldr")


def test_the_working_folder_wins_over_the_home():
    """The nearest file is used, and only that one."""
    write("[models]\nseed = 1\n", "home/.config/boxwatch/boxwatch.toml")
    assert load(environ={"HOME": "home"}).models.seed == 1
    write("[models]\nseed = 2\n")
    assert load(environ={"HOME": "home"}).models.seed == 2


def test_units_are_read_in_files_and_variables():
    """Durations and sizes may carry their unit anywhere."""
    write('[data]\nretention_days = "2w"\nretention_size = "256MB"\n')
    settings = load(environ={"BOXWATCH_DATA_COLLECTION__COLLECTION_DURATION_MINUTES": "1h"})
    assert settings.data.retention_days == 14
    assert settings.data.retention_size == 256_000_000
    assert settings.data_collection.collection_duration_minutes == 60


def test_lists_and_rules_come_from_the_environment():
    """Lists are separated by commas; rule ids have underscores for hyphens."""
    settings = load(
        environ={
            "BOXWATCH_DATA_COLLECTION__UNITS": "ssh.service, cron.service",
            "BOXWATCH_DETECTIONS__RULES__GPU_FELL_OFF_BUS__SEVERITY": "low",
        }
    )
    assert settings.data_collection.units == ("ssh.service", "cron.service")
    assert settings.detections.rules["gpu-fell-off-bus"].severity == "low"
    assert settings.where("detections.rules").endswith("SEVERITY")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[data]\nretention_day = 1", "Did you mean 'data.retention_days'"),
        ("retention_days = 1", "Did you mean 'data.retention_days'"),
        ("[soruces.docker]\nenabled = false", "Did you mean 'sources'?"),
        ('[live]\nbatch_seconds = "10 parsecs"', '"30s", "5m", "1h", "7d"'),
        ("[live]\nbatch_seconds = -1", "live.batch_seconds = -1 (from boxwatch.toml)"),
        ("[data]\nretention_size = '10s'", '"256MB", "256MiB"'),
        ("[data_collection]\ninterval_seconds = 0", "from 0.1 s to 1 h"),
        ("[detections]\nfalse_alarms_per_host_week = nan", "a number above 0"),
        ("[detections.rules.x]\nseverity = 'bad'", "info, low, medium, high or critical"),
        ("[detections.rules.x]\ncolour = 'red'", "detections.rules.x.colour"),
        ("[sources.docker]\nenabled = 'perhaps'", "true or false"),
        ("[service]\nmetrics_port = 99999", "from 1 to 65535"),
        ("data = 3", "a section with settings of its own"),
        ("[data", "is not TOML"),
        ("[service]\nmetrics_token = 'x'", "BOXWATCH_SERVICE__METRICS_TOKEN"),
    ],
)
def test_wrong_files_are_refused(text, says):
    """A wrong file is refused with what, where, and what is allowed."""
    write(text)
    with pytest.raises(SettingError) as refused:
        load(environ={})
    assert says in str(refused.value)


def test_unknown_variables_are_refused():
    """A variable with our prefix that sets nothing is a mistake, not a silence."""
    with pytest.raises(SettingError, match=r"BOXWATCH_MODELS__SEDE.*models\.seed"):
        load(environ={"BOXWATCH_MODELS__SEDE": "1"})


def test_a_variable_cannot_be_set_below_a_value():
    """A section where the file has a value is a contradiction and refused."""
    write("data = 3")
    with pytest.raises(SettingError, match="is a section, not a value"):
        load(environ={"BOXWATCH_DATA__FOLDER": "x"})


def test_several_mistakes_are_all_named():
    """One message names every mistake."""
    write("[live]\nbatch_seconds = -1\n[data]\nretention_days = -1\n")
    with pytest.raises(SettingError, match=r"data\.retention_days.*live\.batch_seconds"):
        load(environ={})


def test_a_given_file_must_exist():
    """`--config` with a missing file is an error, not a fall-back to defaults."""
    with pytest.raises(SettingError, match=r"'none\.toml' cannot be read: No such file"):
        load(Path("none.toml"), environ={})


def test_a_secret_is_never_shown():
    """The token is masked in rows and in the tree's own printing."""
    settings = load(environ={"BOXWATCH_SERVICE__METRICS_TOKEN": "hush-hush"})
    assert settings.metrics_token() == "hush-hush"
    assert "hush" not in repr(settings) + repr(settings.rows())


def test_a_token_comes_from_its_file():
    """The token file is read without its newline; an empty one is refused."""
    write("hush\n", "token")
    settings = load(environ={"BOXWATCH_SERVICE__METRICS_TOKEN_FILE": "token"})
    assert settings.metrics_token() == "hush"
    write("\n", "token")
    with pytest.raises(SettingError, match="'token' is empty"):
        settings.metrics_token()


def test_the_tree_is_frozen():
    """No part of the running product can change a setting."""
    with pytest.raises(ValueError, match="frozen"):
        load(environ={}).data.retention_days = 1


def test_masks_of_ones_own_keep_their_order():
    """The table of the file, name and regular expression; each variable is one more."""
    write("[logs.masks]\ntenant = 'tenant-[a-z]+'\nbuild = '[a-z]+-SNAPSHOT'\n")
    masks = load(environ={"BOXWATCH_LOGS__MASKS__SHARD": "shard [a-z]"}).logs.own_masks()
    assert [(mask.name, mask.pattern) for mask in masks] == [
        ("tenant", "tenant-[a-z]+"),
        ("build", "[a-z]+-SNAPSHOT"),
        ("shard", "shard [a-z]"),
    ]


@pytest.mark.parametrize("pattern", ["(", "(a)b", "a*", "(?=a)b"])
def test_a_mask_that_cannot_be_one_is_refused(pattern):
    """The error names the file, the mask, its pattern, why it is none and what is allowed."""
    write(f"[logs.masks]\ntenant = '{pattern}'\n")
    with pytest.raises(SettingError) as refused:
        load(environ={})
    for said in ("logs.masks", "boxwatch.toml", "tenant", pattern, "capturing groups"):
        assert said in str(refused.value), said
