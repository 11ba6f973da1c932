"""``builder=``: a function of the author's that returns the model untrained, and weights that go into it."""

from __future__ import annotations

import json
import operator
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FunctionType
from typing import Any

from bundler.errors import BundleError, PackError, RebuildFailed
from bundler.keras_io.adapt import builder_model
from bundler.keras_io.files import save_keras
from bundler.packing.compose import packed_versions
from bundler.packing.options import PackOptions
from bundler.packing.search import needs_of, provisional_namespace
from bundler.sources.closure import close
from bundler.sources.locate import Locator

_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
_WEIGHTS = (".weights.h5", ".weights.json", ".keras")


def check_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a builder as JSON gives them back.

    Raises:
        PackError: one is not a JSON value; it is named.
    """
    checked = {}
    for name, value in arguments.items():
        try:
            checked[name] = json.loads(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError, RecursionError) as error:
            raise _not_json(name, value) from error
        if checked[name] != value or _has_tuple(value):
            raise _not_json(name, value)
    return checked


def check_function(function: Any) -> FunctionType:
    """Return `function` where it can be found again by its name.

    Raises:
        PackError: it is a lambda, a method, a partial function, or made inside another function.
    """
    name = getattr(function, "__qualname__", type(function).__qualname__)
    if not isinstance(function, FunctionType) or "<" in name:
        raise PackError(
            "the builder must be a plain function at the top level of a module",
            place=f"builder={name}",
            expected="def make_model(...): return the untrained model",
            found=_described(function, name),
            hint="write it as a named function in a module, and hand its arguments over as builder_kwargs={...}",
        )
    return function


def find_builder(name: str, options: PackOptions) -> FunctionType:
    """Return the function ``package.module:function`` of the source folders, from a module tree of its own.

    Raises:
        SourceError: the module or what it imports cannot be found or cannot travel.
        PackError: the name is malformed, or the module has no such function.
    """
    if not _NAME.fullmatch(name):
        raise PackError(
            "a builder is named as package.module:function",
            place=f"builder={name}",
            hint="for example mypackage.nets:make_model, where sources= (--source) has the folder of mypackage",
        )
    module_name, _, qualname = name.partition(":")
    locator = Locator(roots=options.sources, include=options.include, loaded=False)
    needs = needs_of([], [], options, [(module_name, qualname)])
    roots = {module_name: f"defines {qualname}, the builder"}
    closure = close(roots, locator, skip_data=options.skip_data, needs=needs)
    namespace = provisional_namespace(closure, packed_versions(closure, locator))
    try:
        found: Any = namespace.load(module_name)
    except BundleError:
        raise
    except Exception as error:
        raise PackError(
            f"the module of the builder cannot be imported: {type(error).__name__}: {error}",
            place=f"builder={name}",
            hint="give the folders of all the code that it imports: sources=[...] (--source DIR)",
        ) from error
    try:
        found = operator.attrgetter(qualname)(found)
    except AttributeError as error:
        raise PackError(
            f"the module {module_name!r} has no function {qualname!r}",
            place=f"builder={name}",
            hint="name a function that is defined at the top level of the module",
        ) from error
    return check_function(found)


def made_model(function: Callable[..., Any], arguments: Mapping[str, Any], weights: Any) -> Any:
    """Return the builder's model with the weights of a file, where one is given.

    Raises:
        PackError: the builder raises or returns no model, the model is not built, or the weights do not fit it.
    """
    place = f"builder={function.__qualname__}"
    try:
        model = builder_model.call_builder(function, arguments, place)
    except RebuildFailed as error:
        raise PackError(
            error.message, place=place, expected=error.expected, found=error.found, hint=error.hint
        ) from error
    if weights is None:
        return model
    path = Path(os.fspath(weights))
    if not path.is_file() or not path.name.endswith(_WEIGHTS):
        raise PackError(
            "there is no weights file",
            place=str(path),
            expected=f"a file that ends in {', '.join(_WEIGHTS)}",
            found="a file of another kind" if path.is_file() else "nothing",
            hint="save it with model.save_weights('model.weights.h5')",
        )
    save_keras.load_weights(model, path, place)
    return model


def _described(function: Any, name: str) -> str:
    if name.endswith("<lambda>"):
        return "a lambda"
    outer, inside, _ = name.partition(".<locals>.")
    return f"a function that {outer} makes when it runs" if inside else f"a {type(function).__name__}"


def _not_json(name: str, value: Any) -> PackError:
    return PackError(
        f"the argument {name!r} of the builder is not a JSON value",
        place=f"builder_kwargs[{name!r}]",
        expected="text, numbers, true, false, null, lists, and dictionaries with text as keys",
        found=type(value).__name__,
        hint=f"let the builder make {name} itself from such values",
    )


def _has_tuple(value: Any) -> bool:
    if isinstance(value, tuple):
        return True
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_has_tuple(part) for part in parts)
