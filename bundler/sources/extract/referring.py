"""The names by which a generated module has what the lines for a value refer to."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any, Protocol

from bundler.sources.extract import bindings, framework_values
from bundler.sources.extract.draft import Draft, Item
from bundler.sources.extract.drafts import Drafts
from bundler.sources.extract.extracted import NotExtractable
from bundler.sources.extract.namespaces import is_extractable
from bundler.sources.extract.naming import identifier
from bundler.sources.extract.refusals import NameUse
from bundler.values import Unsayable

#: What is a value by itself: nobody asks whether it is the same object.
_SCALARS = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), tuple, range, slice, frozenset)


class InProgress(Exception):
    """What a value refers to is being written, and leads back to it: the value has to be written with it."""


class Extractor(Protocol):
    """What extracts definitions, as far as values need it."""

    functions: Sequence[FunctionType]
    carried: dict[int, tuple[Any, Draft, str]]
    unfinished: set[int]
    drafts: Drafts
    places: dict[Any, tuple[Draft, str]]
    #: The variables of the packed model, by identity.
    parts: frozenset[int]

    def add(self, obj: Any) -> tuple[Draft, str]:
        """Extract an object and return where it is."""
        ...

    def bind_captured(self, draft: Draft, namespace: Mapping[str, Any], name: str, value: Any, use: NameUse) -> None:
        """Make `draft` bind `name` to a value that a function took from around it."""
        ...

    def bring(self, draft: Draft, namespace: Mapping[str, Any], name: str, use: NameUse) -> None:
        """Make `draft` bind `name` as `namespace` does."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class References:
    """Gives the names for one value, and brings what they stand for into its draft; `names` are all that were given."""

    extractor: Extractor
    draft: Draft
    namespace: Mapping[str, Any]
    use: NameUse
    name: str
    names: set[str] = field(default_factory=set)

    def refer(self, value: Any) -> str:
        """Return the name of a module, class or function.

        Raises:
            Unsayable: nothing that can be imported or extracted gives it.
        """
        name = self._name_of(value)
        self.names.add(name.partition(".")[0])
        return name

    def known(self, value: Any) -> str | None:
        """Return the name of an object that has one already, here or in the author's namespace."""
        if isinstance(value, _SCALARS):
            return None
        if id(value) in self.extractor.carried:
            if id(value) in self.extractor.unfinished:
                raise InProgress
            _, other, known = self.extractor.carried[id(value)]
            if other is not self.draft:
                self.draft.imports_from.add(other.name)
                known = self._imported(value, known, f"from {other.name} import {known}")
            self.names.add(known)
            return known
        name = self._in_namespace(value)
        if name is None or name == self.name:
            return None
        try:
            self.extractor.bring(self.draft, self.namespace, name, self.use)
        except InProgress:
            return None
        self.names.add(name)
        return name

    def is_free(self, name: str) -> bool:
        """Say whether nothing has the name `name` in the draft, nor could get it."""
        places: tuple[Mapping[str, Any], ...] = (
            self.draft.bound, self.draft.promised, self.namespace, vars(builtins),
        )  # fmt: skip
        return all(name not in place for place in places)

    def _name_of(self, value: Any) -> str:
        name: str | None
        own = str(getattr(value, "__name__", ""))
        if isinstance(value, type) and getattr(builtins, own, None) is value:
            return own
        names = [name for name, item in self.draft.bound.items() if item is value and name != self.name]
        if names:
            return names[0]
        name = self._in_namespace(value)
        if name is not None and name != self.name:
            self.extractor.bring(self.draft, self.namespace, name, self.use)
            return name
        if is_extractable(value):
            other, qualname = self.extractor.add(value)
            if other is self.draft:
                return qualname
            first = qualname.partition(".")[0]
            self.draft.imports_from.add(other.name)
            return self._imported(value, qualname, f"from {other.name} import {first}") if first == qualname else first
        if isinstance(value, ModuleType):
            if sys.modules.get(value.__name__) is not value:
                raise Unsayable(f"the module {value.__name__!r}, which was not imported")
            return self._imported(value, value.__name__.partition(".")[0], None)
        place = framework_values.public_place(value)
        if place is not None:
            return self._imported(value, place[1], f"from {place[0]} import {place[1]}")
        text = bindings.import_by_value(own, value)
        if text is None:
            raise Unsayable(f"{own or value!r}, which no module gives by that name")
        return self._imported(value, own, text)

    def _in_namespace(self, value: Any) -> str | None:
        # IPython keeps results as _, __ and _3; the author did not choose those names.
        named = (name for name, item in self.namespace.items() if item is value and not name.startswith("_"))
        return next(named, None)

    def _imported(self, value: Any, wanted: str, text: str | None) -> str:
        """Import `value` by the statement `text`, under `wanted` or a name like it, and return the name."""
        root = identifier(wanted)
        name, number = root, 1
        while not (self.is_free(name) or self.draft.bound.get(name) is value):
            name = f"_{root}" if number == 1 else f"_{root}_{number}"
            number += 1
        if text is None:
            text = _module_import(value, name)
        elif name != wanted:
            text += f" as {name}"
        if self.draft.bound.setdefault(name, value) is not value:
            raise NotExtractable(f"{self.use.where}: {name!r} means two things; give one of them another name")
        self.draft.add(Item(names=(name,), text=text, order=self.use.before, is_import=True))
        return name


def _module_import(module: ModuleType, name: str) -> str:
    origin = bindings.public_name(module.__name__)
    # ``import scipy.sparse`` binds scipy.
    return f"import {origin}" if origin == name else f"import {origin} as {name}"
