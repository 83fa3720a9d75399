import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from boxwatch.bench import BENCHES
from boxwatch.cli.border import run
from boxwatch.cli.table import COMMANDS
from boxwatch.detections.known import RULES

BOXWATCH = [sys.executable, "-m", "boxwatch"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def boxwatch(*arguments, **options):
    """What a process of its own printed, and its exit status."""
    return subprocess.run(
        [*BOXWATCH, *arguments], capture_output=True, text=True, check=False, timeout=60, **options
    )


def boxwatch_python(code):
    """What a process of its own printed that ran `code`."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_help_lists_every_command(capsys):
    """The help page is the visible table, in its order."""
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    places = [shown.index(f"│ {name} ") for name in COMMANDS]
    assert places == sorted(places)


def test_help_loads_no_heavy_library():
    """Help is quick because tables, models and settings are not loaded for it."""
    code = (
        "import sys; from boxwatch.cli.border import run; run(['--help']);"
        "print(*sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    loaded = boxwatch_python(code).stderr.split()
    assert "typer" in loaded
    assert not {"polars", "numpy", "pydantic", "structlog", "prometheus_client"} & set(loaded)


def test_the_version_is_shown(capsys):
    """`--version` says which one it is."""
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("boxwatch 0.")


def test_no_command_shows_the_help():
    """Nothing asked is a question: help, and the status of wrong usage."""
    told = boxwatch()
    assert told.returncode == 2
    assert "Commands" in told.stdout + told.stderr


def test_an_unknown_command_is_answered_with_a_suggestion(capsys):
    """A slip of the finger is met with what was meant."""
    assert run(["confg"]) == 2
    assert "Did you mean 'config'" in capsys.readouterr().err


def test_wrong_usage_is_json_for_programs(capsys):
    """With --json, an error is one object on standard error."""
    assert run(["bench", "spine", "--seed", "many", "--json"]) == 2
    error = json.loads(capsys.readouterr().err)["error"]
    assert error["code"] == "BW100"
    assert "--seed" in error["message"]
    assert error["hint"] == "See `boxwatch bench --help`."


def test_a_wrong_setting_is_one_line_with_its_code(capsys, monkeypatch):
    """The code, the value, what is allowed and the next step, on one line."""
    monkeypatch.setenv("BOXWATCH_LIVE__BATCH_SECONDS", "-1")
    assert run(["config"]) == 2
    line = capsys.readouterr().err
    assert line.startswith("BW101: live.batch_seconds = '-1' (from BOXWATCH_LIVE__BATCH_SECONDS)")
    assert line.count("\n") == 1


def test_a_wrong_setting_is_json_for_programs(capsys):
    """The same, for programs."""
    assert run(["config", "--config", "none.toml", "--json"]) == 2
    error = json.loads(capsys.readouterr().err)["error"]
    assert error["code"] == "BW101"
    assert "none.toml" in error["message"]


def test_options_count_before_and_after_the_command(capsys):
    """`--data` and `--json` mean the same on either side."""
    assert run(["--json", "--data", "here", "config"]) == 0
    before = capsys.readouterr().out
    assert run(["config", "--json", "--data", "here"]) == 0
    assert capsys.readouterr().out == before
    rows = {row["path"]: row for row in json.loads(before)}
    assert rows["data.folder"]["value"] == "here"
    assert rows["data.folder"]["origin"] == "command line"


def test_config_shows_default_unit_help_and_origin(capsys, monkeypatch):
    """A person sees each setting with its value, its default and where it came from."""
    monkeypatch.setenv("BOXWATCH_DATA__RETENTION_DAYS", "2w")
    assert run(["config"]) == 0
    shown = capsys.readouterr().out
    assert "data.retention_days = 14 days  (from BOXWATCH_DATA__RETENTION_DAYS; default 30" in shown
    assert "data.retention_size = 20.0 GiB  (default)\n    Beyond this size" in shown
    assert "service.metrics_port = none" in shown


def test_benches_are_listed(capsys):
    """Without a name, the names."""
    assert run(["bench", "--json"]) == 0
    assert [row["bench"] for row in json.loads(capsys.readouterr().out)] == [*BENCHES]


def test_an_unknown_bench_is_answered_with_a_suggestion(capsys):
    """The benches there are, and the one that was meant."""
    assert run(["bench", "spnie"]) == 2
    assert "Did you mean 'spine'?" in capsys.readouterr().err


def test_what_the_system_refuses_is_an_environment_fault(tmp_path, capsys):
    """A folder that cannot be made is status 3, not a traceback."""
    (tmp_path / "file").touch()
    assert run(["stress", "disk", "--for", "1s", "--data", "file/below"]) == 3
    told = capsys.readouterr().err
    assert told.startswith("BW200: The system refused: ")
    assert "Errno" not in told


def test_a_mistake_of_ours_is_told_as_one(capsys, monkeypatch):
    """A defect has a status of its own and shows where it happened."""
    monkeypatch.setitem(COMMANDS, "config", ("boxwatch.cli.config:gone", ""))
    assert run(["config"]) == 70
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert "BW900: A mistake in Boxwatch: AttributeError" in told


def test_ctrl_c_ends_with_130():
    """Interrupted, it says nothing more than that."""
    with subprocess.Popen(
        [*BOXWATCH, "stress", "network", "--for", "60s"], stderr=subprocess.PIPE, text=True
    ) as process:
        children, end = Path(f"/proc/{process.pid}/task/{process.pid}/children"), time.time() + 60
        while not children.read_text():  # until the load has begun
            assert time.time() < end
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert "Traceback" not in process.stderr.read()


@pytest.mark.parametrize("command", [["config"], ["config", "--json"], ["rules"], ["up", "--help"]])
def test_a_reader_that_has_enough_is_no_error(command):
    """`boxwatch config | head -1` prints one line, complains about nothing and ends with 0."""
    with subprocess.Popen(
        [*BOXWATCH, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 0


def test_lines_in_a_pipe_are_whole():
    """What a person copies from a file is not cut at 80 columns, nor padded to the longest line."""
    action = RULES["nccl-timeout"].action
    assert len(action) > 80
    assert action in boxwatch("rules", "nccl-timeout").stdout
    lines = boxwatch("rules", "nccl").stdout.splitlines()
    assert not [line for line in lines if line != line.rstrip()]
    assert len(lines) == 4 + sum("nccl" in name for name in RULES)


@pytest.mark.parametrize(
    "arguments",
    [
        ["incidents", "list", "--fail-on", "hgh"],
        ["incidents", "report", "x", "--format", "hgh"],
        ["logs", "templates", "--sort", "hgh"],
        ["logs", "search", "--severity", "hgh"],
        ["stress", "hgh"],
    ],
)
def test_a_value_that_is_not_allowed_is_told_without_words_of_libraries(arguments, capsys):
    """What was given and what is allowed, and nothing of how that was found out."""
    assert run([*arguments, "--json"]) == 2
    message = json.loads(capsys.readouterr().err)["error"]["message"]
    assert "'hgh' is n" in message
    assert "Value error" not in message


def test_flags_have_no_type_in_help(capsys):
    """There is nothing to give a flag."""
    for path in ([], ["rules"], ["logs"], ["logs", "search"]):
        assert run([*path, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--ignore-case" in shown
    assert "bool" not in shown


@pytest.mark.parametrize("command", ["config", "check", "explain"])
def test_changes_to_rules_that_are_none_are_refused_everywhere(command, tmp_path, capsys):
    """Not only by the command that would apply them; rules that look like it are named."""
    (tmp_path / "boxwatch.toml").write_text("[detections.rules.unit-faild]\nenabled = false\n")
    assert run([command]) == 2
    told = capsys.readouterr().err
    assert told.startswith("BW101: There is no known-failure rule 'unit-faild'.")
    assert "Did you mean 'unit-failed'" in told


def test_no_rules_are_loaded_to_start_a_command():
    """Only who changes one in the settings pays for reading them."""
    code = (
        "import sys; from boxwatch.cli.border import run; run(['config']);"
        "print('boxwatch.detections.known' in sys.modules, file=sys.stderr)"
    )
    assert boxwatch_python(code).stderr.split() == ["False"]


def test_no_color_means_none():
    """With --no-color or NO_COLOR even a terminal gets plain text."""
    for arguments, environment in ((["--no-color"], {}), ([], {"NO_COLOR": "1"})):
        told = boxwatch("config", *arguments, env={"FORCE_COLOR": "1", **environment})
        assert told.returncode == 0, told.stderr
        assert "\x1b[32m" not in told.stdout
    assert "\x1b[" in boxwatch("config", env={"FORCE_COLOR": "1"}).stdout
