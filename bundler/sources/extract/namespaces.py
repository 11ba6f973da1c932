"""Where live objects are defined: in modules that others can import, or in scripts, notebooks and functions."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Mapping
from types import FunctionType, ModuleType
from typing import Any, TypeGuard

from bundler.sources.extract.namespace_texts import functions_of, owners_of
from bundler.sources.live_objects import is_framework
from bundler.sources.places import SCRIPTS

Extractable = type | FunctionType


def needs_extracting(obj: Extractable) -> bool:
    """Say whether no module that others can import gives `obj`: it is a script's, a cell's, a function's, or a lambda.

    A lambda at the top level of a module counts, since Keras would store its bytecode.
    """
    if is_lambda(obj):
        return True
    if obj.__module__ in SCRIPTS or obj.__module__ not in sys.modules:
        # runpy.run_path, and a module that was made from its file, leave nothing that could be imported.
        return True
    # It may have got another name since it was made; its code keeps the first.
    made = (obj.__code__.co_qualname,) if isinstance(obj, FunctionType) else owners_of(obj)
    if isinstance(obj, type) and obj.__qualname__ in made:
        made = ()
    return any("<locals>" in name for name in (obj.__qualname__, *made)) and not is_attribute(obj)


def is_lambda(value: object) -> TypeGuard[FunctionType]:
    """Say whether `value` is a lambda that still goes by no name."""
    return isinstance(value, FunctionType) and value.__name__ == "<lambda>"


def is_attribute(obj: Extractable) -> bool:
    """Say whether a loaded module other than the script has `obj` under some name."""
    return any(
        value is obj
        for name, module in list(sys.modules.items())
        if isinstance(module, ModuleType) and name not in SCRIPTS and not is_framework(name)
        for value in list(vars(module).values())
    )


def namespace_of_object(obj: Extractable) -> Mapping[str, Any]:
    """Return the globals that the code of `obj` sees."""
    if isinstance(obj, FunctionType):
        return obj.__globals__
    module = sys.modules.get(obj.__module__)
    own = next((function for _, function in functions_of(obj) if function.__module__ == obj.__module__), None)
    if own is not None:
        return own.__globals__
    return vars(module) if module is not None else {}


def is_loose(namespace: Mapping[str, Any]) -> bool:
    """Say whether `namespace` is that of a script or a notebook: no module that others can import."""
    name = namespace.get("__name__")
    module = sys.modules.get(str(name))
    return name in SCRIPTS or module is None or vars(module) is not namespace


def is_extractable(value: Any) -> bool:
    """Say whether `value` is a class or function that `needs_extracting`."""
    return isinstance(value, type | FunctionType) and needs_extracting(value)


def path_to(namespace: Mapping[str, Any], obj: Extractable) -> str | None:
    """Return the dotted path by which `namespace` gives `obj`, by its own name or another."""
    first, *rest = obj.__qualname__.split(".")
    found: Any = namespace.get(first)
    for part in rest:
        found = getattr(found, part, None)
    if found is obj:
        return str(obj.__qualname__)
    if "<lambda>" in obj.__qualname__:
        # IPython keeps results as _, __ and _3; those are not names of the author's.
        return next((name for name, value in namespace.items() if value is obj and not name.startswith("_")), None)
    return None


def is_ipython(namespace: Mapping[str, Any], name: str) -> bool:
    """Say whether `name` is a function or object of IPython's, which it puts into the namespace of cells."""
    value = namespace.get(name, vars(builtins).get(name))
    return type(value).__module__.partition(".")[0] in ("IPython", "ipykernel")
