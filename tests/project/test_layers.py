"""The layer order of docs/architecture.md, without exemptions."""

import ast
import graphlib
import importlib.util
from pathlib import Path

from boxwatch.bench import BENCHES
from boxwatch.cli.table import COMMANDS

# From top to bottom; a room may import only rooms in lower rows.
ROOMS = (
    {"__main__"},
    {"cli", "web"},
    {"bench"},
    {"wiring"},
    {"parts"},
    {"settings"},
    {"live", "lifecycle", "triage"},
    {"sources", "sinks", "reports"},
    {"store"},
    {"incidents"},
    {"detections"},
    {"models"},
    {"features"},
    {"events"},
    {"pulse"},
    {"errors", "clock", "units", "allocation"},
)
DEPTH = {room: depth for depth, rooms in enumerate(ROOMS) for room in rooms}
# Who may import by a name: the tables of commands, benches and parts.
TABLES = {"boxwatch.cli.table", "boxwatch.cli.bench", "boxwatch.parts"}

FOLDER = importlib.util.find_spec("boxwatch").submodule_search_locations[0]


def name_of(path):
    """The dotted name of the module in the file `path`."""
    parts = path.relative_to(Path(FOLDER).parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {
    name_of(path): ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(Path(FOLDER).rglob("*.py"))
}


def imported(tree):
    """Every module of ours that `tree` imports, most precisely named."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in TREES else node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


OURS = {
    module: {one for one in imported(tree) if one.split(".")[0] == "boxwatch"}
    for module, tree in TREES.items()
}
MODULES = [module for module in TREES if module != "boxwatch"]


def room_of(module):
    """The room a module lives in."""
    return module.split(".")[1]


def test_every_module_has_a_room():
    """No module stands outside the plan."""
    assert [module for module in MODULES if room_of(module) not in DEPTH] == []


def test_imports_go_down():
    """A module imports only its own room and rooms below."""
    wrong = [
        f"{module} imports {other}"
        for module in MODULES
        for other in OURS[module] - {"boxwatch"}
        if room_of(other) != room_of(module) and DEPTH[room_of(other)] <= DEPTH[room_of(module)]
    ]
    assert wrong == []


def test_imports_stand_at_the_top():
    """No import inside a function."""
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    wrong = [
        f"{module}:{inner.lineno}"
        for module in MODULES
        for node in ast.walk(TREES[module])
        if isinstance(node, functions)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert wrong == []


def test_imports_are_absolute_and_real():
    """No relative import, and none that only a type checker makes."""
    nodes = [(module, node) for module in MODULES for node in ast.walk(TREES[module])]
    names = [module for module, node in nodes if getattr(node, "id", "") == "TYPE_CHECKING"]
    relative = [
        f"{module}:{node.lineno}"
        for module, node in nodes
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert names + relative == []


def test_imports_by_name_only_in_tables():
    """Only the visible tables load modules by dotted path."""
    by_name = {
        module
        for module in MODULES
        for node in ast.walk(TREES[module])
        if getattr(node, "attr", getattr(node, "id", "")) in {"import_module", "__import__"}
    }
    assert by_name <= TABLES


def test_the_package_itself_imports_nothing():
    """`import boxwatch` costs nothing."""
    assert OURS["boxwatch"] == set()


def test_there_are_no_cycles():
    """No module needs itself, over however many others."""
    tuple(graphlib.TopologicalSorter(OURS).static_order())


def test_the_tables_name_modules_of_their_rooms():
    """A command is of the command line, a bench of the benches, and both are there."""
    for where, _ in COMMANDS.values():
        assert where.partition(":")[0] in TREES, where
        assert where.startswith("boxwatch.cli."), where
    for module in BENCHES.values():
        assert module in TREES, module
        assert module.startswith("boxwatch.bench."), module


def test_the_plan_names_these_rooms():
    """The list here is the list in docs/architecture.md."""
    plan = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text(encoding="utf-8")
    block = plan.split("## Rooms")[1].split("```")[1]
    for room in DEPTH.keys() - {"__main__"}:
        assert room in block, room
