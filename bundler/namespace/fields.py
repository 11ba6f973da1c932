"""`dataclasses.dataclass` as a bundle has it: the names of fields become code, so they are held to be names."""

from __future__ import annotations

import dataclasses
import sys
import typing
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from bundler.namespace.guard import Guard, is_bundles

#: What `dataclasses` tells from a field by its annotation, where that is a string.
_MARKS = {("typing", "ClassVar"): typing.ClassVar, ("dataclasses", "InitVar"): dataclasses.InitVar}


def dataclass_of(guard: Guard) -> Callable[..., Any]:
    """Return the decorator of one bundle; arguments as `dataclasses.dataclass` takes them."""

    def process(made: Any, options: Mapping[str, Any]) -> Any:
        if not is_bundles(guard, made):
            # It makes functions in the module that the class names.
            guard.require("dynamic-code", "makes a dataclass of a class that is not its own")
        _check_names(guard, made)
        _resolve_marks(made)
        done = dataclasses.dataclass(**options)(made)
        guard.kinds.add(done)  # With slots it is another class.
        return done

    def dataclass(made: Any = None, /, **options: Any) -> Any:
        return (lambda later: process(later, options)) if made is None else process(made, options)

    return dataclass


def _check_names(guard: Guard, made: Any) -> None:
    """Refuse fields whose names are not names: `dataclasses` writes them into the code that it makes (CWE-95)."""
    for kind in getattr(made, "__mro__", ()):
        for table in ("__annotations__", "__dataclass_fields__"):
            if type(vars(kind).get(table, {})) is not dict:
                guard.require("dynamic-code", f"gives a dataclass {table} that answer as they like")
        names = {**vars(kind).get("__annotations__", {}), **vars(kind).get("__dataclass_fields__", {})}
        fields = [field.name for field in vars(kind).get("__dataclass_fields__", {}).values()]
        for name in (*names, *fields):
            if type(name) is not str or not name.isidentifier():
                guard.require("dynamic-code", f"makes code of the field name {name!r}")


def _resolve_marks(made: Any) -> None:
    """Put `typing.ClassVar` itself in the place of a string that names it through a view of its module.

    With ``from __future__ import annotations`` these are strings, and `dataclasses` asks whether the module that a
    string names *is* `typing`; a bundle has a view of that.
    """
    names = vars(sys.modules.get(made.__module__) or ModuleType(""))
    annotations = vars(made).get("__annotations__", {})
    for field, text in annotations.items():
        module, dot, rest = text.partition(".") if type(text) is str else ("", "", "")
        if dot and isinstance(names.get(module), ModuleType):
            mark = _MARKS.get((names[module].__name__, rest.partition("[")[0].strip()))
            if mark is not None:
                annotations[field] = mark


def field_readers(guard: Guard) -> dict[str, Callable[..., Any]]:
    """Return what stands for the functions that read the fields of an object by their names."""

    def reading(function: Callable[..., Any]) -> Callable[..., Any]:
        def read(thing: Any, *args: Any, **kwargs: Any) -> Any:
            for field in dataclasses.fields(thing):
                word = guard.tables.power(field.name)
                if word is not None and callable(getattr(thing, field.name, None)):
                    guard.require(word, f"reads {field.name} of a {type(thing).__name__} as a field")
            return function(thing, *args, **kwargs)

        return read

    return {f"dataclasses.{name}": reading(getattr(dataclasses, name)) for name in ("asdict", "astuple", "replace")}
