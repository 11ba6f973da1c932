"""Whether a config that Keras is to build from was handed in: then it is the config audit's matter.

1. A parameter is handed in, and so is a part of one, or a copy in which everything comes from one.
2. A dict that the code writes out is not, not even an empty one: any name can be put into it (CVE-2025-1550).
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from bundler.audit.config.stock import is_stock_class
from bundler.audit.source.name_values import Flow
from bundler.audit.source.scopes import Scope
from bundler.audit.source.values import Foreign

#: Methods that give a part of a dict or list, or a copy.
_PARTS = frozenset({"pop", "get", "copy", "items", "values"})
#: Functions that give what their arguments hold. Only these very functions: a bundle may define its own `dict`.
_COPIES = frozenset(
    {f"builtins.{name}" for name in ("dict", "list", "enumerate", "zip")} | {"copy.copy", "copy.deepcopy"}
)
#: What gives the config of an object.
_SERIALIZE = (".serialize_keras_object", ".layers.serialize")
#: Keys by which a config says what is to be built.
_NAMING = frozenset({"class_name", "config", "module", "registered_name"})
#: Modules of Keras whose classes are made from numbers and build nothing else.
_PLAIN = ("keras.initializers", "keras.regularizers", "keras.constraints")


def names_plain_object(entries: Mapping[Any, ast.expr]) -> bool:
    """Return whether a config that is written out names an initializer, regularizer or constraint of Keras's."""
    name, module = entries.get("class_name"), entries.get("module")
    if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
        return False
    if module is None:
        return any(is_stock_class(part, name.value) for part in _PLAIN)
    return isinstance(module, ast.Constant) and module.value in _PLAIN and is_stock_class(module.value, name.value)


def is_of_object(node: ast.expr, scope: Scope, flow: Flow) -> bool:
    """Return whether a value is the config that Keras itself made of an object: ``deserialize(serialize(layer))``."""
    if isinstance(node, ast.Name):
        bound = next((around.bindings[node.id] for around in scope.chain() if node.id in around.bindings), [])
        return bool(bound) and all(
            item.how == "value" and isinstance(item.node, ast.Call) and is_of_object(item.node, item.scope, flow)
            for item in bound
        )
    if not isinstance(node, ast.Call) or len(node.args) != 1 or node.keywords:
        return False
    callees, made = flow.of(node.func, scope), node.args[0]
    if not all(isinstance(value, Foreign) and value.name.endswith(_SERIALIZE) for value in callees):
        return False
    owner = made.value if isinstance(made, ast.Attribute) else made
    return isinstance(owner, ast.Name) and (owner is not made or is_handed_in(made, scope, flow))


def is_handed_in(node: ast.expr, scope: Scope, flow: Flow) -> bool:
    """Return whether a value is a parameter of a function around it, or made of one: ``{**config}["layer"]``."""
    return _ConfigReading(flow).comes_in(node, scope)


class _ConfigReading:
    """One look at a config, and the names that were met on the way: each is followed once."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.seen: set[tuple[Scope, str]] = set()

    def comes_in(self, node: ast.AST | None, scope: Scope) -> bool:
        if isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred)):
            return self.comes_in(node.value, scope)
        if isinstance(node, ast.Call):
            return self.call(node, scope)
        if isinstance(node, ast.Dict):
            # Only a copy, such as ``{**config, "units": 3}``.
            return None in node.keys and self.added(node, scope)
        if isinstance(node, ast.DictComp):
            return self.filtered(node, scope)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            # What a literal adds is looked at as if it stood behind ``**`` of the other side.
            return self.comes_in(node.left, scope) and (
                self.added(node.right, scope) if isinstance(node.right, ast.Dict) else self.comes_in(node.right, scope)
            )
        if isinstance(node, ast.BoolOp):
            return all(self.comes_in(item, scope) for item in node.values)
        if isinstance(node, ast.IfExp):
            return self.comes_in(node.body, scope) and self.comes_in(node.orelse, scope)
        if isinstance(node, ast.Constant):
            return node.value is None
        return isinstance(node, ast.Name) and self.name(node, scope)

    def name(self, node: ast.Name, scope: Scope) -> bool:
        for around in scope.chain():
            name = around.mangled(node.id)
            bound = around.bindings.get(name)
            if bound and around.kind == "function":
                if (around, name) in self.seen:
                    return True
                self.seen.add((around, name))
                return all(
                    item.how == "parameter" or (item.node is not None and self.comes_in(item.node, item.scope))
                    for item in bound
                )
        return False

    def call(self, node: ast.Call, scope: Scope) -> bool:
        callees = self.flow.of(node.func, scope)
        paths = {value.name for value in callees if isinstance(value, Foreign)}
        if paths and len(paths) == len(callees):
            known = all(path in _COPIES or "deserialize" in path for path in paths)
            if "builtins.dict" in paths:
                # ``dict(config, units=3)``: arguments by name are entries.
                known = known and all(self.entry(item.arg, item.value, scope) for item in node.keywords)
            return known and bool(node.args) and all(self.comes_in(item, scope) for item in node.args)
        if isinstance(node.func, ast.Attribute) and node.func.attr in _PARTS:
            return self.comes_in(node.func.value, scope)
        return False

    def added(self, node: ast.Dict, scope: Scope) -> bool:
        return all(
            (key is None or isinstance(key, ast.Constant))
            and self.entry(None if key is None else key.value, value, scope)
            for key, value in zip(node.keys, node.values, strict=True)
        )

    def entry(self, key: object, value: ast.expr, scope: Scope) -> bool:
        """Whether an entry beside what was handed in can name nothing; `key` is `None` for ``**value``."""
        if key is None:
            return self.comes_in(value, scope)
        return key not in _NAMING and (isinstance(value, ast.Constant) or self.comes_in(value, scope))

    def filtered(self, node: ast.DictComp, scope: Scope) -> bool:
        """Whether this is ``{k: v for k, v in config.items() if ...}``."""
        first, target = node.generators[0], node.generators[0].target
        if len(node.generators) != 1 or not isinstance(target, ast.Tuple):
            return False
        if [ast.dump(item) for item in target.elts] != [
            ast.dump(ast.Name(item.id, ast.Store())) for item in (node.key, node.value) if isinstance(item, ast.Name)
        ]:
            return False
        items = first.iter
        return (
            len(target.elts) == 2
            and isinstance(items, ast.Call)
            and isinstance(items.func, ast.Attribute)
            and items.func.attr == "items"
            and self.comes_in(items, scope)
        )
