"""Each package has one public door: its `__init__`, with everything it offers in `__all__`.

A door that loads its parts when they are asked for lists them in `__init__.pyi`.
"""

import ast
import importlib
import importlib.util
import re
from pathlib import Path

import pytest

FOLDER = importlib.util.find_spec("boxwatch").submodule_search_locations[0]
DOORS = sorted(path for path in Path(FOLDER).rglob("__init__.py") if path.parent != Path(FOLDER))
LISTS = [path.with_suffix(".pyi") if path.with_suffix(".pyi").exists() else path for path in DOORS]
TREES = {
    ".".join(path.parent.relative_to(Path(FOLDER).parent).parts): ast.parse(path.read_text())
    for path in LISTS
}
# A room whose time has not come is an empty package: it offers nothing.
OPEN = [package for package, tree in TREES.items() if len(tree.body) > 1]


def order(name):
    """Constants, then classes, then the rest, each as a person counts: the order ruff keeps."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _is_own(node, package):
    """Whether a part of the door's own room is imported."""
    return node.level == 1 or (node.module or "").startswith(f"{package}.")


def listed(package):
    """What `__all__` of the door says, in its order."""
    last = TREES[package].body[-1]
    return ast.literal_eval(last.value)


@pytest.mark.parametrize("package", OPEN)
def test_the_door_lists_what_it_offers(package):
    """`__all__` is there, sorted, and every name in it can be had."""
    module = importlib.import_module(package)
    names = listed(package)
    assert set(names) == set(module.__all__)
    assert names == sorted(names, key=order)
    assert len(names) == len(set(names))
    for name in names:
        assert getattr(module, name) is not None, name


@pytest.mark.parametrize("package", OPEN)
def test_the_door_hides_nothing(package):
    """What the door imports of its own room is in `__all__`."""
    offered = set(importlib.import_module(package).__all__)
    for node in TREES[package].body:
        if isinstance(node, ast.ImportFrom) and _is_own(node, package):
            assert {alias.asname or alias.name for alias in node.names} <= offered


def test_some_doors_are_open():
    """The test above looks at something."""
    assert {"boxwatch.settings", "boxwatch.sinks", "boxwatch.pulse", "boxwatch.cli"} <= set(OPEN)
