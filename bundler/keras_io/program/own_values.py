"""Functions, classes and objects of the bundle's own in values that a manifest records, by module and name.

A manifest names no object that Keras would make. It names what the packed source defines, and gives an object of such a
class its state without a call of the class.
"""

from __future__ import annotations

import enum
import inspect
import types
from collections.abc import Callable, Collection, Sequence
from typing import Any

from bundler.keras_io.adapt.public import public_place
from bundler.keras_io.adapt.tags import TAG
from bundler.keras_io.program.plain import NameOf
from bundler.namespace import Namespace
from bundler.values import Unsayable, given_state, own_state, pydantic_fields

OWN = "own"


class UnnamedFunctions(Unsayable):
    """The value is, or holds, functions that the bundle does not have at the top level of a module: `functions`."""

    def __init__(self, functions: Sequence[types.FunctionType]) -> None:
        super().__init__("a function that no module of the bundle has at its top level")
        self.functions = tuple(functions)


class OwnValues:
    """Encodes what is the bundle's own in one value; for anything else a call returns `None`."""

    def __init__(self, name_of: NameOf, modules: Collection[str], encoded: Callable[[Any], Any]) -> None:
        self._name_of = name_of
        self._modules = modules
        self._encoded = encoded
        self._active: set[int] = set()
        #: Functions that the bundle does not have, which stand as nothing in what was encoded.
        self.unnamed: list[types.FunctionType] = []

    def __call__(self, item: Any) -> Any:
        """Return the encoding of a function, a class, a member or an object of the bundle's, or `None`.

        Raises:
            Unsayable: it is a member that the bundle does not have, or an object that cannot be carried.
        """
        if isinstance(item, types.FunctionType) and public_place(item) is None:
            name = self._name_of(item)
            if name is None or "<" in name:
                self.unnamed.append(item)
                return None
            return {TAG: OWN, "name": name}
        if isinstance(item, enum.Enum):
            name = self._name_of(type(item))
            if name is None:
                raise Unsayable("a member of an enumeration that no module of the bundle has")
            is_single = item.name is not None and getattr(type(item), item.name, None) is item
            return {TAG: OWN, "name": name, **({"member": item.name} if is_single else {"flags": item.value})}
        if isinstance(item, type):
            name = self._travelling(item)
            return None if name is None else {TAG: OWN, "name": name}
        name = None if item is None else self._travelling(type(item))
        return None if name is None else self._object(item, name)

    def _travelling(self, cls: type) -> str | None:
        name = self._name_of(cls)
        return name if name is not None and "<" not in name and name.partition(":")[0] in self._modules else None

    def _object(self, item: Any, name: str) -> dict[str, Any]:
        if isinstance(item, tuple) and hasattr(item, "_fields"):
            return {TAG: OWN, "name": name, "items": [self._encoded(part) for part in item]}
        if hasattr(type(item), "get_config") or id(item) in self._active:
            raise Unsayable(f"of type {type(item).__qualname__!r}")
        self._active.add(id(item))
        try:
            fields = pydantic_fields(item)
            if fields is not None:
                raise Unsayable(f"of type {type(item).__qualname__!r}, a model of pydantic's")
            state = own_state(item)
            content = {} if state.content is None else {"content": self._encoded(state.content)}
            items = [[key, self._encoded(part)] for key, part in state.attributes.items()]
            return {TAG: OWN, "name": name, "state": items, "itself": state.is_own_dict, **content}
        finally:
            self._active.discard(id(item))


def own_value(node: dict[str, Any], namespace: Namespace, inner: Callable[[Any], Any]) -> Any:
    """Return what `OwnValues` encoded.

    Raises:
        ValueError: the bundle does not define it.
        AttributeError: the same.
    """
    module, _, qualname = str(node["name"]).partition(":")
    if module not in namespace.modules:
        raise ValueError(f"the bundle has no module {module[:80]!r}")
    found: Any = namespace.load(module)
    for part in qualname.split("."):
        found = inspect.getattr_static(found, part)
    if isinstance(found, enum.EnumType) and ("member" in node or "flags" in node):
        return found[str(node["member"])] if "member" in node else found(inner(node["flags"]))
    if "member" in node or "flags" in node or not isinstance(found, types.FunctionType | type):
        raise ValueError(f"{qualname[:80]!r} must be a function or a class")
    if isinstance(found, type) and namespace.original(found.__module__) not in namespace.modules:
        raise ValueError(f"the bundle does not define {qualname[:80]!r}")
    if isinstance(found, type) and "items" in node:
        if not (issubclass(found, tuple) and hasattr(found, "_make")):
            raise ValueError(f"{qualname[:80]!r} must be a named tuple")
        return found._make(inner(node["items"]))
    if isinstance(found, type) and "state" in node:
        items = [(str(name), inner(value)) for name, value in node["state"]]
        content = inner(node["content"]) if "content" in node else None
        return given_state(found, items, content, is_own_dict=node.get("itself") is True)
    return found
