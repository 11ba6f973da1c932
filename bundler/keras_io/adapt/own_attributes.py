"""The attributes of an object that its author's code set."""

from __future__ import annotations

import dis
import functools
import types
import weakref
from types import FunctionType
from typing import Any

from bundler.frameworks import makes_models
from bundler.keras_io.framework import keras

_STORE_ATTR = dis.opmap["STORE_ATTR"]
#: Attributes of the framework's that an author may set to a plain value of their own.
_SETTINGS = frozenset({"supports_masking", "stateful", "seed", "return_sequences", "return_state", "unroll"})


def own_attributes(instance: Any) -> dict[str, Any]:
    """Return the attributes that the author's code set, in order; what the framework keeps for itself is left out."""
    values = dict(vars(instance)) if hasattr(instance, "__dict__") else {}
    values |= {name: getattr(instance, name) for name in _slots(type(instance)) if hasattr(instance, name)}
    authors, frameworks = _assigned(type(instance))
    is_frameworks = framework_base(type(instance)) is not object
    # What the framework leaves on a model from outside, such as the history of a fit.
    bookkeeping = keras().callbacks.Callback | keras().callbacks.CallbackList
    found = {}
    for name, value in values.items():
        origin = value.__module__ if isinstance(value, FunctionType) else type(value).__module__
        if str(origin).startswith("bundler.keras_io."):
            # What the loader gave a model, so that it runs under its author's settings, and what saving gives it.
            continue
        if is_frameworks and name not in authors and (name.startswith("_") or isinstance(value, bookkeeping)):
            continue
        if name in frameworks:
            # The framework assigns such a name somewhere; it is its own where every model has it.
            if name not in authors or (name in _names_of_every_model() and name not in _SETTINGS):
                continue
        elif name in ("get_config", "get_compile_config", "build", "quantize") and name not in authors:
            continue
        found[name] = value
    return found


def assigned_in(cls: type, method: str) -> frozenset[str]:
    """Return the attributes that the author's `method` of `cls` assigns."""
    names: set[str] = set()
    for base in cls.__mro__:
        function = vars(base).get(method)
        if not makes_models(base) and isinstance(function, types.FunctionType):
            names |= _stored(function.__code__)
    return frozenset(names)


def framework_base(cls: type) -> type:
    """Return the nearest base class of the framework's, or `object`."""
    return next((base for base in cls.__mro__ if makes_models(base)), object)


@functools.cache
def _names_of_every_model() -> frozenset[str]:
    return frozenset(vars(keras().Model()))


def _assigned(cls: type) -> tuple[set[str], set[str]]:
    """Return what the author's methods of `cls` assign, and what the framework's do."""
    # Worked out once a class: a model may hold hundreds of objects of one, and Keras's methods are many.
    if cls not in _KNOWN:
        _KNOWN[cls] = _assigned_by(cls, framework=False), _assigned_by(cls, framework=True)
    return _KNOWN[cls]


_KNOWN: weakref.WeakKeyDictionary[type, tuple[set[str], set[str]]] = weakref.WeakKeyDictionary()


def _assigned_by(cls: type, *, framework: bool) -> set[str]:
    """Return the attributes that the methods of the classes of one side assign, read from their bytecode."""
    names: set[str] = set()
    for base in cls.__mro__:
        if makes_models(base) is not framework or base is object:
            continue
        for member in vars(base).values():
            functions = [member.fget, member.fset] if isinstance(member, property) else [member]
            for function in functions:
                code = getattr(_unwrapped(function), "__code__", None)
                names |= _stored(code) if code is not None else set()
    return names


def _unwrapped(function: Any) -> Any:
    # Keras wraps its methods several times over; staticmethod and classmethod keep theirs in the same place.
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


def _stored(code: types.CodeType) -> set[str]:
    names: set[str] = set()
    # Most methods assign nothing, and reading instructions takes long.
    if _STORE_ATTR in code.co_code[::2]:
        names |= {item.argval for item in dis.get_instructions(code) if item.opcode == _STORE_ATTR}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _stored(constant)
    return names


def _slots(cls: type) -> list[str]:
    names: list[str] = []
    for base in cls.__mro__:
        slots = vars(base).get("__slots__", ())
        names += [slots] if isinstance(slots, str) else slots
    return [name for name in names if name not in ("__dict__", "__weakref__")]
