"""What each name of a bundle may denote: the union over everything that binds it, to a fixed point.

1. The order of statements does not count: a name denotes all that it ever is. That only adds possibilities.
2. Only names are followed. Attributes, containers, arguments, defaults and results are not, since setters, descriptors,
   metaclasses and `inspect.signature` hand on what is stored there; `uses` keeps modules and calls that are looked at
   out of them, so what comes out of them is neither.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from bundler.audit.source import values
from bundler.audit.source.library_sinks import FOLLOWED
from bundler.audit.source.lookup import DEPTH, Kind, brings, look, member
from bundler.audit.source.scopes import Binding, Scope, ScopedModule
from bundler.audit.source.values import ANYTHING, FRAME, GIVEN, MADE, NONE, NOTHING, UNKNOWN, Value, Values, foreign
from bundler.formats.python.relative_imports import absolute

ROUNDS = 64  # passes over all bindings; one carries a value along a chain of names in source order, whatever its length
LONG = 10_000  # characters of a string that is put together here
MOST = 64  # things that one name may denote before its strings are no longer told apart
#: What gives back the strings it is given, perhaps in another order.
_KEEPS_ITEMS = frozenset(f"builtins.{name}" for name in ("list", "tuple", "set", "frozenset", "sorted", "reversed"))
#: Decorators whose result is the class that they decorate.
_GIVE_BACK = frozenset(
    "dataclasses.dataclass functools.total_ordering typing.final typing.runtime_checkable"
    " keras.saving.register_keras_serializable keras.utils.register_keras_serializable".split()
)
_STRINGS = (values.ThisText, values.TextPrefix, values.TextItems)
_BUILTINS = frozenset(dir(builtins))


class Flow:
    """The names of all modules of a bundle."""

    def __init__(self, modules: Mapping[str, ScopedModule]) -> None:
        self.modules = modules
        self.packages = {
            ".".join(parts[:end]) for parts in (name.split(".") for name in modules) for end in range(1, len(parts) + 1)
        }
        self.names: dict[tuple[Scope, str], Values] = {}
        #: Classes by the place that `OfClass` gives.
        self.classes: dict[str, Scope] = {}
        #: Whether a module has a function that answers for names that it lacks; a star import may bring it along.
        self._answers = any("__getattr__" in module.scope.bindings for module in modules.values())
        self.settled = False
        self._done = False
        self._reads: set[object] = set()
        self._changed: set[object] = set()
        self._memo: dict[ast.AST, Values] = {}
        for module in modules.values():
            for scope in module.order:
                if scope.kind == "class":
                    self.classes[f"{scope.module}:{scope.path}"] = scope
        self._run()

    def _run(self) -> None:
        work = [
            (scope, name, binding)
            for module in self.modules.values()
            for scope in module.order
            for name, bindings in scope.bindings.items()
            for binding in bindings
        ]
        reads: list[set[object] | None] = [None] * len(work)
        order = list(range(len(work)))
        for _ in range(ROUNDS):
            before, self._changed = self._changed, set()
            for index in order:
                if (seen := reads[index]) is not None and seen.isdisjoint(before) and seen.isdisjoint(self._changed):
                    continue
                self._reads = reads[index] = set()
                scope, name, binding = work[index]
                self._add(scope, name, self.bound(binding))
            order.reverse()
            if not self._changed:
                self.settled = True
                break
        self._done = True

    def _add(self, scope: Scope, name: str, found: Values) -> None:
        before = self.names.get((scope, name), NOTHING)
        after = before | found
        if len(after) > MOST:
            after = frozenset(value for value in after if not isinstance(value, _STRINGS)) | {UNKNOWN}
        if after != before:
            self.names[scope, name] = after
            self._changed.add((scope, name))

    def _named(self, scope: Scope, name: str) -> Values:
        self._reads.add((scope, name))
        return self.names.get((scope, name), NOTHING)

    def bound(self, binding: Binding) -> Values:
        """Return what one binding may give its name."""
        node = binding.node
        if binding.how == "import":
            return self.imported(node, binding.parent, binding.scope)  # type: ignore[arg-type]
        if binding.how in ("self", "cls"):
            kind = values.Instance if binding.how == "self" else values.ThisClass
            return frozenset({kind(place)}) if (place := _class_around(binding.scope)) else ANYTHING
        if binding.how == "definition":
            path = f"{binding.scope.path}.{node.name}".lstrip(".")  # type: ignore[union-attr]
            place = f"{binding.scope.module}:{path}"
            if not isinstance(node, ast.ClassDef):
                return frozenset({values.OwnFunction(place)})
            kept = all(self.gives_back(item, binding.scope) for item in node.decorator_list)
            return frozenset({values.OwnClass(place)} if kept else {values.OwnClass(place), UNKNOWN})
        if binding.how == "value" and node is not None:
            return self.of(node, binding.scope)
        if binding.how == "item" and node is not None:
            return frozenset(
                one
                for value in self._items(node, binding.scope)
                for one in (map(values.ThisText, value.texts) if isinstance(value, values.TextItems) else ANYTHING)
            )
        return ANYTHING

    def gives_back(self, decorator: ast.expr, scope: Scope) -> bool:
        """Whether a decorator of a class is one that gives back what it decorates."""
        return self.is_one_of(decorator.func if isinstance(decorator, ast.Call) else decorator, scope, _GIVE_BACK)

    def is_one_of(self, node: ast.expr, scope: Scope, paths: AbstractSet[str]) -> bool:
        """Whether all that an expression may denote is foreign things of these names."""
        found = self.of(node, scope)
        return bool(found) and all(isinstance(value, values.Foreign) and value.name in paths for value in found)

    def imported(self, alias: ast.alias, statement: ast.Import | ast.ImportFrom, scope: Scope) -> Values:
        """Return what one name of an import statement denotes."""
        if isinstance(statement, ast.Import):
            return self.module(alias.name if alias.asname else alias.name.partition(".")[0])
        base = self.absolute(statement, scope)
        if base is None:
            return ANYTHING
        return NOTHING.union(*(self.attribute(owner, alias.name) for owner in self.module(base)))

    def absolute(self, statement: ast.ImportFrom, scope: Scope) -> str | None:
        """Return the module that ``from ... import`` names, `None` where a relative one leaves the bundle."""
        package = scope.module if self.modules[scope.module].package else scope.module.rpartition(".")[0]
        name = absolute(statement.module or "", statement.level, package)
        return None if name.startswith(".") else name

    def module(self, name: str) -> Values:
        """Return the module of that name. A bundle may have one that is called like a known one: then it is both."""
        if name in self.packages:
            known = foreign(name.partition(".")[0]).kind is not Kind.OPEN
            return frozenset({values.OwnModule(name), foreign(name)} if known else {values.OwnModule(name)})
        return frozenset({foreign(name)})

    def of(self, node: ast.AST, scope: Scope) -> Values:
        """Return what an expression may denote."""
        if not self._done:
            return self._of(node, scope)
        if (found := self._memo.get(node)) is None:
            # What is only ever given its own value has none.
            found = self._memo[node] = self._of(node, scope) or ANYTHING
        return found

    def _of(self, node: ast.AST, scope: Scope) -> Values:
        if isinstance(node, ast.Name):
            return self.name(node.id, scope)
        if isinstance(node, ast.Attribute):
            name = scope.mangled(node.attr)
            return NOTHING.union(*(self.attribute(owner, name) for owner in self.of(node.value, scope)))
        if isinstance(node, ast.Call):
            return self.called(node, scope)
        if isinstance(node, ast.Constant):
            if node.value is None:
                return frozenset({NONE})
            return frozenset({values.ThisText(node.value)}) if isinstance(node.value, str) else ANYTHING
        if isinstance(node, ast.IfExp):
            return self.of(node.body, scope) | self.of(node.orelse, scope)
        if isinstance(node, ast.BoolOp):
            return NOTHING.union(*(self.of(item, scope) for item in node.values))
        if isinstance(node, ast.NamedExpr):
            return self.of(node.value, scope)
        if isinstance(node, ast.Subscript):
            items = self._items(node.value, scope)
            known = [value for value in items if isinstance(value, values.TextItems)]
            texts = frozenset(values.ThisText(item) for value in known for item in value.texts)
            return texts if len(known) == len(items) else ANYTHING
        if isinstance(node, ast.Tuple):
            return self._container(node)
        if isinstance(node, (ast.JoinedStr, ast.BinOp)):
            return self._text(node, scope)
        return ANYTHING

    def name(self, written: str, scope: Scope) -> Values:
        """Return what a name denotes where it stands in `scope`."""
        name = scope.mangled(written)
        found = NOTHING
        start = scope.top() if name in scope.globals else scope
        for around in start.chain():
            if around.kind == "class" and not (
                around is start or (around is start.outer and start.path.endswith("<generic>"))
            ):
                continue
            if around is not start and name in around.globals:
                break
            if name not in around.bindings or name in around.nonlocals:
                continue
            if around.kind == "function":
                return found | self._named(around, name)
            if around.kind == "class":
                found |= self._named(around, name)
        # From here it is a global; what is unbound yet, or again, is the built-in of that name.
        top = scope.top()
        found |= self.starred(name, top)
        bound = name in top.bindings
        if bound:
            found |= self._named(top, name)
        builtin = foreign(f"builtins.{name}") if name in _BUILTINS else None
        if builtin is not None:
            return found | {builtin}  # Also where it is bound: ``str = str`` is the built-in still.
        return found if bound or found else ANYTHING

    def starred(self, name: str, top: Scope, seen: frozenset[str] = frozenset()) -> Values:
        """Return what star imports bring under `name`; those of foreign modules bring what the tables list."""
        found = NOTHING
        if name.startswith("__") or top.module in seen or len(seen) > DEPTH:
            return found
        for statement in top.stars:
            base = self.absolute(statement, top)
            for owner in self.module(base) if base else NOTHING:
                if isinstance(owner, values.OwnModule) and owner.name in self.modules:
                    other = self.modules[owner.name].scope
                    found |= self._named(other, name) | self.starred(name, other, seen | {top.module})
                elif isinstance(owner, values.Foreign) and brings(owner.denoted, name):
                    found |= {foreign(f"{owner.name}.{name}")}
        return found

    def attribute(self, owner: Value, name: str) -> Values:
        """Return what the attribute `name` of `owner` may denote."""
        if isinstance(owner, values.Foreign) and owner.name == "keras.src.backend" and name == "set_backend":
            return frozenset({MADE})  # Of layers that have a backend of their own; the module has no such function.
        if isinstance(owner, values.Foreign):
            denoted = owner.denoted
            if denoted.kind in (Kind.MODULE, Kind.OPEN):
                return frozenset({values.Foreign(member(denoted, name).path, owner.real)})
            if f"{owner.name}.{name}" in FOLLOWED:
                return frozenset({foreign(f"{owner.name}.{name}")})
            return self.attribute(MADE, name)
        if isinstance(owner, values.OwnModule):
            path = f"{owner.name}.{name}"
            found = NOTHING
            module = self.modules.get(owner.name)
            if module is not None:
                found |= self._named(module.scope, name) | self.starred(name, module.scope)
            if path in self.packages:
                found |= {values.OwnModule(path)}
            if module is None:
                return found or frozenset({foreign(path)})
            if "__getattr__" in module.scope.bindings or (self._answers and module.scope.stars):
                # Its function of that name, perhaps from a star import, answers for what is not bound yet, or again.
                return found | ANYTHING
            # What its own text binds is found in a later pass, if not in this one; what nothing binds may be anything.
            return found if name in module.scope.bindings else found or ANYTHING
        if owner == NONE:
            return NOTHING
        if owner == FRAME:
            return frozenset({FRAME if name == "f_back" else values.Frame(is_code=True) if name == "f_code" else MADE})
        if name == "backend" and owner in (MADE, UNKNOWN):
            # What a seed generator of Keras has under this name is the module.
            return frozenset({owner, values.Foreign("keras.src.backend", real=True)})
        if owner in (MADE, GIVEN):
            return frozenset({owner})
        return ANYTHING

    def called(self, node: ast.Call, scope: Scope) -> Values:
        """Return what a call may give back."""
        found: set[Value] = set()
        for callee in self.of(node.func, scope):
            if isinstance(callee, values.OwnClass):
                found.add(values.Instance(callee.place))
            elif isinstance(callee, values.Foreign):
                found |= self._result(callee.name, node, scope)
            elif callee != NONE:
                found.add(callee if callee in (MADE, GIVEN) else UNKNOWN)
        return frozenset(found)

    def _result(self, path: str, node: ast.Call, scope: Scope) -> Values:
        if path == "builtins.getattr" and len(node.args) >= 2:
            found = NOTHING
            for owner in self.of(node.args[0], scope):
                for name in self.of(node.args[1], scope):
                    found |= self.attribute(owner, name.text) if isinstance(name, values.ThisText) else ANYTHING
            for default in node.args[2:]:
                found |= self.of(default, scope)
            return found
        if path == "builtins.super":
            first = self.of(node.args[1], scope) if len(node.args) == 2 else NOTHING
            of_self = bool(first) and all(isinstance(value, (values.Instance, values.ThisClass)) for value in first)
            return frozenset({values.Super(_class_around(scope))}) if of_self or not node.args else ANYTHING
        if path.startswith("builtins."):
            return ANYTHING
        if path in ("sys._getframe", "inspect.currentframe"):
            return frozenset({FRAME})
        return frozenset({GIVEN if look(path).kind is Kind.OPEN else MADE})

    def _items(self, node: ast.AST, scope: Scope) -> Values:
        """Return what iterating over an expression gives, as ``texts`` or anything.

        A name only stands for a tuple: a list under a name may have been added to.
        """
        if isinstance(node, (ast.List, ast.Set)):
            return self._container(node)
        one = isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords
        if one and self.is_one_of(node.func, scope, _KEEPS_ITEMS):  # type: ignore[attr-defined]
            return self._items(node.args[0], scope)  # type: ignore[attr-defined]
        return self.of(node, scope)

    def _container(self, node: ast.Tuple | ast.List | ast.Set) -> Values:
        # Only literal strings: what holds anything else is not told apart.
        items = [item.value for item in node.elts if isinstance(item, ast.Constant) and isinstance(item.value, str)]
        told_apart = 0 < len(items) <= MOST and len(items) == len(node.elts)
        return frozenset({values.TextItems(tuple(items))}) if told_apart else ANYTHING

    def _text(self, node: ast.JoinedStr | ast.BinOp, scope: Scope) -> Values:
        if isinstance(node, ast.JoinedStr):
            first = node.values[0] if node.values else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                return frozenset({values.TextPrefix(first.value)})
            return ANYTHING
        left = self.of(node.left, scope)
        if not left:
            return left
        begins = [value for value in left if isinstance(value, (values.ThisText, values.TextPrefix))]
        texts = [value for value in begins if isinstance(value, values.ThisText)]
        if isinstance(node.op, ast.Mod) and len(texts) == len(left):
            return frozenset(values.TextPrefix(value.text.partition("%")[0]) for value in texts)
        if not isinstance(node.op, ast.Add) or len(begins) < len(left):
            return ANYTHING
        right = self.of(node.right, scope)
        more = [value.text for value in right if isinstance(value, values.ThisText) and len(value.text) < LONG]
        if (
            len(left) * len(right) <= 16
            and len(more) == len(right)
            and all(isinstance(value, values.ThisText) and len(value.text) < LONG for value in left)
        ):
            return frozenset(values.ThisText(first.text + second) for first in begins for second in more)
        return frozenset(values.TextPrefix(value.text) for value in begins)


def _class_around(scope: Scope) -> str:
    """Return the place of the innermost class around `scope`, nothing if there is none."""
    return next((f"{around.module}:{around.path}" for around in scope.chain() if around.kind == "class"), "")
