"""Every expression of a module, by what it does with the values in it; `uses` says what it may do."""

from __future__ import annotations

import ast

from bundler.audit.source.asked_when_run import MADE_AGAIN
from bundler.audit.source.attribute_names import is_interpreter_name
from bundler.audit.source.calls import Calls, attribute_names
from bundler.audit.source.classes import ObjectClasses
from bundler.audit.source.configs import names_plain_object
from bundler.audit.source.lookup import Kind
from bundler.audit.source.own_classes import METACLASSES
from bundler.audit.source.scopes import Scope, ScopedModule
from bundler.audit.source.uses import ESCAPES, FOLLOWED, OWN_NAMES, READ, Uses
from bundler.audit.source.values import NOTHING, Foreign, Instance, OfClass, OwnFunction, ThisClass

#: What a class says about itself.
_TELLING = frozenset(("__name__", "__qualname__", "__module__", "__doc__"))
#: Names that autograph gives its own module and scope in the code that it makes of a function.
CONVERTED = frozenset(("ag__", "fscope"))
#: Steps of making an object. On another one they choose, for example, the file of a handler of the host's log.
MAKING = frozenset("__init__ __new__ __setattr__ __delattr__ __setstate__ __getstate__".split())
_MAKES_CLASSES = "the class of a class makes classes from data"
_NO_PARTS = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
#: How the parts of an expression are used, where they do not escape; as the whole is, if nothing is said here.
_PARTS: dict[type[ast.AST], dict[str, str | None]] = {
    ast.IfExp: {"test": READ, "body": None, "orelse": None},
    ast.BoolOp: {"values": None},
    ast.FormattedValue: {"value": READ},
}


