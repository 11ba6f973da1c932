"""The lines that give an object of an author's class its state."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from types import FunctionType, MemberDescriptorType
from typing import Any

from bundler.sources.installed import is_site, is_stdlib
from bundler.sources.live_objects import is_framework
from bundler.values import Unsayable

_CONTAINERS = {dict: "update", list: "extend", set: "update"}


def check(value: Any) -> None:
    """Refuse an object whose class does not travel as source.

    Raises:
        Unsayable: its class is of an installed package, of Python or of the framework.
    """
    cls = type(value)
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None)
    is_own = cls.__module__ == "__main__" or (file is not None and not (is_site(Path(file)) or is_stdlib(Path(file))))
    # A bundle that was loaded has its modules in no file of this machine.
    is_own = is_own or cls.__module__.startswith("_kbundle_") or _is_local(cls)
    if not is_own or is_framework(cls.__module__):
        raise Unsayable(f"of type {cls.__module__}.{cls.__qualname__}, whose source does not travel")
    if any(is_framework(base.__module__) and base.__module__ != "builtins" for base in cls.__mro__):
        raise Unsayable(f"of type {cls.__qualname__}, a class of Keras's kind")


def _is_local(cls: type) -> bool:
    functions = [item for item in vars(cls).values() if isinstance(item, FunctionType)]
    return any(item.__globals__.get("__name__") == "__main__" for item in functions)


def is_plain_dataclass(cls: type, attributes: Mapping[str, Any]) -> bool:
    """Say whether the constructor that `dataclasses` wrote for `cls` gives exactly `attributes`."""
    settings: Any = vars(cls).get("__dataclass_params__")
    if settings is None or not settings.init or hasattr(cls, "__post_init__"):
        return False
    if getattr(vars(cls).get("__init__"), "__code__", None) is None or "__new__" in vars(cls):
        return False
    if vars(cls)["__init__"].__code__.co_filename != "<string>":
        return False
    if not settings.frozen and sets_attributes(cls):
        return False
    fields = dataclasses.fields(cls)
    return all(item.init for item in fields) and {item.name for item in fields} == set(attributes)


def filled(cls: type, name: str, content: str) -> str:
    """Return the line that gives an object of `cls`, a kind of dictionary, list or set, what it holds."""
    base = next(kind for kind in _CONTAINERS if issubclass(cls, kind))
    method = _CONTAINERS[base]
    is_plain = inspect.getattr_static(cls, method) is inspect.getattr_static(base, method)
    # A dictionary that hands out its items as attributes may have one of that name.
    return f"{name}.{method}({content})" if is_plain else f"{base.__name__}.{method}({name}, {content})"


def attribute_set(cls: type, name: str, attribute: str, value: str, slots: Collection[str]) -> str:
    """Return the line that sets one attribute without running code of the class.

    Raises:
        Unsayable: no line does.
    """
    static = inspect.getattr_static(cls, attribute, None)
    is_computed = hasattr(type(static), "__set__") and not isinstance(static, MemberDescriptorType)
    is_special = attribute.startswith("__") and attribute.endswith("__")
    if attribute.isidentifier() and not is_computed and not sets_attributes(cls) and not is_special:
        return f"{name}.{attribute} = {value}"
    if attribute in slots:
        raise Unsayable(f"of type {cls.__qualname__}, which has slots and a __setattr__ of its own")
    return f"vars({name})[{attribute!r}] = {value}"


def sets_attributes(cls: type) -> bool:
    """Say whether `cls` has a ``__setattr__`` of its own, as frozen dataclasses have."""
    return inspect.getattr_static(cls, "__setattr__") is not inspect.getattr_static(object, "__setattr__")
