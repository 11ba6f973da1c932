"""Every expression of a module, by what it does with the values in it. See `uses` for what may be done with them."""

from __future__ import annotations

import ast

from bundler.audit.source.asked_when_run import MADE_AGAIN
from bundler.audit.source.attribute_names import is_interpreter_name
from bundler.audit.source.call_rules import attribute_names, call_problems, format_problems
from bundler.audit.source.classes import Classes
from bundler.audit.source.configs import names_plain_object
from bundler.audit.source.lookup import Kind, look
from bundler.audit.source.scopes import Scope
from bundler.audit.source.uses import ESCAPES, FOLLOWED, METACLASSES, OWN_NAMES, READ
from bundler.audit.source.values import (
    ANYTHING,
    NOTHING,
    UNKNOWN,
    Foreign,
    Instance,
    Nothing,
    OfClass,
    OwnClass,
    OwnFunction,
    Stranger,
    ThisClass,
    Unknown,
    Value,
)

#: What a class says about itself.
_TELLING = frozenset(("__name__", "__qualname__", "__module__", "__doc__"))


#: Names that autograph gives its own module and scope in the code that it makes of a function.
CONVERTED = frozenset(("ag__", "fscope"))
#: Steps of making an object. On another one they choose, for example, the file of a handler of the host's log.
MAKING = frozenset("__init__ __new__ __setattr__ __delattr__ __setstate__ __getstate__".split())

_LOGS = frozenset(("debug", "info", "warning", "warn", "error", "critical", "fatal", "exception", "log"))


