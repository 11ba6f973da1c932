"""One module, statement by statement: what it imports, defines and annotates. `expressions` looks at the rest."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping

from bundler.audit.source import rules
from bundler.audit.source.attribute_names import DEFINED, changes_code
from bundler.audit.source.exported_names import standard_library
from bundler.audit.source.expressions import CONVERTED, Expressions
from bundler.audit.source.lookup import Kind
from bundler.audit.source.own_classes import METACLASSES
from bundler.audit.source.scopes import Scope, ScopedModule, parameters
from bundler.audit.source.uses import ESCAPES, FOLLOWED, OWN_NAMES, READ, Uses
from bundler.audit.source.values import Foreign, Value
from bundler.frameworks import LISTED

#: Methods that are handed what is compared with their object.
_COMPARING = frozenset("__eq__ __ne__ __lt__ __le__ __gt__ __ge__ __contains__".split())
_COMPUTES = (ast.Call, ast.Lambda, ast.NamedExpr, ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp, ast.Await,
             ast.Yield, ast.YieldFrom)  # fmt: skip


class Walk:
    """Everything that one module does."""

    def __init__(self, module: ScopedModule, uses: Uses, requirements: Mapping[str, str]) -> None:
        self.module = module
        self.flow = uses.flow
        self.record = uses.record
        self.uses = uses
        self.expressions = Expressions(module, uses)
        self.requirements = requirements

    def run(self) -> None:
        """Look at the whole module."""
        self.body(self.module.tree.body, self.module.scope)
        for scope in self.module.order:
            self.defined(scope)

    def body(self, statements: list[ast.stmt], scope: Scope) -> None:
        for statement in statements:
            method = getattr(self, f"_statement_{type(statement).__name__}", None)
            if method is not None:
                method(statement, scope)
            else:
                self.plain(statement, scope)

    def plain(self, node: ast.AST, scope: Scope) -> None:
        """Look at a statement's expressions, and at the statements in it."""
        for name, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                self.body(value, scope)
                continue
            for item in value if isinstance(value, list) else [value]:
                self.part(item, scope, name)

    def part(self, item: object, scope: Scope, field: str) -> None:
        if isinstance(item, ast.expr):
            self.expressions.look_at(item, scope, READ if field in ("test", "guard") else ESCAPES)
        elif isinstance(item, ast.MatchClass):
            self._class_pattern(item, scope)
        elif isinstance(item, ast.AST) and not isinstance(item, (ast.operator, ast.expr_context)):
            self.plain(item, scope)

    def _class_pattern(self, node: ast.MatchClass, scope: Scope) -> None:
        self.expressions.look_at(node.cls, scope)
        for name in node.kwd_attrs:
            self.uses.read_unseen(scope.mangled(name), node, scope)
        if node.patterns and not all(map(self.record.classes.is_positional, self.flow.of(node.cls, scope))):
            what = "a pattern by position reads what __match_args__ names, unseen"
            self.record.sink("reflection", node, scope, what, hard=True)
        for pattern in (*node.patterns, *node.kwd_patterns):
            self.part(pattern, scope, "pattern")

    def _statement_Expr(self, node: ast.Expr, scope: Scope) -> None:
        self.expressions.look_at(node.value, scope, READ)

    def _statement_Assign(self, node: ast.Assign, scope: Scope) -> None:
        for target in node.targets:
            self.expressions.look_at(target, scope)
        self.assigned(node.targets, node.value, scope)

    def assigned(self, targets: list[ast.expr], value: ast.expr, scope: Scope) -> None:
        """Look at a value where every target is one that the flow follows, or else as one that escapes."""
        if scope.kind != "class" and all(isinstance(target, ast.Name) for target in targets):
            self.expressions.look_at(value, scope, FOLLOWED)
            return
        if isinstance(value, (ast.Tuple, ast.List)) and all(
            isinstance(target, (ast.Tuple, ast.List))
            and len(target.elts) == len(value.elts)
            and not any(isinstance(item, ast.Starred) for item in (*target.elts, *value.elts))
            for target in targets
        ):
            for index, item in enumerate(value.elts):
                self.assigned([target.elts[index] for target in targets], item, scope)  # type: ignore[attr-defined]
            return
        self.expressions.look_at(value, scope)

    def _statement_AnnAssign(self, node: ast.AnnAssign, scope: Scope) -> None:
        self.annotation(node.annotation, scope)
        self.expressions.look_at(node.target, scope)
        if node.value is not None:
            self.assigned([node.target], node.value, scope)

    def _statement_Import(self, node: ast.Import, scope: Scope) -> None:
        for alias in node.names:
            for value in self.flow.module(alias.name):
                self.imported(value, node, scope)

    def _statement_ImportFrom(self, node: ast.ImportFrom, scope: Scope) -> None:
        base = self.flow.absolute(node, scope)
        if base is None:
            self.record.report(rules.UNKNOWN_IMPORT, node, scope, "a relative import leaves the bundle")
            return
        if base == "__future__":
            return
        for owner in self.flow.module(base):
            for alias in node.names:
                if owner.kind is Kind.SINK:
                    self.imported(owner, node, scope)
                elif alias.name == "*":
                    self.imported(owner, node, scope)
                    if isinstance(owner, Foreign) and (owner.kind is Kind.OPEN or owner.name in ("os", "sys", "io")):
                        what = f"everything of {owner.name} is imported by star"
                        self.record.report(rules.UNRESOLVED, node, scope, what)
                else:
                    self.uses.read(owner, alias.name, node, scope)
                    for value in self.flow.attribute(owner, alias.name):
                        self.imported(value, node, scope)

    def imported(self, value: Value, node: ast.AST, scope: Scope) -> None:
        """Look at an import, whether or not what it binds is used."""
        self.uses.used_as(value, node, scope, ESCAPES if scope.kind == "class" else FOLLOWED)
        root = value.denoted.path.partition(".")[0] if isinstance(value, Foreign) else "builtins"
        if root in standard_library() or root in LISTED or root == "builtins":
            return
        distribution = self.requirements.get(root)
        if distribution is None:
            what = f"{root} is not in the standard library, the framework, the lock or the bundle"
            self.record.report(rules.UNKNOWN_IMPORT, node, scope, what)
        else:
            self.record.used.setdefault(distribution, getattr(node, "lineno", 0))

    def _statement_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
        for item in node.decorator_list:
            self.expressions.look_at(item, scope)
        for default in (*node.args.defaults, *node.args.kw_defaults):
            self.expressions.look_at(default, scope)
        around = self.module.generic.get(node, scope)
        for parameter in parameters(node.args):
            self.annotation(parameter.annotation, around)
        self.annotation(node.returns, around)
        self.generic(node, around)
        self.body(node.body, self.module.scopes[node])

    _statement_AsyncFunctionDef = _statement_FunctionDef

    def _statement_ClassDef(self, node: ast.ClassDef, scope: Scope) -> None:
        for item in node.decorator_list:
            self.decorator(item, node, scope)
        around = self.module.generic.get(node, scope)
        for base in node.bases:
            if Foreign("keras.random.SeedGenerator") in self.flow.of(base, around):
                what = "the backend of a seed generator is a module, and not followed"
                self.record.sink("reflection", node, scope, what)
            if self.flow.of(base, around) & METACLASSES or self.expressions.objects.is_class_of(base, around):
                what = f"{node.name} is a metaclass: it makes classes from data"
                self.record.sink("dynamic-code", node, scope, what)
        for base in (*node.bases, *(item.value for item in node.keywords)):
            self.expressions.classes(base, around)
        self.generic(node, around)
        self.body(node.body, self.module.scopes[node])

    def decorator(self, item: ast.expr, node: ast.ClassDef, scope: Scope) -> None:
        """Look at a class's decorator; the fields that `dataclass` makes code of must be those in sight."""
        function = item.func if isinstance(item, ast.Call) else item
        if self.flow.of(function, scope) != {Foreign("dataclasses.dataclass")}:
            self.expressions.look_at(item, scope)
            return
        self.expressions.look_at(function, scope, READ)
        if isinstance(item, ast.Call):
            for argument in (*item.args, *(keyword.value for keyword in item.keywords)):
                self.expressions.look_at(argument, scope)
        if not self.record.classes.is_in_sight(node, scope):
            what = "dataclass() of a class that a metaclass or a base may have filled"
            self.record.sink("dynamic-code", item, scope, what)  # The guard's looks at the names of the fields.

    def generic(self, node: ast.AST, scope: Scope) -> None:
        for parameter in getattr(node, "type_params", ()):
            for child in ast.iter_child_nodes(parameter):
                self.annotation(child, scope)

    def _statement_TypeAlias(self, node: ast.AST, scope: Scope) -> None:
        around = self.module.generic.get(node, scope)
        self.generic(node, around)
        self.annotation(node.value, around)  # type: ignore[attr-defined]

    def annotation(self, node: ast.AST | None, scope: Scope) -> None:
        """Look at an annotation; one that is a string is code that libraries evaluate."""
        if node is None:
            return
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            what = "an annotation in a string that is too long to be one"
            if len(node.value) <= 2000:
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        inner = ast.parse(node.value, mode="eval").body
                except (SyntaxError, ValueError, RecursionError, MemoryError):
                    return
                what = "an annotation in a string holds code that computes"
            if len(node.value) > 2000 or any(isinstance(item, _COMPUTES) for item in ast.walk(inner)):
                self.record.sink("dynamic-code", node, scope, what, hard=True)
                return
            for item in ast.walk(inner):
                ast.copy_location(item, node)
            self.expressions.look_at(inner, scope, ESCAPES)
            return
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            self.annotation(node.left, scope)
            self.annotation(node.right, scope)
        elif isinstance(node, ast.expr):
            named = isinstance(node, (ast.Name, ast.Attribute)) and not any(
                value.is_module for value in self.flow.of(node, scope)
            )
            self.expressions.classes(node, scope, FOLLOWED if named else ESCAPES)

    def defined(self, scope: Scope) -> None:
        """Look at names that the interpreter or autograph gives a meaning, where they are bound."""
        for name in CONVERTED & scope.bindings.keys():
            what = f"{name} is what converted code calls autograph by"
            self.record.sink("reflection", scope.node, scope, what, hard=True)
        if scope.kind == "function":
            return
        if scope.kind == "class" and not _COMPARING.isdisjoint(scope.bindings):
            self.record.marked.add("compares")
        for name, bindings in scope.bindings.items():
            if not (name.startswith("__") and name.endswith("__")):
                continue
            node = next((item.node for item in bindings if item.node is not None), scope.node)
            if scope.kind == "class" and name in ("__reduce__", "__reduce_ex__"):
                what = f"{name} makes pickle and copy call what it returns, and change what that gives"
                self.record.sink("unsafe-deserialization", node, scope, what, hard=True)
            elif scope.kind == "class" and name == "__match_args__":
                # Bound once, by one literal: whatever else binds it is not seen here.
                once = len(bindings) == 1 and bindings[0].how == "value"
                self._match_args(node if once else scope.node, scope)
            elif name not in (DEFINED if scope.kind == "class" else OWN_NAMES):
                what = f"{name} is bound: the interpreter gives it a meaning"
                self.record.sink("reflection", node, scope, what, hard=changes_code(name))
            elif scope.kind == "module" and name in ("__name__", "__package__"):
                what = f"{name} is bound: Python finds other modules by it"
                self.record.sink("reflection", node, scope, what, hard=True)

    def _match_args(self, node: ast.AST, scope: Scope) -> None:
        names = [item.value for item in getattr(node, "elts", ()) if isinstance(item, ast.Constant)]
        if not isinstance(node, ast.Tuple) or len(names) != len(node.elts) or any("__" in str(name) for name in names):
            self.record.sink("reflection", node, scope, "__match_args__ names attributes that patterns read", hard=True)
