"""What an installation of the core weighs: Boxwatch and everything it requires without extras.

Requirements and their markers: https://packaging.python.org/en/latest/specifications/
dependency-specifiers/. A marker has the shape of a Python expression, and is read as one.
"""

from __future__ import annotations

import ast
import json
import operator
import os
import platform
import re
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

from boxwatch.errors import EnvironmentFault

_NAME: Final = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?")
_VERSION: Final = re.compile(r"\d+(?:\.\d+)*")

_ENVIRONMENT: Final[Mapping[str, str]] = {
    "os_name": os.name,
    "sys_platform": sys.platform,
    "platform_machine": platform.machine(),
    "platform_python_implementation": platform.python_implementation(),
    "platform_release": platform.release(),
    "platform_system": platform.system(),
    "platform_version": platform.version(),
    "python_version": ".".join(platform.python_version_tuple()[:2]),
    "python_full_version": platform.python_version(),
    "implementation_name": sys.implementation.name,
    "implementation_version": platform.python_version(),
}
_ORDERED: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def sizes(name: str) -> dict[str, int]:
    """Bytes on disk of `name` and of all it requires on this machine, the heaviest first.

    Raises:
        EnvironmentFault: one of them is not installed.

    """
    found = {one: _size(one) for one in required(name)}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def required(name: str) -> list[str]:
    """`name` and all distributions it requires without its extras, directly or not.

    Raises:
        EnvironmentFault: one of them is not installed.

    """
    seen: dict[tuple[str, str], None] = {}
    waiting = [(_canonical(name), "")]
    while waiting:
        entry = waiting.pop()
        if entry in seen:
            continue
        seen[entry] = None
        one, extra = entry
        for text in _distribution(one).requires or ():
            wanted, _, marker = text.partition(";")
            match = _NAME.match(wanted)
            if match is None or not holds(marker, extra):
                continue
            extras = [part.strip() for part in (match[2] or "").split(",") if part.strip()]
            waiting += [(_canonical(match[1]), part) for part in ("", *extras)]
    return list(dict.fromkeys(one for one, _ in seen))


def holds(marker: str, extra: str = "") -> bool:
    """Whether an environment marker is true here, with the extra `extra` asked for.

    An empty marker always holds; one that cannot be read does, so that no weight is overlooked.
    """
    if not marker.strip():
        return True
    try:
        tree = ast.parse(marker.strip(), mode="eval").body
    except SyntaxError:
        return True
    return _truth(tree, {**_ENVIRONMENT, "extra": extra})


def _truth(node: ast.expr, names: Mapping[str, str]) -> bool:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_truth(value, names) for value in values)
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(_truth(value, names) for value in values)
        case ast.Compare(left=left, ops=[relation], comparators=[right]):
            return _compare(relation, _text(left, names), _text(right, names))
    return True


def _compare(relation: ast.cmpop, left: str, right: str) -> bool:
    if isinstance(relation, ast.In):
        return left in right
    if isinstance(relation, ast.NotIn):
        return left not in right
    if type(relation) not in _ORDERED:
        return True
    if _VERSION.fullmatch(left) and _VERSION.fullmatch(right):
        return _ORDERED[type(relation)](_numbers(left), _numbers(right))
    return _ORDERED[type(relation)](left, right)


def _text(node: ast.expr, names: Mapping[str, str]) -> str:
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    return str(node.value) if isinstance(node, ast.Constant) else ""


def _numbers(version: str) -> tuple[int, ...]:
    """A version's numbers, without trailing zeros: 3.11 is 3.11.0."""
    return tuple(int(part) for part in re.sub(r"(\.0+)+$", "", version).split("."))


def _size(name: str) -> int:
    """Bytes of the files of a distribution, byte code included where it was compiled."""
    owner = _distribution(name)
    files = [Path(str(owner.locate_file(file))) for file in owner.files or ()]
    origin = json.loads(owner.read_text("direct_url.json") or "{}")
    if name == "boxwatch" and origin.get("dir_info", {}).get("editable"):
        files += Path(__file__).parents[1].rglob("*.py")  # a working tree; nothing lists its files
    return sum(file.stat().st_size for file in files if file.is_file())


def _distribution(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError as error:
        raise EnvironmentFault(
            f"{name!r}, which Boxwatch requires, is not installed as a distribution.",
            hint="Install Boxwatch with pip, so that its requirements are known.",
        ) from error


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