class Expressions(Classes):
    """Visitors of expressions, named for the nodes that they visit."""

    def expression(self, node: ast.AST | None, scope: Scope, use: str = ESCAPES) -> None:
        """Look at an expression and everything in it."""
        if node is None:
            return
        method = getattr(self, f"_{type(node).__name__}", None)
        if method is not None:
            method(node, scope, use)
            return
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr) or not isinstance(
                child, (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
            ):
                self.expression(child, scope)

    def _Name(self, node: ast.Name, scope: Scope, use: str) -> None:
        name = node.id
        # What a class or module binds is `Walk.defined`'s matter.
        bound = isinstance(node.ctx, ast.Store) and scope.kind != "function"
        if name.startswith("__") and name.endswith("__") and name not in OWN_NAMES and not bound:
            known = any(name in around.bindings for around in scope.chain() if around.kind == "function")
            if not known:
                what = f"{name} leads past what can be read in the source"
                self.door("reflection", node, scope, what, hard=is_interpreter_name(name))
        if isinstance(node.ctx, ast.Load):
            if name in CONVERTED:
                self.door("reflection", node, scope, f"{name} is what converted code calls autograph by", hard=True)
            for value in self.flow.of(node, scope):
                self.used_as(value, node, scope, use)
                if isinstance(value, OwnFunction) and scope.kind == "class":
                    self.unbound.add(node.id)

    def _Attribute(self, node: ast.Attribute, scope: Scope, use: str) -> None:
        name = scope.mangled(node.attr)
        if name.startswith("__") and name.endswith("__") and name not in _TELLING:
            self.past.add(node.value)
        self.expression(node.value, scope, READ)
        if name in MAKING and isinstance(node.ctx, ast.Load):
            self.made_again(node, scope)
        for owner in self.flow.of(node.value, scope):
            if isinstance(node.ctx, ast.Load):
                self.read(owner, name, node, scope, handed=use != READ or node in self.past)
            else:
                self.written(owner, name, node, scope)
        if isinstance(node.ctx, ast.Load):
            if name not in _TELLING and self.is_class_of(node.value, scope):
                self.class_of(node.value, scope)
            if self.is_class_of(node, scope):
                if any(map(self.is_class, self.flow.of(node.value, scope))):
                    self.class_of_class(node, scope)
                if use != READ:
                    self.class_of(node, scope)
                    self.may_be_type(node, scope)
            for value in self.flow.of(node, scope):
                self.used_as(value, node, scope, use)
            if node not in self.callees:
                for owner in self.flow.of(node.value, scope):
                    self.handed_on(owner, name, node, scope)

    def _Call(self, node: ast.Call, scope: Scope, use: str) -> None:
        self.callees.add(node.func)
        if isinstance(node.func, ast.Attribute):
            self.calls[node.func] = node
        if self.own_step(node, scope):
            self.own(node, scope, "side-effects", "stores a computed name on what may not be the bundle's own")
            for argument in node.args[1:]:
                self.expression(argument, scope)
            return
        if self.is_clone(node, scope):
            self.clones |= {node, node.func.value}  # type: ignore[attr-defined]
        self.expression(node.func, scope, READ)
        if self.is_class_of(node.func, scope):
            self.class_of(node.func, scope)
            # It may be `type`; and an object like a handler of the host's log, made anew, writes another file.
            self.may_be_type(node.func, scope)
        if self.is_class_of(node, scope):
            if any(map(self.is_class, self.flow.of(node.args[0], scope))) or self.is_class_of(node.args[0], scope):
                self.class_of_class(node, scope)
            if use != READ:
                self.class_of(node, scope)
        callees = self.flow.of(node.func, scope)
        paths = {value.name for value in callees if isinstance(value, Foreign)}
        for path in paths:
            if look(path).kind is Kind.CALL:
                if path == "builtins.getattr" and node.args and not self.only_tells(node, scope):
                    self.past.add(node.args[0])
                for capability, what, hard in call_problems(path, node, scope, self.flow):
                    self.door(capability, node, scope, what, hard=hard)
                self.by_name(path, node, scope)
        if "builtins.super" in paths and node.args:
            of = self.flow.of(node.args[0], scope)
            if any(value.kind not in (None, Kind.OPEN) for value in of):
                # It skips what stands in for that class; nothing stands in for one of Keras or TensorFlow.
                own = all(
                    isinstance(value, Foreign) and value.name.startswith(("keras.", "tensorflow.")) for value in of
                )
                self.door("reflection", node, scope, "super() of a class that is not the bundle's", hard=not own)
        if "builtins.vars" in paths and node.args:
            # Perhaps of a class: its functions take any object for their own.
            self.marked.add("vars")
        if paths == {"inspect.signature"}:
            self.signed |= set(node.args)
        if isinstance(node.func, ast.Attribute):
            self.method(node, node.func, scope)
        self.keywords(node, scope)
        if any(isinstance(value, OwnClass) and self.is_metaclass(value.place) for value in callees):
            self.door("dynamic-code", node, scope, "a metaclass is called: it makes a class from data")
        naming = paths & {"builtins.getattr", "builtins.hasattr"}
        shown = self.only_shows(node, callees, scope)
        for index, argument in enumerate(node.args):
            if (shown and self.is_class_of(argument, scope)) or (index == 0 and naming and paths == naming):
                self.expression(argument, scope, READ)
            elif index and paths and paths <= {"builtins.isinstance", "builtins.issubclass"}:
                self.classes(argument, scope, READ)
            elif index == 2 and paths == {"builtins.getattr"}:
                self.expression(argument, scope, use)
            else:
                self.expression(argument, scope)
        streams = all(value.kind not in (None, Kind.OPEN) for value in callees)
        for item in node.keywords:
            stream = streams and item.arg in ("file", "stream", "output_stream")
            named = shown and self.is_class_of(item.value, scope)
            self.expression(item.value, scope, READ if stream or named else ESCAPES)
        if use == ESCAPES:
            for value in self.flow.of(node, scope):
                if value.is_kept:
                    self.used_as(value, node, scope, use)

    def only_tells(self, node: ast.Call, scope: Scope) -> bool:
        """Whether ``getattr`` asks for no more than what a thing is called."""
        names, known = attribute_names(self.flow, node.args[1], scope) if len(node.args) > 1 else ([], False)
        return known and _TELLING.issuperset(names)

    def own_step(self, node: ast.Call, scope: Scope) -> bool:
        """Whether a call is ``object.__setattr__(self, ...)``: the step of ``super()``, by another name."""
        if not (
            isinstance(node.func, ast.Attribute) and node.func.attr in ("__setattr__", "__delattr__") and node.args
        ):
            return False
        owners = self.flow.of(node.func.value, scope)
        classes = all(owner.kind is Kind.PLAIN for owner in owners)
        return classes and all(isinstance(owner, Instance) for owner in self.flow.of(node.args[0], scope))

    def classes(self, node: ast.expr, scope: Scope, use: str = ESCAPES) -> None:
        """Look at the second argument of ``isinstance``: there `type` is only a class, and nothing is called."""
        if isinstance(node, ast.Tuple):
            for item in node.elts:
                self.classes(item, scope, use)
        elif self.flow.of(node, scope) <= METACLASSES or self.is_class_of(node, scope):
            self.expression(node, scope, READ)
        else:
            self.expression(node, scope, use)

    def by_name(self, path: str, node: ast.Call, scope: Scope) -> None:
        """Look at access to attributes by a name that is an argument."""
        if path in ("operator.attrgetter", "operator.methodcaller"):
            for item in node.args if path.endswith("attrgetter") else node.args[:1]:
                for part in str(getattr(item, "value", "")).split("."):
                    self.read_unseen(part, node, scope)
            return
        if not path.startswith("builtins.") or path == "builtins.type":
            return
        function = path.removeprefix("builtins.")
        if len(node.args) < 2 or any(isinstance(item, ast.Starred) for item in node.args):
            self.door("reflection", node, scope, f"{function} with arguments that cannot be read")
            return
        owners = self.flow.of(node.args[0], scope)
        names, known = attribute_names(self.flow, node.args[1], scope)
        for name in names:
            for owner in owners:
                if function != "getattr":
                    self.written(owner, name, node, scope)
                    continue
                self.read(owner, name, node, scope)
                self.handed_on(owner, name, node, scope)
                for value in self.flow.attribute(owner, name):
                    self.used_as(value, node, scope, READ)
        if known:
            return
        # On a class, a computed name may be one that the interpreter gives a meaning.
        if function != "getattr" and all(isinstance(owner, Instance) for owner in owners):
            self.own(
                node, scope, "side-effects", f"{function} with a computed name on what may not be the bundle's own"
            )
            return
        self.door("reflection", node, scope, f"{function} with a computed name")

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
            self.door("filesystem", node, scope, f"{node.attr} {MADE_AGAIN}, of any file", hard=True)

    def method(self, node: ast.Call, callee: ast.Attribute, scope: Scope) -> None:
        """Look at methods that go further with some arguments only, whatever they are called on."""
        owners = self.flow.of(callee.value, scope)
        if (
            callee.attr == "resize"
            and any(item.arg is None for item in node.keywords)
            and any(isinstance(owner, Stranger) for owner in owners)
        ):
            self.door("native-code", node, scope, "resize() with arguments that cannot be read", hard=True)
        if callee.attr in ("format", "format_map"):
            for owner in owners:
                if owner.is_module or owner.kind is Kind.OPEN:
                    continue
                texts = frozenset({owner})
                if owner == Foreign("builtins.str"):
                    texts = self.flow.of(node.args[0], scope) if node.args else frozenset({UNKNOWN})
                elif isinstance(owner, (OfClass, Foreign)):
                    texts = NOTHING if self.is_no_text(owner) else ANYTHING
                for capability, what in format_problems(texts):
                    self.door(capability, node, scope, what, hard=True)
        if (
            callee.attr in ("__init__", "from_config")
            and node not in self.clones
            and any(isinstance(owner, Stranger) for owner in owners)
        ):
            self.later("layers", "filesystem", node, f"{callee.attr} of an object that may be a layer that reads files")
        if callee.attr == "set_vocabulary" and not (node.args and isinstance(node.args[0], (ast.List, ast.Tuple))):
            self.door("filesystem", node, scope, "set_vocabulary() of what may be the path of a file (CVE-2025-12058)")
        if callee.attr == "cache" and (node.args or node.keywords) and not all(owner.is_module for owner in owners):
            self.door("filesystem", node, scope, "cache() of a dataset with a file name")

    def is_foreign(self, node: ast.expr, scope: Scope) -> bool:
        """Whether a method may be one of an object that is not the bundle's own."""
        owners = self.flow.of(node.value, scope) if isinstance(node, ast.Attribute) else ANYTHING
        return any(isinstance(owner, Stranger) for owner in owners)

    def keywords(self, node: ast.Call, scope: Scope) -> None:
        """Look at arguments that mean the same whatever is called: most objects that take them are not followed."""
        for item in node.keywords:
            value = item.value
            logs = item.arg is None and isinstance(node.func, ast.Attribute) and node.func.attr in _LOGS
            if logs and self.is_foreign(node.func, scope):
                self.door("filesystem", node, scope, "a log record with arguments that cannot be read", hard=True)
            if item.arg == "refcheck" and not (isinstance(value, ast.Constant) and value.value is True):
                what = "refcheck=False leaves arrays that read freed memory"
                self.door("native-code", node, scope, what, hard=True)
            if item.arg == "safe_mode" and not (isinstance(value, ast.Constant) and value.value is True):
                if isinstance(value, ast.Name) and value.id == "safe_mode":
                    continue  # handed through, as from_config() does
                what = "safe_mode is chosen: a config may then hold code"
                self.door("unsafe-deserialization", node, scope, what, hard=True)
            elif item.arg == "exc_info" and not isinstance(value, ast.Constant):
                caught = isinstance(value, ast.Name) and any(value.id in around.deleted for around in scope.chain())
                raised = isinstance(value, ast.Call) and any(
                    found == Foreign("sys.exc_info") for found in self.flow.of(value.func, scope)
                )
                if not (caught or raised):
                    what = "exc_info may be no traceback: log records show its files"
                    self.door("filesystem", node, scope, what, hard=True)

    def read_unseen(self, name: str, node: ast.AST, scope: Scope) -> None:
        """Look at an attribute that a pattern or a function of `operator` reads: no guard sees that."""
        self.read(UNKNOWN, name, node, scope, handed=True)
        self.handed_on(UNKNOWN, name, node, scope)
        if name == "__class__":
            self.door("dynamic-code", node, scope, "the class of an object may be type, and is read unseen", hard=True)

    def handed_on(self, owner: Value, name: str, node: ast.AST, scope: Scope) -> None:
        """Report a method that is looked at where it is called, and is not called in sight."""
        if name == "from_config" and isinstance(owner, (Stranger, Foreign)) and not owner.is_module:
            what = "from_config is handed on: whoever calls it makes what its config names"
            self.door("filesystem", node, scope, what, hard=True)
            return
        if name in ("__init__", "__class__") and isinstance(owner, Stranger):
            if not isinstance(node, ast.Attribute) or name != "__class__":
                self.later("layers", "filesystem", node, f"{name} of an object that may be a layer that reads files")
            return
        if name == "backend" and isinstance(node, (ast.MatchClass, ast.Call)) and isinstance(owner, Unknown):
            if not self.flow.attribute(owner, name) <= self.flow.of(node, scope):
                what = "backend of an object is that module, and not followed from here"
                self.door("reflection", node, scope, what, hard=True)
            return
        if name not in ("format", "set_vocabulary", "cache") or owner.is_module or isinstance(owner, Nothing):
            return
        if isinstance(owner, OfClass) and self.is_no_text(owner):
            return
        if owner.kind is Kind.OPEN:
            return
        capability = "reflection" if name == "format" else "filesystem"
        what = f"the method {name} is handed on, so that its arguments cannot be read"
        self.door(capability, node, scope, what, hard=True)

    def _Dict(self, node: ast.Dict, scope: Scope, use: str) -> None:
        keys = {
            key.value: value for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant)
        }
        if isinstance(keys.get("class_name"), ast.Constant) and ("module" in keys or "config" in keys):
            what = "a config that names what Keras is to build is written out"
            self.door("unsafe-deserialization", node, scope, what, hard=not names_plain_object(keys))
        for item in (*node.keys, *node.values):
            self.expression(item, scope)

    def _IfExp(self, node: ast.IfExp, scope: Scope, use: str) -> None:
        self.expression(node.test, scope, READ)
        self.expression(node.body, scope, use)
        self.expression(node.orelse, scope, use)

    def _BoolOp(self, node: ast.BoolOp, scope: Scope, use: str) -> None:
        for item in node.values:
            self.expression(item, scope, use)

    def _UnaryOp(self, node: ast.UnaryOp, scope: Scope, use: str) -> None:
        self.expression(node.operand, scope, READ if isinstance(node.op, ast.Not) else ESCAPES)

    def _Compare(self, node: ast.Compare, scope: Scope, use: str) -> None:
        items = [node.left, *node.comparators]
        # `==` hands its operands to each other's __eq__; identity does not, and constants have none of the bundle's.
        names = sum(not isinstance(item, ast.Constant) for item in items)
        same = all(isinstance(item, (ast.Is, ast.IsNot)) for item in node.ops)
        equal = all(isinstance(item, (ast.Is, ast.IsNot, ast.Eq, ast.NotEq)) for item in node.ops)
        for item in items:
            other = [one for one in items if one is not item]
            known = self.is_class_of(item, scope) and all(self.is_known_class(one, scope) for one in other)
            if not known and not same and isinstance(item, ast.Attribute) and item.attr == "__class__":
                # Only a method of the bundle's own could take it out of the comparison.
                self.later(
                    "compares", "dynamic-code", item, "the class of an object is compared, and may be type", hard=True
                )
                self.class_of(item, scope)
                known = True
            self.expression(item, scope, READ if same or known or (equal and names <= 1) else ESCAPES)

    def _NamedExpr(self, node: ast.NamedExpr, scope: Scope, use: str) -> None:
        self.expression(node.value, scope, FOLLOWED if use != ESCAPES else use)

    def _FormattedValue(self, node: ast.FormattedValue, scope: Scope, use: str) -> None:
        self.expression(node.value, scope, READ)
        self.expression(node.format_spec, scope)

    def _Subscript(self, node: ast.Subscript, scope: Scope, use: str) -> None:
        typed = self.flow.of(node.value, scope) == {Foreign("builtins.type")}
        self.expression(node.value, scope, READ if typed else ESCAPES)
        self.expression(node.slice, scope)

    def _Lambda(self, node: ast.Lambda, scope: Scope, use: str) -> None:
        for item in (*node.args.defaults, *node.args.kw_defaults):
            self.expression(item, scope)
        self.expression(node.body, self.module.scopes[node])

    def _comprehension_node(self, node: ast.AST, scope: Scope, use: str) -> None:
        inner = self.module.scopes[node]
        for index, generator in enumerate(node.generators):  # type: ignore[attr-defined]
            self.expression(generator.iter, inner if index else scope)
            self.expression(generator.target, inner)
            for test in generator.ifs:
                self.expression(test, inner, READ)
        for field in ("key", "value", "elt"):
            self.expression(getattr(node, field, None), inner)

    _GeneratorExp = _ListComp = _SetComp = _DictComp = _comprehension_node
