"""What is done with the classes of objects: ``x.__class__`` and ``type(x)``.

1. The class of a class is `type`, or a metaclass, which makes classes from data: no guard sees that.
2. ``type(x)`` may be handed on, since the guard's own `type` looks at what it gives. ``x.__class__`` is read past that
   guard, so handing it on is held at load.
"""

from __future__ import annotations

import ast

from bundler.audit.source.lookup import Kind
from bundler.audit.source.module_findings import ModuleFindings
from bundler.audit.source.name_values import Flow
from bundler.audit.source.scopes import Scope
from bundler.audit.source.values import Foreign, Instance, Nothing, OwnClass, ThisClass, ThisText, Value

#: What is given a class and hands it to nobody.
_SHOW = frozenset(f"builtins.{name}" for name in "str repr print hash id isinstance issubclass callable format".split())
_LITERALS = (ast.Dict, ast.List, ast.Tuple, ast.Set)


class ObjectClasses:
    """What the class of an object is used for."""

    def __init__(self, flow: Flow, record: ModuleFindings) -> None:
        self.flow = flow
        self.record = record
        #: Expressions in which Keras's way to clone an object reads its class.
        self.clones: set[ast.AST] = set()

    def is_class_of(self, node: ast.expr, scope: Scope) -> bool:
        """Whether this is ``x.__class__`` or ``type(x)``."""
        if isinstance(node, ast.Attribute):
            return node.attr == "__class__"
        if not isinstance(node, ast.Call) or len(node.args) != 1 or node.keywords:
            return False
        return Foreign("builtins.type") in self.flow.of(node.func, scope)

    def class_of(self, node: ast.expr, scope: Scope) -> None:
        """Record that the class of some object is used: calls of layers that are looked at could not be seen."""
        if node in self.clones:
            return
        of = node.args[0] if isinstance(node, ast.Call) else node.value  # type: ignore[attr-defined]
        if any(not isinstance(value, (Instance, ThisClass, Nothing)) for value in self.flow.of(of, scope)):
            what = "the class of an object may be that of a layer or formatter that reads files"
            self.record.later("layers", "filesystem", node, what)

    def may_be_type(self, node: ast.expr, scope: Scope) -> None:
        """Report ``x.__class__`` that is handed on, or called as `type` is: no guard sees which class it is.

        The guard's `type` looks at what it gives, so ``type(x)`` is not meant.
        """
        if not isinstance(node, ast.Attribute):
            return
        what = "the class of an object may be type, which makes classes from data"
        for owner in self.flow.of(node.value, scope):
            if isinstance(owner, Instance):
                self.record.own(node, scope, "dynamic-code", what, hard=True)
            elif not isinstance(owner, Nothing):
                self.record.sink("dynamic-code", node, scope, what, hard=True)

    def only_shows(self, node: ast.Call, scope: Scope) -> bool:
        """Whether a call does no more with a class than print, compare or look it up: ``"{}".format(x.__class__)``."""
        if isinstance(node.func, ast.Attribute):
            if node.func.attr == "format":
                return all(isinstance(owner, ThisText) for owner in self.flow.of(node.func.value, scope))
            return node.func.attr == "get" and self.is_written_out(node.func.value, scope)
        return self.flow.is_one_of(node.func, scope, _SHOW)

    def is_written_out(self, node: ast.expr, scope: Scope) -> bool:
        """Whether this is a dict, list, tuple or set in sight, and no object with an ``__eq__`` of somebody's."""
        if isinstance(node, ast.Name):
            bound = [item for around in scope.chain() for item in around.bindings.get(around.mangled(node.id), ())]
            return bool(bound) and all(item.how == "value" and isinstance(item.node, _LITERALS) for item in bound)
        return isinstance(node, _LITERALS)

    def is_known_class(self, node: ast.expr, scope: Scope) -> bool:
        """Whether comparing a class with this asks no method of the bundle's."""
        return self.is_class_of(node, scope) or self.is_written_out(node, scope) or all(
            isinstance(value, OwnClass) or (isinstance(value, Foreign) and not value.is_kept)
            for value in self.flow.of(node, scope)
        )  # fmt: skip

    def is_class(self, value: Value) -> bool:
        """Whether this is a class, so that its own class is a metaclass."""
        return isinstance(value, OwnClass) or (
            isinstance(value, Foreign)
            and value.kind is Kind.PLAIN
            and value.name.partition(".")[0] in ("builtins", "abc", "enum", "typing", "collections")
        )

    def is_clone(self, node: ast.Call, scope: Scope) -> bool:
        """Whether this is ``x.__class__.from_config(x.get_config())``, as Keras clones an initializer."""
        made = node.func
        if not (isinstance(made, ast.Attribute) and isinstance(made.value, ast.Attribute)):
            return False
        if (made.attr, made.value.attr) != ("from_config", "__class__") or len(node.args) != 1 or node.keywords:
            return False
        config: ast.AST | None = node.args[0]
        if isinstance(config, ast.Name):
            # Under a name that is bound once and read once: nothing is added to it.
            bound = scope.bindings.get(config.id, [])
            uses = sum(isinstance(item, ast.Name) and item.id == config.id for item in ast.walk(scope.node))
            config = bound[0].node if len(bound) == 1 and bound[0].how == "value" and uses == 2 else None
        if not (isinstance(config, ast.Call) and isinstance(config.func, ast.Attribute) and not config.args):
            return False
        owner = config.func.value
        plain = isinstance(owner, ast.Name) or (isinstance(owner, ast.Attribute) and isinstance(owner.value, ast.Name))
        return plain and config.func.attr == "get_config" and ast.dump(owner) == ast.dump(made.value.value)
