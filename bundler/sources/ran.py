"""Whether the source that is to be packed is the code that ran.

An import runs a text once, and the text can change on disk afterwards. So the functions that this process holds are
compared with what the packed text compiles to. Where it cannot be known what made a function, nothing is said: a
loader that rewrites code, a decorator of a foreign package, code that a text compiled itself.
"""

from __future__ import annotations

import abc
import ast
import builtins
import os
import sys
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from typing import Any

from bundler.formats.python.definitions import definition_line
from bundler.sources.closure import ClosedModule
from bundler.sources.compiled import COMPUTED, Compiled, cached_codes, compiled, defaults_of, shape_of, typed
from bundler.sources.gathered import Gathered, gather
from bundler.sources.live_objects import bases_of, is_framework

#: What only classes that were written in C have in their dictionary.
_OF_C = types.MethodDescriptorType | types.WrapperDescriptorType | types.BuiltinFunctionType


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Changed:
    """A definition of the packed text that is not what this process runs."""

    file: str
    line: int
    qualname: str
    how: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.qualname} {self.how}"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Loaded:
    """A packed module that this process imported from a file as it was; `file` is what its code calls it."""

    packed: ClosedModule
    file: str
    cached: str | None
    namespace: Mapping[str, Any]
    text: Compiled


def changed_since_import(
    modules: Iterable[ClosedModule],
    classes: Iterable[type],
    functions: Iterable[types.FunctionType],
    is_from_file: Callable[[str], bool] = lambda _: True,
) -> tuple[Changed, ...]:
    """Return the definitions whose packed text is not the code that this process runs, in the order of the text.

    Args:
        modules: what is to be packed.
        classes: the classes of the live model.
        functions: the functions that it holds.
        is_from_file: says whether the text of a module, given by name, is that of a file.
    """
    packed = [module for module in modules if not module.generated and is_from_file(module.name)]
    tops = {module.name.partition(".")[0] for module in packed}
    problems: set[Changed] = set()
    files: dict[str, _Loaded | None] = {}
    for module in packed:
        try:
            if (item := _loaded(module)) is not None:
                files[item.file] = files[os.path.realpath(item.file)] = item
        except SyntaxError as error:
            how = f"cannot be compiled any more: {error.msg}"
            problems.add(Changed(file=module.display, line=error.lineno or 1, qualname=module.name, how=how))
        except (ValueError, RecursionError, MemoryError):
            continue  # The closure has parsed it; whoever loads it says the rest.
    loaded = {item.packed.name: item for item in files.values() if item is not None}
    held, others = Gathered(tops=tops), Gathered(tops=tops)
    for cls in classes:
        for base in (cls, *bases_of(cls)):
            gather(base, held)
    for function in functions:
        gather(function, held)
    for item in loaded.values():
        for name, value in list(item.namespace.items()):
            # A reload leaves the names behind that the text had before.
            if name in item.text.names:
                gather(value, others)
    for found in (held, others):
        for function in found.functions.values():
            made_from = _file_of(function.__code__.co_filename, files)
            if made_from is not None and (how := _difference(function, made_from, tops, held=found is held)):
                problems.add(_changed(made_from, function.__code__, how))
    deleted = {name for item in loaded.values() for name in item.text.deleted}
    for cls in {**held.classes, **others.classes}.values():
        if "*" not in deleted and cls.__module__ in loaded:
            problems.update(_added(cls, loaded[cls.__module__], deleted, tops))
    return tuple(sorted(problems))


def _loaded(module: ClosedModule) -> _Loaded | None:
    """Return what is known of a module if nothing but Python's own loader of files made it."""
    try:
        namespace = object.__getattribute__(sys.modules.get(module.name), "__dict__")
    except (AttributeError, TypeError):
        return None
    spec = namespace.get("__spec__")
    loader = getattr(spec, "loader", None)
    if not isinstance(spec, ModuleSpec) or type(loader) is not SourceFileLoader or not _is_plain(loader):
        return None
    text = compiled(module.original, loader.path)
    if text.makes_code:
        return None
    return _Loaded(packed=module, file=loader.path, cached=spec.cached, namespace=namespace, text=text)


def _is_plain(loader: SourceFileLoader) -> bool:
    """Say whether the methods of the loader are Python's; hooks put theirs onto the class or the instance."""
    methods = (getattr(loader, name) for name in ("get_code", "source_to_code", "exec_module", "get_data"))
    codes = (getattr(getattr(method, "__func__", None), "__code__", None) for method in methods)
    return all(code is not None and code.co_filename.startswith("<frozen importlib") for code in codes)