class Expressions:
    """Visitors of expressions, named for the nodes that they visit."""

    def __init__(self, module: ScopedModule, uses: Uses) -> None:
        self.module = module
        self.flow = uses.flow
        self.record = uses.record
        self.uses = uses
        self.objects = ObjectClasses(uses.flow, uses.record)
        self.of_calls = Calls(uses)
        #: The call of each expression that is called where it stands.
        self.calls: dict[ast.AST, ast.Call] = {}
        #: What `inspect.signature` looks at, and does not call.
        self.signed: set[ast.AST] = set()
        #: Expressions of which a method of the interpreter's is read: ``f.__call__`` is f, handed on.
        self.past: set[ast.AST] = set()

    def look_at(self, node: ast.AST | None, scope: Scope, use: str = ESCAPES) -> None:
        """Look at an expression and everything in it."""
        if node is None:
            return
        method = getattr(self, f"_{type(node).__name__}", None)
        if method is not None:
            method(node, scope, use)
            return
        parts = _PARTS.get(type(node), {})
        for field, value in ast.iter_fields(node):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and not isinstance(child, _NO_PARTS):
                    self.look_at(child, scope, parts.get(field, ESCAPES) or use)

    def _Name(self, node: ast.Name, scope: Scope, use: str) -> None:
        name = node.id
        # What a class or module binds is `Walk.defined`'s matter.
        bound = isinstance(node.ctx, ast.Store) and scope.kind != "function"
        bound = bound or any(name in around.bindings for around in scope.chain() if around.kind == "function")
        if name.startswith("__") and name.endswith("__") and name not in OWN_NAMES and not bound:
            what = f"{name} leads past what can be read in the source"
            self.record.sink("reflection", node, scope, what, hard=is_interpreter_name(name))
        if isinstance(node.ctx, ast.Load):
            if name in CONVERTED:
                what = f"{name} is what converted code calls autograph by"
                self.record.sink("reflection", node, scope, what, hard=True)
            for value in self.flow.of(node, scope):
                self.uses.used_as(value, node, scope, use)
                if isinstance(value, OwnFunction) and scope.kind == "class":
                    self.record.unbound.add(node.id)

    def _Attribute(self, node: ast.Attribute, scope: Scope, use: str) -> None:
        name = scope.mangled(node.attr)
        if name.startswith("__") and name.endswith("__") and name not in _TELLING:
            self.past.add(node.value)
        self.look_at(node.value, scope, READ)
        if name in MAKING and isinstance(node.ctx, ast.Load):
            self.made_again(node, scope)
        for owner in self.flow.of(node.value, scope):
            if isinstance(node.ctx, ast.Load):
                self.uses.read(owner, name, node, scope, handed=use != READ or node in self.past)
            else:
                self.uses.written(owner, name, node, scope)
        if isinstance(node.ctx, ast.Load):
            if name not in _TELLING and self.objects.is_class_of(node.value, scope):
                self.objects.class_of(node.value, scope)
            if self.objects.is_class_of(node, scope):
                if any(map(self.objects.is_class, self.flow.of(node.value, scope))):
                    self.record.sink("dynamic-code", node, scope, _MAKES_CLASSES, hard=True)
                if use != READ:
                    self.objects.class_of(node, scope)
                    self.objects.may_be_type(node, scope)
            for value in self.flow.of(node, scope):
                self.uses.used_as(value, node, scope, use)
            if node not in self.calls:
                for owner in self.flow.of(node.value, scope):
                    self.uses.handed_on(owner, name, node, scope)

    def _Call(self, node: ast.Call, scope: Scope, use: str) -> None:
        self.calls[node.func] = node
        if self.own_step(node, scope):
            self.record.own(node, scope, "side-effects", "stores a computed name on what may not be the bundle's own")
            for argument in node.args[1:]:
                self.look_at(argument, scope)
            return
        is_clone = self.objects.is_clone(node, scope)
        if is_clone:
            self.objects.clones |= {node, node.func.value}  # type: ignore[attr-defined]
        self.look_at(node.func, scope, READ)
        if self.objects.is_class_of(node.func, scope):
            self.objects.class_of(node.func, scope)
            # It may be `type`; and an object like a handler of the host's log, made anew, writes another file.
            self.objects.may_be_type(node.func, scope)
        if self.objects.is_class_of(node, scope):
            of = node.args[0]
            if any(map(self.objects.is_class, self.flow.of(of, scope))) or self.objects.is_class_of(of, scope):
                self.record.sink("dynamic-code", node, scope, _MAKES_CLASSES, hard=True)
            if use != READ:
                self.objects.class_of(node, scope)
        callees = self.flow.of(node.func, scope)
        paths = {value.name for value in callees if isinstance(value, Foreign)}
        if "builtins.getattr" in paths and node.args and not self.only_tells(node, scope):
            self.past.add(node.args[0])
        if paths == {"inspect.signature"}:
            self.signed |= set(node.args)
        self.of_calls.look_at(node, callees, scope, is_clone=is_clone)
        naming = paths & {"builtins.getattr", "builtins.hasattr"}
        shown = self.objects.only_shows(node, scope)
        for index, argument in enumerate(node.args):
            if (shown and self.objects.is_class_of(argument, scope)) or (index == 0 and naming and paths == naming):
                self.look_at(argument, scope, READ)
            elif index and paths and paths <= {"builtins.isinstance", "builtins.issubclass"}:
                self.classes(argument, scope, READ)
            elif index == 2 and paths == {"builtins.getattr"}:
                self.look_at(argument, scope, use)
            else:
                self.look_at(argument, scope)
        streams = all(value.kind not in (None, Kind.OPEN) for value in callees)
        for item in node.keywords:
            stream = streams and item.arg in ("file", "stream", "output_stream")
            named = shown and self.objects.is_class_of(item.value, scope)
            self.look_at(item.value, scope, READ if stream or named else ESCAPES)
        if use == ESCAPES:
            for value in self.flow.of(node, scope):
                if value.is_kept:
                    self.uses.used_as(value, node, scope, use)

    def only_tells(self, node: ast.Call, scope: Scope) -> bool:
        """Whether ``getattr`` asks for no more than what a thing is called."""
        names, known = attribute_names(self.flow, node.args[1], scope) if len(node.args) > 1 else ([], False)
        return known and _TELLING.issuperset(names)

    def own_step(self, node: ast.Call, scope: Scope) -> bool:
        """Whether a call is ``object.__setattr__(self, ...)``: the step of ``super()``, by another name."""
        made = node.func
        if not (isinstance(made, ast.Attribute) and made.attr in ("__setattr__", "__delattr__") and node.args):
            return False
        plain = all(owner.kind is Kind.PLAIN for owner in self.flow.of(made.value, scope))
        return plain and all(isinstance(owner, Instance) for owner in self.flow.of(node.args[0], scope))

    def classes(self, node: ast.expr, scope: Scope, use: str = ESCAPES) -> None:
        """Look at the second argument of ``isinstance``: there `type` is only a class, and nothing is called."""
        if isinstance(node, ast.Tuple):
            for item in node.elts:
                self.classes(item, scope, use)
        elif self.flow.of(node, scope) <= METACLASSES or self.objects.is_class_of(node, scope):
            self.look_at(node, scope, READ)
        else:
            self.look_at(node, scope, use)

    def made_again(self, node: ast.Attribute, scope: Scope) -> None:
        """Look at a step of making an object that is read of another one: it makes that anew, with other arguments.

        ``Base.__init__(self, ...)`` is the step of ``super()``, and a class of the bundle's own is looked at itself.
        """
        if node in self.signed:
            return
        call = self.calls.get(node)
        owners = self.flow.of(node.value, scope)
        first = self.flow.of(call.args[0], scope) if call is not None and call.args else NOTHING
        if first and all(isinstance(owner, (Instance, ThisClass)) for owner in first):
            return
        if any(not isinstance(owner, OfClass) for owner in owners):
            self.record.sink("filesystem", node, scope, f"{node.attr} {MADE_AGAIN}, of any file", hard=True)

    def _Dict(self, node: ast.Dict, scope: Scope, use: str) -> None:
        keys = {
            key.value: value for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant)
        }
        if isinstance(keys.get("class_name"), ast.Constant) and ("module" in keys or "config" in keys):
            what = "a config that names what Keras is to build is written out"
            self.record.sink("unsafe-deserialization", node, scope, what, hard=not names_plain_object(keys))
        for item in (*node.keys, *node.values):
            self.look_at(item, scope)

    def _UnaryOp(self, node: ast.UnaryOp, scope: Scope, use: str) -> None:
        self.look_at(node.operand, scope, READ if isinstance(node.op, ast.Not) else ESCAPES)

    def _Compare(self, node: ast.Compare, scope: Scope, use: str) -> None:
        items = [node.left, *node.comparators]
        # `==` hands its operands to each other's __eq__; identity does not, and constants have none of the bundle's.
        names = sum(not isinstance(item, ast.Constant) for item in items)
        same = all(isinstance(item, (ast.Is, ast.IsNot)) for item in node.ops)
        equal = all(isinstance(item, (ast.Is, ast.IsNot, ast.Eq, ast.NotEq)) for item in node.ops)
        for item in items:
            other = [one for one in items if one is not item]
            is_class = self.objects.is_class_of(item, scope)
            known = is_class and all(self.objects.is_known_class(one, scope) for one in other)
            if not known and not same and isinstance(item, ast.Attribute) and item.attr == "__class__":
                # Only a method of the bundle's own could take it out of the comparison.
                what = "the class of an object is compared, and may be type"
                self.record.later("compares", "dynamic-code", item, what, hard=True)
                self.objects.class_of(item, scope)
                known = True
            self.look_at(item, scope, READ if same or known or (equal and names <= 1) else ESCAPES)

    def _NamedExpr(self, node: ast.NamedExpr, scope: Scope, use: str) -> None:
        self.look_at(node.value, scope, FOLLOWED if use != ESCAPES else use)

    def _Subscript(self, node: ast.Subscript, scope: Scope, use: str) -> None:
        typed = self.flow.of(node.value, scope) == {Foreign("builtins.type")}
        self.look_at(node.value, scope, READ if typed else ESCAPES)
        self.look_at(node.slice, scope)

    def _Lambda(self, node: ast.Lambda, scope: Scope, use: str) -> None:
        for item in (*node.args.defaults, *node.args.kw_defaults):
            self.look_at(item, scope)
        self.look_at(node.body, self.module.scopes[node])

    def _comprehension_node(self, node: ast.AST, scope: Scope, use: str) -> None:
        inner = self.module.scopes[node]
        for index, generator in enumerate(node.generators):  # type: ignore[attr-defined]
            self.look_at(generator.iter, inner if index else scope)
            self.look_at(generator.target, inner)
            for test in generator.ifs:
                self.look_at(test, inner, READ)
        for field in ("key", "value", "elt"):
            self.look_at(getattr(node, field, None), inner)

    _GeneratorExp = _ListComp = _SetComp = _DictComp = _comprehension_node
