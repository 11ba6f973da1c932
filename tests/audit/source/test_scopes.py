"""The audit's scopes are the interpreter's own: a local that is none would hide what a global denotes."""

import ast
import symtable
import sysconfig
import warnings
from pathlib import Path

import pytest

from bundler.audit.source.scopes import read_scopes

FILES = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
TRICKY = """
import a.b, c as d
from e import f as g
class _K:
    __x = 1
    def m(self, __y=__x):
        global __z, q
        __z = q = __y
        def inner():
            nonlocal __y
            __y = 2
            return [__w for __w in __y if (__v := __w)]
        return lambda __u: (__u, __x)
    class __L:
        import os as __o
        for __i in (): pass
        try: pass
        except OSError as __e: pass
        with open() as (__a, *__b): pass
        match 1:
            case {"k": __c, **__d}: pass
            case [__f, *__g] | (__f as __g): pass
        del __i
        async def __n(*__p, **__q): pass
"""


def ours(module):
    found = {}
    for scope in module.order:
        if scope.kind == "function" and "<comprehension>" in scope.path.rpartition(".")[2]:
            continue
        names = {name for name in scope.bindings if name not in scope.globals and name not in scope.nonlocals}
        found.setdefault((scope.path.rpartition(".")[2], getattr(scope.node, "lineno", 0)), []).append(names)
    return found


def theirs(table, found=None):
    found = {} if found is None else found
    name = table.get_name()
    if name not in ("listcomp", "setcomp", "dictcomp", "genexpr"):
        local = {item.get_name() for item in table.get_symbols() if item.is_local() and not item.is_global()}
        if table.get_type() == "module":
            name, local = "", {item.get_name() for item in table.get_symbols() if item.is_local()}
        name = {"top": "", "lambda": "<lambda>"}.get(name, name)
        found.setdefault((name, table.get_lineno()), []).append(local)
    for child in table.get_children():
        theirs(child, found)
    return found


def compare(source, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mine = ours(read_scopes("m", False, ast.parse(source)))
        real = theirs(symtable.symtable(source, name, "exec"))
    # A decorated definition begins at the decorator for one and at the name for the other: compare by name.
    for (key, _), tables in real.items():
        here = [names for (other, _), several in mine.items() if other == key for names in several]
        for local in tables:
            local = {item for item in local if item not in ("__class__", "__classdict__", ".0")}
            assert any(names == local or (key == "" and names >= local) for names in here), (name, key, local)


def test_scopes_of_tricky_code_are_the_interpreters():
    compare(TRICKY, "tricky")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_scopes_of_the_standard_library_are_the_interpreters(file):
    compare(file.read_text(encoding="utf-8"), file.name)
