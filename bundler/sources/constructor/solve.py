"""From the value of an expression back to the value of a name in it.

``Dense(units * 2)`` has become a layer with 64 units, so ``units`` was 32. Only steps that have one answer are taken;
everything else gives `UNKNOWN`, never a guess: a wrong dropout rate would pass every comparison of outputs.
"""

from __future__ import annotations

import ast
import enum
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bundler.frameworks import root_of
from bundler.sources.constructor.constructor_text import ConstructorScope, bound, definition

#: No answer. `None` is a value.
UNKNOWN: Any = type("Unknown", (), {"__repr__": lambda _: "UNKNOWN", "__bool__": lambda _: False})()

#: Calls of one argument that give it back, or something that the same call leaves as it is.
_CASTS = frozenset(
    {"int", "float", "list", "tuple", "dict", "copy", "deepcopy"}
    | {"array", "asarray", "constant", "convert_to_tensor", "cast", "get", "deserialize"}
)
_CASTING = frozenset({"builtins", "copy", "keras", "numpy", "tensorflow"})
_MOST_DEPTH = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaf:
    """The name whose value is wanted: a parameter with its default, or the variable of a loop."""

    scope: ConstructorScope
    name: str
    default: Any = UNKNOWN


@dataclass(frozen=True, kw_only=True, slots=True)
class Solver:
    """Undoes expressions; `part` gives the argument that an object was made with, or `UNKNOWN`."""

    part: Callable[[Any, str], Any]

    def mentions(self, scope: ConstructorScope, node: ast.AST, leaf: Leaf, depth: int = 0) -> bool:
        """Say whether the value of `node` depends on `leaf`."""
        if depth > _MOST_DEPTH:
            return True
        for item in ast.walk(node):
            if not isinstance(item, ast.Name):
                continue
            found = scope.lookup(item.id)
            if found is None:
                continue
            owner, definition = found
            if owner is leaf.scope and item.id == leaf.name:
                return True
            if definition is not None and self.mentions(*definition, leaf, depth + 1):
                return True
        return False

    def solve(self, scope: ConstructorScope, node: ast.expr, value: Any, leaf: Leaf, depth: int = 0) -> Any:
        """Return the value that `leaf` had when `node` had `value`, or `UNKNOWN`."""
        if depth > _MOST_DEPTH or not self.mentions(scope, node, leaf):
            return UNKNOWN
        if isinstance(node, ast.Name):
            return self._name(scope, node, value, leaf, depth)
        if isinstance(node, ast.Call):
            return self._call(scope, node, value, leaf, depth)
        if isinstance(node, ast.ListComp | ast.GeneratorExp):
            return self._comprehension(scope, node, value, leaf, depth)
        if isinstance(node, ast.List | ast.Tuple):
            return self._elements(scope, node.elts, value, leaf, depth)
        if isinstance(node, ast.Dict):
            return self._dict(scope, node, value, leaf, depth)
        if isinstance(node, ast.BinOp):
            return self._arithmetic(scope, node, value, leaf, depth)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and _is_number(value):
            return self.solve(scope, node.operand, -value, leaf, depth + 1)
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            # "p or default" is what p was, or something that the same expression leaves as it is.
            first = node.values[0]
            return self.solve(scope, first, value, leaf, depth + 1) if isinstance(first, ast.Name) else UNKNOWN
        if isinstance(node, ast.IfExp):
            return self._choice(scope, node, value, leaf, depth)
        return UNKNOWN

    def _name(self, scope: ConstructorScope, node: ast.Name, value: Any, leaf: Leaf, depth: int) -> Any:
        found = scope.lookup(node.id)
        if found is None:
            return UNKNOWN
        owner, definition = found
        if owner is leaf.scope and node.id == leaf.name:
            return value
        return self.solve(*definition, value, leaf, depth + 1) if definition else UNKNOWN

    def _call(self, scope: ConstructorScope, node: ast.Call, value: Any, leaf: Leaf, depth: int) -> Any:
        if isinstance(node.func, ast.Attribute) and scope.is_self(node.func.value):
            return UNKNOWN
        called, function = _called_name(node), scope.resolve(node.func)
        is_cast = called in _CASTS and root_of(function) in _CASTING
        if isinstance(function, enum.EnumType) and isinstance(value, function) and len(node.args) == 1:
            return self.solve(scope, node.args[0], _looked_up(value, leaf), leaf, depth + 1)
        if isinstance(function, type) and isinstance(value, function) and not is_cast:
            return self._construction(scope, node, value, leaf, depth)
        if not is_cast or not node.args or (called in ("int", "float") and not _is_number(value)):
            return UNKNOWN
        return self.solve(scope, node.args[0], value, leaf, depth + 1)

    def _construction(self, scope: ConstructorScope, node: ast.Call, value: Any, leaf: Leaf, depth: int) -> Any:
        try:
            signature = inspect.signature(type(value).__init__)
        except (TypeError, ValueError):
            return UNKNOWN
        for name, argument in bound(node, signature, skip=1):
            if self.mentions(scope, argument, leaf):
                given = self.part(value, name)
                found = UNKNOWN if given is UNKNOWN else self.solve(scope, argument, given, leaf, depth + 1)
                if found is not UNKNOWN:
                    return found
        return UNKNOWN

    def _elements(self, scope: ConstructorScope, nodes: Sequence[ast.expr], value: Any, leaf: Leaf, depth: int) -> Any:
        items = _items(value)
        if items is None or any(isinstance(node, ast.Starred) for node in nodes):
            return UNKNOWN
        # Sequential does not show its input among its layers.
        nodes = [node for node in nodes if not _is_input(node)] if len(items) != len(nodes) else nodes
        if len(items) != len(nodes):
            return UNKNOWN
        for node, item in zip(nodes, items, strict=True):
            found = self.solve(scope, node, item, leaf, depth + 1)
            if found is not UNKNOWN:
                return found
        return UNKNOWN

    def _dict(self, scope: ConstructorScope, node: ast.Dict, value: Any, leaf: Leaf, depth: int) -> Any:
        for key, item in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and hasattr(value, "get") and key.value in value:
                found = self.solve(scope, item, value[key.value], leaf, depth + 1)
                if found is not UNKNOWN:
                    return found
        return UNKNOWN

    def _comprehension(
        self, scope: ConstructorScope, node: ast.ListComp | ast.GeneratorExp, value: Any, leaf: Leaf, depth: int
    ) -> Any:
        items = _items(value)
        if items is None or len(node.generators) != 1 or node.generators[0].ifs:
            return UNKNOWN
        loop = node.generators[0]
        inside = ConstructorScope(
            function=scope.function,
            names={item.id: None for item in ast.walk(loop.target) if isinstance(item, ast.Name)},
            parent=scope,
            receiver=scope.receiver,
        )
        if self.mentions(scope, loop.iter, leaf):
            found = self._iterable(scope, loop, inside, node.elt, items, leaf, depth)
            if found is not UNKNOWN:
                return found
        return self.solve(inside, node.elt, items[0], leaf, depth + 1) if items else UNKNOWN

    def _iterable(
        self,
        scope: ConstructorScope,
        loop: ast.comprehension,
        inside: ConstructorScope,
        element: ast.expr,
        items: Sequence[Any],
        leaf: Leaf,
        depth: int,
    ) -> Any:
        """Return the value of `leaf` in what a loop runs over: a count, or the list of what each turn had."""
        source, target = loop.iter, loop.target
        if isinstance(source, ast.Call) and isinstance(source.func, ast.Name):
            if source.func.id == "range":
                if len(source.args) != 1:
                    return UNKNOWN
                return self.solve(scope, source.args[0], len(items), leaf, depth + 1)
            if source.func.id in ("enumerate", "zip") and isinstance(target, ast.Tuple):
                targets = target.elts[1:] if source.func.id == "enumerate" else target.elts
                pairs = list(zip(targets, source.args, strict=False))
            else:
                return UNKNOWN
        else:
            pairs = [(target, source)]
        for name, iterated in pairs:
            if isinstance(name, ast.Name) and self.mentions(scope, iterated, leaf):
                values = self._turns(inside, name.id, element, items, depth)
                if values is not UNKNOWN:
                    return self.solve(scope, iterated, values, leaf, depth + 1)
        return UNKNOWN

    def _turns(self, inside: ConstructorScope, name: str, element: ast.expr, items: Sequence[Any], depth: int) -> Any:
        variable = Leaf(scope=inside, name=name)
        values = []
        for item in items:
            found = self.solve(inside, element, item, variable, depth + 1)
            if found is UNKNOWN:
                return UNKNOWN
            values.append(found)
        return values

    def _arithmetic(self, scope: ConstructorScope, node: ast.BinOp, value: Any, leaf: Leaf, depth: int) -> Any:
        items = _items(value)
        if isinstance(node.op, ast.Add) and items is not None:
            return self._joined(scope, node, items, leaf, depth)
        if isinstance(node.op, ast.FloorDiv) and isinstance(node.right, ast.Constant) and _is_used_alike(leaf, node):
            # Several numbers give this one; where all that is made of the name is this, they give the same object.
            if isinstance(value, int) and isinstance(node.right.value, int) and isinstance(node.left, ast.Name):
                return self.solve(scope, node.left, value * node.right.value, leaf, depth + 1)
            return UNKNOWN
        for operand, other in ((node.left, node.right), (node.right, node.left)):
            if not isinstance(other, ast.Constant) or not _is_number(other.value) or not _is_number(value):
                continue
            inverse = _inverse(node.op, value, other.value, is_left=operand is node.left)
            if inverse is not UNKNOWN:
                return self.solve(scope, operand, inverse, leaf, depth + 1)
        return UNKNOWN

    def _joined(self, scope: ConstructorScope, node: ast.BinOp, items: Sequence[Any], leaf: Leaf, depth: int) -> Any:
        """Undo ``left + right`` of two lists, of which one spells out its length."""
        if isinstance(node.right, ast.List):
            cut = len(items) - len(node.right.elts)
        elif isinstance(node.left, ast.List):
            cut = len(node.left.elts)
        else:
            return UNKNOWN
        if not 0 <= cut <= len(items):
            return UNKNOWN
        for side, part in ((node.left, items[:cut]), (node.right, items[cut:])):
            found = self.solve(scope, side, part, leaf, depth + 1)
            if found is not UNKNOWN:
                return found
        return UNKNOWN

    def _choice(self, scope: ConstructorScope, node: ast.IfExp, value: Any, leaf: Leaf, depth: int) -> Any:
        """Undo ``X(p) if p else other``, where the value tells which side it was."""
        for side, other in ((node.body, node.orelse), (node.orelse, node.body)):
            if isinstance(side, ast.Name) and self.mentions(scope, side, leaf):
                # "p if p is not None else 4": handing in the 4 gives the same object. "p if use else q" is another
                # matter: it may be the q, and p go somewhere else, too.
                own = self._asks_of(scope, node.test, leaf)
                return self.solve(scope, side, value, leaf, depth + 1) if own else UNKNOWN
            if not isinstance(other, ast.Constant):
                continue
            is_other = is_constant(other, value)
            found = UNKNOWN if is_other else self.solve(scope, side, value, leaf, depth + 1)
            if found is UNKNOWN and (is_other or not self.mentions(scope, side, leaf)):
                found = self.condition(scope, node.test, is_other is (other is node.body), leaf)
            if found is not UNKNOWN:
                return found
        return UNKNOWN

    def _asks_of(self, scope: ConstructorScope, test: ast.expr, leaf: Leaf) -> bool:
        """Say whether a condition is about `leaf`, and about no other name of the constructor."""
        names = [item for item in ast.walk(test) if isinstance(item, ast.Name) and scope.lookup(item.id) is not None]
        return bool(names) and all(self.mentions(scope, item, leaf) for item in names)

    def condition(self, scope: ConstructorScope, test: ast.expr, truth: bool, leaf: Leaf) -> Any:
        """Return the value of `leaf` from how a condition came out, where that leaves one, or `UNKNOWN`."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return self.condition(scope, test.operand, not truth, leaf)
        if isinstance(test, ast.Name):
            if isinstance(leaf.default, bool):
                return self.solve(scope, test, truth, leaf)
            falsy = leaf.default is not UNKNOWN and not leaf.default
            return self.solve(scope, test, leaf.default, leaf) if falsy and not truth else UNKNOWN
        if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.comparators[0], ast.Constant):
            return UNKNOWN
        operator, constant = test.ops[0], test.comparators[0].value
        is_equal = isinstance(operator, ast.Is | ast.Eq)
        if (is_equal and truth) or (isinstance(operator, ast.IsNot | ast.NotEq) and not truth):
            return self.solve(scope, test.left, constant, leaf)
        if isinstance(operator, ast.Gt) and not truth and constant == 0:
            return self.solve(scope, test.left, constant, leaf)
        return UNKNOWN


def is_constant(node: ast.expr, value: Any) -> bool:
    """Say whether `value` is the constant that `node` spells."""
    if not isinstance(node, ast.Constant):
        return False
    return value is node.value or (type(value) is type(node.value) and bool(value == node.value))


def _is_used_alike(leaf: Leaf, node: ast.BinOp) -> bool:
    """Say whether every use of `leaf` in its function is the expression `node`."""
    tree = definition(leaf.scope.function)
    if tree is None:
        return False
    text = ast.dump(node)
    alike = sum(isinstance(item, ast.BinOp) and ast.dump(item) == text for item in ast.walk(tree))
    names = [item.id for item in ast.walk(tree) if isinstance(item, ast.Name)]
    return alike == names.count(leaf.name) > 0 and "locals" not in names


def _inverse(operator: ast.operator, value: Any, constant: Any, *, is_left: bool) -> Any:
    if isinstance(operator, ast.Mult) and constant:
        if isinstance(value, int) and isinstance(constant, int):
            return value // constant if value % constant == 0 else UNKNOWN
        return value / constant
    if isinstance(operator, ast.Add):
        return value - constant
    if isinstance(operator, ast.Sub):
        return value + constant if is_left else constant - value
    return UNKNOWN


def _items(value: Any) -> list[Any] | None:
    if isinstance(value, str | bytes) or not hasattr(value, "__len__") or not hasattr(value, "__getitem__"):
        try:
            layers = getattr(value, "layers", None)
        except Exception:  # noqa: BLE001 - a property may raise anything
            return None
        return list(layers) if isinstance(layers, list) else None
    return list(value) if isinstance(value, Sequence) else None


def _called_name(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _is_input(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and _called_name(node) in ("Input", "InputLayer")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _looked_up(member: enum.Enum, leaf: Leaf) -> Any:
    """Return what ``Kind(kind)`` was called with: the member, which gives itself, or the value that stands for it."""
    is_value = not isinstance(leaf.default, enum.Enum) and not isinstance(member, str | int)
    return member.value if is_value else member
