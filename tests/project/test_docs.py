"""The documents say what the code says."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from typer.core import TyperGroup

from boxwatch import errors
from boxwatch.cli.reference import main, pages
from boxwatch.cli.table import COMMANDS, load
from boxwatch.pulse import MEASURES
from boxwatch.settings import load as load_settings

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
MAKEFILE = ROOT / "Makefile"
TEXTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")])
TARGET = re.compile(r"^([a-z]+):.*## ", re.MULTILINE)
each_text = pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.name)


def headings(page):
    """The second-level headings of a reference page."""
    return re.findall(r"^## (.*)$", (REFERENCE / page).read_text(), re.MULTILINE)


def blocks(text, language):
    """The fenced blocks of `language` in a document."""
    return re.findall(rf"^```{language}\n(.*?)^```", text.read_text(), re.MULTILINE | re.DOTALL)


def commands():
    """Every command and subcommand: its words."""
    for name in COMMANDS:
        command = load(name)
        yield (name,)
        if isinstance(command, TyperGroup):
            yield from ((name, inner) for inner in command.commands)


def test_the_reference_is_current():
    """Each page is what `make docs` would write."""
    for name, text in pages(MAKEFILE).items():
        assert (REFERENCE / name).read_text(encoding="utf-8") == text, f"{name}: run `make docs`"


def test_a_stale_page_is_noticed(tmp_path, capsys):
    """The check fails on a page that is missing or old, and writes nothing."""
    assert main(["--check", str(tmp_path), str(MAKEFILE)]) == 1
    assert "run `make docs`" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_reference_is_written(tmp_path):
    """Writing makes the check pass."""
    assert main([str(tmp_path / "new"), str(MAKEFILE)]) == 0
    assert main(["--check", str(tmp_path / "new"), str(MAKEFILE)]) == 0


def test_every_command_has_its_heading():
    """A command without a page entry does not ship."""
    assert {f"boxwatch {' '.join(words)}" for words in commands()} <= set(headings("commands.md"))


def test_every_setting_has_its_heading():
    """A setting without a page entry does not ship."""
    paths = {row.path for row in load_settings(environ={}).rows()}
    assert paths == set(headings("settings.md"))


def test_every_error_code_has_its_heading_and_is_unique():
    """Each class has a code of its own, and the page lists them all."""
    codes = [
        one.code
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, errors.BoxwatchError)
    ]
    assert len(codes) == len(set(codes))
    assert set(codes) == set(headings("errors.md"))


def test_every_metric_has_its_heading():
    """A metric we serve is described."""
    assert set(MEASURES) <= set(headings("metrics.md"))


def test_every_make_target_has_its_heading_and_there_are_few():
    """At most twelve targets, each with help, all on the page."""
    targets = TARGET.findall(MAKEFILE.read_text())
    assert len(targets) <= 12
    assert [f"make {target}" for target in targets] == headings("make.md")
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE.read_text(), re.MULTILINE)[1].split()
    assert set(phony) == set(targets)


@each_text
def test_links_resolve(text):
    """Every link to a file of the project leads to one."""
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text.read_text()):
        if "://" not in target:
            assert (text.parent / target).exists(), target


@each_text
def test_shell_examples_run(text):
    """Every command in an example exists and takes the options it is given."""
    for line in "".join(blocks(text, "sh")).splitlines():
        program, *words = shlex.split(line.removeprefix(".venv/bin/"), comments=True) or [""]
        if program == "make":
            assert words[0] in TARGET.findall(MAKEFILE.read_text()), line
        elif program == "boxwatch" and not {"[OPTIONS]", "[ARGS]..."} & set(words):
            command = load(words[0])
            if isinstance(command, TyperGroup):
                words = words[1:]
                command = command.commands[words[0]]
            command.make_context(words[0], words[1:])


@each_text
def test_settings_in_examples_are_allowed(text, tmp_path):
    """Every example of a settings file is one that loads."""
    for number, block in enumerate(blocks(text, "toml")):
        file = tmp_path / f"{number}.toml"
        file.write_text(block)
        assert tomllib.loads(block)
        load_settings(file, environ={})


@each_text
def test_commands_in_sentences_exist(text):
    """A command named in running text exists."""
    known = {name for (name, *_) in commands()}
    for name in re.findall(r"`boxwatch ([a-z]+)", text.read_text()):
        assert name in known, name
