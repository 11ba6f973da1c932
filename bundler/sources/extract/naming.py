"""Names for generated modules, and for lambdas that become functions."""

from __future__ import annotations

import ast
import builtins
import importlib.util
import keyword
import re
import sys
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundler.sources.extract.namespace_texts import Unit

#: Classes that take a path apart without opening it.
_PATHS = ("Path", "PurePath", "PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath")
#: File names that Windows keeps for devices.
_DEVICES = ("con", "prn", "aux", "nul")


class ModuleNames:
    """Gives each generated module a name that nothing else has: not Python, not what can be imported, not `taken`."""

    def __init__(self, taken: Collection[str]) -> None:
        # Two names that differ in case alone are one file on some systems.
        self._taken = {name.casefold() for name in (*taken, *sys.stdlib_module_names, *_DEVICES, "__main__")}

    def give(self, wanted: str, second: str, file: object = None) -> str:
        """Return `wanted`, or `second` where that is taken, or `second` with a number; the name is taken then.

        A module that comes from `file` itself, the script that the names are for, does not count.
        """
        name, number = wanted, 1
        while name.casefold() in self._taken or _is_importable(name, file):
            name = second if number == 1 else f"{second}_{number}"
            number += 1
        self._taken.add(name.casefold())
        return name


def _is_importable(name: str, file: object) -> bool:
    """Say whether `import name` would find something; for a top-level name that imports nothing."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):  # A module in sys.modules without a spec.
        return True
    return spec is not None and spec.origin != file


def file_name_only(node: ast.AST | None, file: object, module: str) -> frozenset[str]:
    """Return ``__file__`` where `node` asks it for the name of the script alone, which that of `module` has, too.

    ``os.path.basename(__file__)``, ``Path(__file__).stem``: many scripts name their experiment so.
    """
    if node is None or not isinstance(file, str) or Path(file).name != f"{module}.py":
        return frozenset()
    asked: set[ast.AST] = set()
    for outer in ast.walk(node):
        match outer:
            case ast.Call(func=ast.Attribute(attr="basename") | ast.Name(id="basename"), args=[ast.Name() as path]):
                asked.add(path)
            case ast.Attribute(
                attr="stem" | "name",
                value=ast.Call(func=ast.Attribute(attr=made) | ast.Name(id=made), args=[ast.Name() as path]),
            ) if made in _PATHS:
                asked.add(path)
    uses = {item for item in ast.walk(node) if isinstance(item, ast.Name) and item.id == "__file__"}
    return frozenset({"__file__"} if uses <= asked else ())


@dataclass(frozen=True, kw_only=True, slots=True)
class NameOrigin:
    """What a namespace is: the stem of a module made of it, another where that is taken, and its name in words."""

    stem: str
    second: str
    words: str


def origin_of(namespace: Mapping[str, Any]) -> NameOrigin:
    """Return the origin of a script, a notebook, or a session at a prompt."""
    if "get_ipython" in namespace:
        return NameOrigin(stem="notebook", second="notebook_cells", words="the notebook")
    file = namespace.get("__file__")
    if not isinstance(file, str):
        return NameOrigin(stem="session", second="session_lines", words="the session")
    path = Path(file)
    # A package that is run with `python -m` calls its script __main__.
    stem = identifier(path.parent.name if path.stem == "__main__" else path.stem)
    return NameOrigin(stem=stem, second=f"{stem}_script", words=f"the script {stem}")


def identifier(text: str) -> str:
    """Return `text` as a Python name in ASCII, since the name of a file comes from it."""
    name = re.sub(r"\W", "_", unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode())
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
