"""The classes that a bundle defines: what they derive from, and which methods are theirs."""

from __future__ import annotations

import ast
from collections.abc import Set as AbstractSet

from bundler.audit.source.lookup import Kind
from bundler.audit.source.name_values import Flow
from bundler.audit.source.scopes import Scope
from bundler.audit.source.values import UNKNOWN, Foreign, GivenObject, OfClass, OwnClass, UnknownObject, Value, Values

#: Classes that bring their subclasses no attribute under a name that they choose.
_BASES = frozenset(
    "builtins.object abc.ABC typing.Generic typing.Protocol keras.Layer keras.layers.Layer keras.Model keras.models.Model"
    " builtins.Exception builtins.ValueError builtins.TypeError".split()
)
#: Built-in classes of which a pattern takes the whole object by position.
_SELF_MATCHING = frozenset(
    f"builtins.{name}" for name in "bool bytearray bytes dict float frozenset int list set str tuple".split()
)
METACLASSES = frozenset(Foreign(name) for name in ("builtins.type", "abc.ABCMeta", "enum.EnumMeta"))


class OwnClasses:
    """Questions about the classes of a bundle, each by its place."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow

    def bases(self, scope: Scope) -> list[Values]:
        """Return what each base of the class of `scope` may be."""
        return [self.flow.of(base, scope.outer or scope) for base in getattr(scope.node, "bases", ())]

    def line(self, place: str) -> dict[str, Scope | None]:
        """Return a class and those of its bases that are the bundle's, by place; `None` for one that is not found."""
        found: dict[str, Scope | None] = {}
        waiting = [place]
        while waiting:
            if (place := waiting.pop()) not in found:
                scope = found[place] = self.flow.classes.get(place)
                values = [value for base in self.bases(scope) for value in base] if scope else []
                waiting += [value.place for value in values if isinstance(value, OwnClass)]
        return found

    def ancestors(self, place: str) -> AbstractSet[Value]:
        """Return what a class derives from outside the bundle, through its bases in the bundle."""
        found: set[Value] = set()
        for scope in self.line(place).values():
            found = found.union(*self.bases(scope)) if scope else found | {UNKNOWN}
        return {value for value in found if not isinstance(value, OwnClass)}

    def method_around(self, scope: Scope) -> str | None:
        """Return the method around `scope`, where nothing but a class of the bundle can call it."""
        for around in scope.chain():
            in_class = around.outer is not None and around.outer.kind == "class"
            if in_class and isinstance(around.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                plain = all(
                    self.flow.of(item, around.outer or around) == {Foreign("builtins.property")}
                    or (isinstance(item, ast.Attribute) and item.attr in ("setter", "getter", "deleter"))
                    for item in around.node.decorator_list
                )
                return around.node.name if plain else None
        return None

    def methods(self, place: str, *, static: bool = False) -> AbstractSet[str]:
        """Return the methods that a class, or one of its bases in the bundle, defines outright.

        `static` asks for those that take no instance.
        """
        wanted = ("classmethod", "staticmethod") if static else ("property", "classmethod")
        return {
            item.name
            for scope in self.line(place).values()
            if scope is not None
            for item in getattr(scope.node, "body", ())
            if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef))
            and all(isinstance(one, ast.Name) and one.id in wanted for one in item.decorator_list)
            and len(scope.bindings.get(item.name, ())) == 1
            and (item.decorator_list or not static)
        }

    def are_mixed(self) -> bool:
        """Whether a class has foreign methods before those of another class of the bundle."""
        for scope in self.flow.classes.values():
            own = [{type(value) for value in base} for base in self.bases(scope)]
            foreign = next((index for index, kinds in enumerate(own) if kinds != {OwnClass}), len(own))
            if any(OwnClass in kinds for kinds in own[foreign + 1 :]):
                return True
        return False

    def has_open_base(self, place: str) -> bool:
        """Whether a class derives from one of a requirement, whose attributes no table has."""
        found = {value for scope in self.line(place).values() if scope for base in self.bases(scope) for value in base}
        return any(isinstance(value, (GivenObject, UnknownObject)) or value.kind is Kind.OPEN for value in found)

    def is_no_text(self, owner: Value) -> bool:
        """Whether an object is the bundle's own, of nothing that may be a text, a dataset or a layer's table."""
        return isinstance(owner, OfClass) and all(
            isinstance(value, Foreign)
            and (value.name in _BASES or value.name.partition(".")[0] == "keras" or value.name == "tensorflow.Module")
            for value in self.ancestors(owner.place)
        )

    def is_metaclass(self, value: Value) -> bool:
        """Whether this is a class of the bundle that makes classes."""
        return isinstance(value, OwnClass) and bool(self.ancestors(value.place) & METACLASSES)

    def is_in_sight(self, node: ast.ClassDef, scope: Scope) -> bool:
        """Whether nothing but the text of a class and of its bases says what it has."""
        place = next((name for name, found in self.flow.classes.items() if found.node is node), "")
        own = all(item.arg != "metaclass" for item in node.keywords) and all(
            self.flow.gives_back(item, scope) for item in node.decorator_list
        )
        return own and all(isinstance(value, Foreign) for value in self.ancestors(place) - METACLASSES)

    def is_positional(self, value: Value) -> bool:
        """Whether what a class pattern reads by position shows in the source."""
        if isinstance(value, Foreign):
            return value.name in _SELF_MATCHING
        scope = self.flow.classes.get(value.place) if isinstance(value, OwnClass) else None
        return scope is not None and isinstance(scope.node, ast.ClassDef) and self.is_in_sight(scope.node, scope)