def _file_of(filename: str, files: dict[str, _Loaded | None]) -> _Loaded | None:
    """Return the module that a code object was made from; symbolic links spell one file in several ways."""
    if filename not in files:
        files[filename] = files.get(os.path.realpath(filename)) if os.path.isabs(filename) else None
    return files[filename]


def _difference(function: types.FunctionType, item: _Loaded, tops: set[str], *, held: bool) -> str:
    """Return in words how the packed text differs from `function`, or nothing where it does not or who knows."""
    code, text = function.__code__, item.text
    alike = text.alike(code)
    if alike:
        nodes = [node for found in alike for node in text.functions.get((found.co_firstlineno, found.co_name), ())]
        if not nodes or "__defaults__" in text.names or "__kwdefaults__" in text.names:
            return ""
        same = any(_same_defaults(function, *defaults_of(node)) for node in nodes)
        how = "" if same else "has other defaults in the text than in this process"
    elif code.co_qualname in text.codes or code.co_qualname.startswith("__autoreload_"):
        how = "has another text than when it was imported"
    else:
        around = code.co_qualname.rpartition(".")[0].removesuffix(".<locals>")
        # What a reload left behind and nobody uses is not part of the model.
        how = "is no longer in the text" if held or around in text.codes else ""
    if not how or any(_is_foreign(node, item, tops) for node in text.decorators(code.co_qualname)):
        return ""
    if not alike:
        codes, sure = cached_codes(Path(item.file), item.cached, item.packed.original)
        if shape_of(code) in codes:
            return "" if sure else f"{how}, and Python still takes the old text from {item.cached}: remove that file"
    return how


def _same_defaults(function: types.FunctionType, values: list[Any], keywords: Mapping[str, Any]) -> bool:
    live, named = function.__defaults__ or (), function.__kwdefaults__ or {}
    if len(live) != len(values) or named.keys() != keywords.keys():
        return False
    pairs = [*zip(values, live, strict=True), *((keywords[name], named[name]) for name in keywords)]
    return all(value is COMPUTED or typed(value) == typed(own) for value, own in pairs)


def _is_foreign(decorator: ast.expr, item: _Loaded, tops: set[str]) -> bool:
    """Say whether a decorator is of a package that is known neither to leave code alone nor to travel itself."""
    while isinstance(decorator, ast.Call | ast.Attribute):
        decorator = decorator.func if isinstance(decorator, ast.Call) else decorator.value
    value = item.namespace.get(decorator.id) if isinstance(decorator, ast.Name) else None
    if value is None or hasattr(builtins, getattr(decorator, "id", "")):
        return False  # A name of the class body or of a function around it: `@size.setter`.
    if isinstance(value, types.ModuleType):
        origin = value.__name__
    else:
        named = isinstance(value, type | types.FunctionType | types.BuiltinFunctionType)
        origin = str((value if named else type(value)).__module__)
    top = origin.partition(".")[0]
    return not (top in sys.stdlib_module_names or top in tops or is_framework(origin))


def _added(cls: type, item: _Loaded, deleted: Collection[str], tops: set[str]) -> Iterator[Changed]:
    """Yield the methods that the text gives to a class and that this process does not know."""
    node = item.text.has_class(cls.__qualname__)
    if node is None or not _is_from(cls, item):
        return
    makers = type(cls) in (type, abc.ABCMeta) or is_framework(type(cls).__module__)
    if not makers or any(_is_foreign(decorator, item, tops) for decorator in node.decorator_list):
        return
    for part in node.body:
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and part.name not in deleted:
            mangled = f"_{cls.__name__.lstrip('_')}{part.name}"
            if part.name not in vars(cls) and mangled not in vars(cls):
                qualname = f"{cls.__qualname__}.{part.name}"
                how = "was not there when the class was imported"
                yield Changed(file=item.packed.display, line=part.lineno, qualname=qualname, how=how)


def _is_from(cls: type, item: _Loaded) -> bool:
    """Say whether a class statement of the text made `cls`; C classes and named tuples may have the name of one."""
    own = [value for value in vars(cls).values() if isinstance(value, types.FunctionType)]
    if any(isinstance(value, _OF_C) for value in vars(cls).values()):
        return False
    files = {function.__code__.co_filename for function in own}
    return item.file in files or (not own and item.namespace.get(cls.__qualname__) is cls)


def _changed(item: _Loaded, code: types.CodeType, how: str) -> Changed:
    near = item.text.codes.get(code.co_qualname, ())
    line = definition_line(item.packed.text, code.co_qualname)
    if code.co_name == "<lambda>" and near:
        line = min((found.co_firstlineno for found in near), key=lambda number: abs(number - code.co_firstlineno))
    return Changed(file=item.packed.display, line=line, qualname=code.co_qualname, how=how)
