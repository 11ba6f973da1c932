"""Names for generated modules, and for lambdas that become functions."""

from __future__ import annotations

import ast
import builtins
import importlib.metadata
import keyword
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from bundler.sources.lift.texts import Unit


class ModuleNames:
    """Gives each generated module a name that nothing else has: not Python, not what is installed, not `taken`."""

    def __init__(self, taken: Collection[str]) -> None:
        self._taken = {*taken, *sys.stdlib_module_names, *importlib.metadata.packages_distributions(), "__main__"}

    def give(self, wanted: str, second: str) -> str:
        """Return `wanted`, or `second` where that is taken, or `second` with a number; the name is taken then."""
        name, number = wanted, 1
        while name in self._taken:
            name = second if number == 1 else f"{second}_{number}"
            number += 1
        self._taken.add(name)
        return name


def module_stem(namespace: Mapping[str, Any]) -> str:
    """Return what a module made of a script or a notebook would be called."""
    file = namespace.get("__file__")
    if isinstance(file, str) and "get_ipython" not in namespace:
        return identifier(Path(file).stem)
    return "notebook"


def identifier(text: str) -> str:
    """Return `text` as a Python name."""
    name = re.sub(r"\W", "_", text)
    if not name.isidentifier() or keyword.iskeyword(name):
        name = f"_{name}" if name[:1].isdigit() else f"{name}_"
    return name if name.isidentifier() else "generated"


def lambda_name(unit: Unit, node: ast.Lambda, avoid: Collection[str]) -> str:
    """Return a name for the lambda `node` by how its text uses it: a target, a keyword, or the call that takes it."""
    parts = [part for part in _uses(unit, node) if part.strip("_")]
    stem = re.sub(r"_+", "_", identifier("_".join(reversed(parts)) or "function").lower()).strip("_") or "function"
    if not stem.isidentifier():
        stem = "function"
    if keyword.iskeyword(stem) or hasattr(builtins, stem):
        stem = f"{stem}_function"
    name, number = stem, 2
    while name in avoid:
        name = f"{stem}_{number}"
        number += 1
    return name


def _uses(unit: Unit, node: ast.Lambda) -> Iterator[str]:
    below: ast.AST = node
    for above in unit.above(node):
        match above:
            case ast.keyword(arg=str(name)):
                yield name
                return
            case ast.Dict(keys=keys, values=values) if below in values:
                key = keys[values.index(below)]
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value
            case ast.Call(func=function, keywords=keywords) if below is not function:
                names = [item.value for item in keywords if item.arg == "name"]
                given = names[0].value if names and isinstance(names[0], ast.Constant) else None
                callee = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
                yield given if isinstance(given, str) else f"{callee}_function"
                return
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name
                return
            case ast.stmt() | ast.Lambda():
                return
        below = above
