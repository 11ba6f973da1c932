"""One module, statement by statement: what it imports, names, calls and stores, against the tables.

Three uses of a value matter. It is *followed* where `flow` records it (a name, an attribute); it is *called*, or has
an attribute read; anything else lets it *escape*. What must be followed (a module; a function that is looked at where
it is called) may not escape, and that is what makes the rest of this audit sound.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from bundler.audit.facts import Finding, Rule
from bundler.audit.source import rules
from bundler.audit.source.attributes import DEFINED, problem, store_problem
from bundler.audit.source.calls import attribute_names, call_problems, format_problems
from bundler.audit.source.flow import Flow
from bundler.audit.source.lookup import FRAMEWORKS, Kind, look
from bundler.audit.source.names import standard_library
from bundler.audit.source.scopes import Module, Scope
from bundler.audit.source.values import Value

ESCAPES, FOLLOWED, READ = "escapes", "followed", "read"
#: Names of a module's own that say nothing dangerous.
_OWN_NAMES = frozenset(
    "__name__ __doc__ __file__ __all__ __version__ __author__ __debug__ __class__ __package__ __module__ __qualname__"
    " __license__ __copyright__ __email__ __credits__ __maintainer__ __status__ __date__ __dir__ __getattr__".split()
)
_PERMISSIVE = ("self", "super", "cls")


class Walk:
    """Everything that one module does."""

    def __init__(self, flow: Flow, module: Module, member_name: str, requirements: Mapping[str, str],
                 bundle: AbstractSet[str]) -> None:  # fmt: skip
        self.flow = flow
        self.module = module
        self.member = member_name
        self.requirements = requirements
        self.bundle = bundle
        self.found: dict[tuple[str, int | None, str], Finding] = {}
        #: Distributions that the module imports, by where.
        self.used: dict[str, int] = {}
        #: What methods do to their own object that they may not do to another, by the method; and methods that are
        #: called on, or handed, an object that is not the class's own.
        self.own_calls: list[tuple[str, Finding]] = []
        self.unbound: set[str] = set()

    def run(self) -> None:
        """Look at the whole module."""
        self.body(self.module.tree.body, self.module.scope)
        for scope in self.module.order:
            self.defined(scope)

    # -- findings -----------------------------------------------------------------------------------------------------

    def report(self, rule: Rule, node: ast.AST, scope: Scope, what: str) -> Finding:
        """Record a finding once, with when it happens."""
        when = _when(scope)
        line = getattr(node, "lineno", None)
        finding = rule.at(self.member, f"{what}; {when}", line=line)
        return self.found.setdefault((rule.id, line, what), finding)

    def door(self, capability: str, node: ast.AST, scope: Scope, what: str) -> None:
        self.report(rules.OF_CAPABILITY[capability], node, scope, what)

    # -- what a value is used for -----------------------------------------------------------------------------------

    def used_as(self, value: Value, node: ast.AST, scope: Scope, use: str) -> None:
        """Report what may not be used so."""
        if value.kind == "module":
            if use == ESCAPES:
                self.report(rules.UNRESOLVED, node, scope, f"the module {value.name} is handed on as a value")
            return
        if value.kind != "foreign":
            return
        denoted = value.denoted
        if denoted.kind is Kind.DOOR:
            self.door(denoted.capability or "reflection", node, scope, denoted.path)
        elif denoted.kind is Kind.MISSING:
            self.report(
                rules.UNRESOLVED, node, scope, f"{denoted.path} is in no list of names that are known to compute"
            )
        elif use == ESCAPES and denoted.kind is Kind.MODULE:
            self.report(rules.UNRESOLVED, node, scope, f"the module {denoted.path} is handed on as a value")
        elif use == ESCAPES and denoted.kind is Kind.CALL:
            self.report(rules.UNRESOLVED, node, scope, f"{denoted.path} is handed on as a value, not called")

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
        if name.startswith("__") and name.endswith("__") and name not in _OWN_NAMES:
            known = any(name in around.bindings for around in scope.chain() if around.kind == "function")
            if not known:
                self.door("reflection", node, scope, f"{name} leads past what can be read in the source")
        if isinstance(node.ctx, ast.Load):
            for value in self.flow.of(node, scope):
                self.used_as(value, node, scope, use)
                if value.kind == "function" and scope.kind == "class":
                    self.unbound.add(node.id)

    def _Attribute(self, node: ast.Attribute, scope: Scope, use: str) -> None:
        self.expression(node.value, scope, READ)
        name = scope.mangled(node.attr)
        for owner in self.flow.of(node.value, scope):
            if isinstance(node.ctx, ast.Load):
                self.read(owner, name, node, scope)
            else:
                self.written(owner, name, node, scope)
        if isinstance(node.ctx, ast.Load):
            for value in self.flow.of(node, scope):
                self.used_as(value, node, scope, use)

    def read(self, owner: Value, name: str, node: ast.AST, scope: Scope) -> None:
        """Report what is wrong with reading an attribute; what it denotes is looked at by the caller."""
        if owner.kind == "foreign" and owner.denoted.kind in (Kind.MODULE, Kind.OPEN):
            return
        if owner.kind == "module":
            if name.startswith("__") and name.endswith("__") and name not in _OWN_NAMES:
                self.door("reflection", node, scope, f"{owner.name}.{name} leads past what can be read in the source")
            return
        if owner.kind not in ("self", "super"):
            # Perhaps a class's function, which takes any object for its own.
            self.unbound.add(name)
        kind = "made" if owner.kind == "foreign" else owner.kind
        found = problem(name, kind, self.bundle)
        if found is None:
            return
        capability, why = found
        if owner.kind in _PERMISSIVE and self.open_base(owner.name) and ("no known" in why or "private" in why):
            return
        finding = rules.OF_CAPABILITY[capability].at(
            self.member, f"the attribute {name} {why}; {_when(scope)}", line=getattr(node, "lineno", None)
        )
        method = self.own_method(scope)
        if owner.kind == "self" and method and name in self.methods_of(owner.name):
            self.own_calls.append((method, finding))
            return
        if owner.kind == "class" and name in self.methods_of(owner.name, static=True):
            return
        self.found.setdefault((finding.rule.id, finding.line, f"the attribute {name}"), finding)

    def own_method(self, scope: Scope) -> str | None:
        """Return the method around `scope`, where nothing but a class of the bundle can call it."""
        for around in scope.chain():
            if around.class_around() is not None and isinstance(around.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                plain = all(isinstance(item, ast.Name) and item.id == "property" for item in around.node.decorator_list)
                return around.node.name if plain else None
        return None

    def methods_of(self, place: str, seen: frozenset[str] = frozenset(), *, static: bool = False) -> AbstractSet[str]:
        """Return the methods that a class of the bundle, or one of its bases in the bundle, defines outright.

        `static` asks for those that take no instance.
        """
        wanted = ("classmethod", "staticmethod") if static else ("property", "classmethod")
        scope = self.flow.classes.get(place)
        if scope is None or place in seen or not isinstance(scope.node, ast.ClassDef):
            return frozenset()
        names = {
            item.name
            for item in scope.node.body
            if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef))
            and all(isinstance(one, ast.Name) and one.id in wanted for one in item.decorator_list)
            and len(scope.bindings.get(item.name, ())) == 1
            and (item.decorator_list or not static)
        }
        for base in scope.node.bases:
            for value in self.flow.of(base, scope.outer or scope):
                if value.kind == "class":
                    names |= self.methods_of(value.name, seen | {place}, static=static)
        return names

    def open_base(self, place: str, seen: frozenset[str] = frozenset()) -> bool:
        """Whether a class of the bundle derives from one of a requirement, whose attributes no table has."""
        scope = self.flow.classes.get(place)
        if scope is None or place in seen or not isinstance(scope.node, ast.ClassDef):
            return False
        for base in scope.node.bases:
            for value in self.flow.of(base, scope.outer or scope):
                if value.kind in ("given", "unknown") or (value.kind == "foreign" and value.denoted.kind is Kind.OPEN):
                    return True
                if value.kind == "class" and self.open_base(value.name, seen | {place}):
                    return True
        return False

    def written(self, owner: Value, name: str, node: ast.AST, scope: Scope) -> None:
        """Report what is wrong with storing to an attribute, or deleting it."""
        if owner.kind == "foreign":
            self.door("side-effects", node, scope, f"{owner.name}.{name} is replaced: it belongs to other code")
            return
        found = store_problem(name, owner.kind, self.bundle)
        if found is not None:
            self.door(found[0], node, scope, f"the attribute {name} {found[1]}")

    # -- expressions --------------------------------------------------------------------------------------------------

    def _Call(self, node: ast.Call, scope: Scope, use: str) -> None:
        if self.own_step(node, scope):
            for argument in node.args[1:]:
                self.expression(argument, scope)
            return
        self.expression(node.func, scope, READ)
        callees = self.flow.of(node.func, scope)
        paths = {value.name for value in callees if value.kind == "foreign"}
        for path in paths:
            if look(path).kind is Kind.CALL:
                for capability, what in call_problems(path, node, scope, self.flow):
                    self.door(capability, node, scope, what)
                self.by_name(path, node, scope)
        if isinstance(node.func, ast.Attribute):
            self.method(node, node.func, scope)
        naming = paths & {"builtins.getattr", "builtins.hasattr"}
        for index, argument in enumerate(node.args):
            if index == 0 and naming and paths == naming:
                self.expression(argument, scope, READ)
            elif index and paths and paths <= {"builtins.isinstance", "builtins.issubclass"}:
                self.classes(argument, scope)
            elif index == 2 and paths == {"builtins.getattr"}:
                self.expression(argument, scope, use)
            else:
                self.expression(argument, scope)
        for item in node.keywords:
            self.expression(item.value, scope)
        if use == ESCAPES:
            for value in self.flow.of(node, scope):
                if value.is_kept:
                    self.used_as(value, node, scope, use)

    def own_step(self, node: ast.Call, scope: Scope) -> bool:
        """Whether a call is ``object.__setattr__(self, ...)``: the step of ``super()``, by another name."""
        if not (
            isinstance(node.func, ast.Attribute) and node.func.attr in ("__setattr__", "__delattr__") and node.args
        ):
            return False
        owners = self.flow.of(node.func.value, scope)
        classes = all(owner.kind == "foreign" and owner.denoted.kind is Kind.PLAIN for owner in owners)
        return classes and all(owner.kind == "self" for owner in self.flow.of(node.args[0], scope))

    def classes(self, node: ast.expr, scope: Scope) -> None:
        """Look at the second argument of ``isinstance``: there `type` is only a class."""
        if isinstance(node, ast.Tuple):
            for item in node.elts:
                self.classes(item, scope)
        elif self.flow.of(node, scope) == {Value("foreign", "builtins.type")}:
            self.expression(node, scope, READ)
        else:
            self.expression(node, scope)

    def by_name(self, path: str, node: ast.Call, scope: Scope) -> None:
        """Look at access to attributes by a name that is an argument."""
        if path in ("operator.attrgetter", "operator.methodcaller"):
            for item in node.args if path.endswith("attrgetter") else node.args[:1]:
                for part in str(getattr(item, "value", "")).split("."):
                    self.read(Value("unknown"), part, node, scope)
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
                for value in self.flow.attribute(owner, name):
                    self.used_as(value, node, scope, READ)
        if known:
            return
        if function != "getattr" and all(owner.kind in ("self", "cls") for owner in owners):
            return
        self.door("reflection", node, scope, f"{function} with a computed name")

    def method(self, node: ast.Call, callee: ast.Attribute, scope: Scope) -> None:
        """Look at methods that go further with some arguments only, whatever they are called on."""
        owners = self.flow.of(callee.value, scope)
        if callee.attr == "format" and not any(
            owner.kind in ("foreign", "self", "class", "module") for owner in owners
        ):
            for capability, what in format_problems(node, owners):
                self.door(capability, node, scope, what)
        if callee.attr == "format" and owners & {Value("foreign", "builtins.str")}:
            for capability, what in format_problems(node, self.flow.of(node.args[0], scope) if node.args else owners):
                self.door(capability, node, scope, what)
        if (
            callee.attr == "cache"
            and (node.args or node.keywords)
            and not any(owner.kind == "foreign" for owner in owners)
        ):
            self.door("filesystem", node, scope, "cache() of a dataset with a file name")

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
            self.expression(item, scope, READ if same or (equal and names <= 1) else ESCAPES)

    def _NamedExpr(self, node: ast.NamedExpr, scope: Scope, use: str) -> None:
        self.expression(node.value, scope, FOLLOWED if use != ESCAPES else use)

    def _FormattedValue(self, node: ast.FormattedValue, scope: Scope, use: str) -> None:
        self.expression(node.value, scope, READ)
        self.expression(node.format_spec, scope)

    def _Subscript(self, node: ast.Subscript, scope: Scope, use: str) -> None:
        typed = self.flow.of(node.value, scope) == {Value("foreign", "builtins.type")}
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

    # -- statements -----------------------------------------------------------------------------------------------------

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
            if isinstance(value, list):
                if value and isinstance(value[0], ast.stmt):
                    self.body(value, scope)
                else:
                    for item in value:
                        self.part(item, scope, name)
            else:
                self.part(value, scope, name)

    def part(self, item: object, scope: Scope, field: str) -> None:
        if isinstance(item, ast.expr):
            self.expression(item, scope, READ if field in ("test", "guard") else ESCAPES)
        elif isinstance(item, ast.MatchClass):
            self._class_pattern(item, scope)
        elif isinstance(item, ast.AST) and not isinstance(item, (ast.operator, ast.expr_context)):
            self.plain(item, scope)

    def _class_pattern(self, node: ast.MatchClass, scope: Scope) -> None:
        self.expression(node.cls, scope)
        for name in node.kwd_attrs:
            self.read(Value("unknown"), scope.mangled(name), node, scope)
        for pattern in (*node.patterns, *node.kwd_patterns):
            self.part(pattern, scope, "pattern")

    def _statement_Expr(self, node: ast.Expr, scope: Scope) -> None:
        self.expression(node.value, scope, READ)

    def _statement_Assign(self, node: ast.Assign, scope: Scope) -> None:
        for target in node.targets:
            self.expression(target, scope)
        self.assigned(node.targets, node.value, scope)

    def assigned(self, targets: list[ast.expr], value: ast.expr, scope: Scope) -> None:
        """Look at a value where every target is one that the flow follows, or else as one that escapes."""
        if scope.kind != "class" and all(isinstance(target, ast.Name) for target in targets):
            self.expression(value, scope, FOLLOWED)
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
        self.expression(value, scope)

    def _statement_AnnAssign(self, node: ast.AnnAssign, scope: Scope) -> None:
        self.annotation(node.annotation, scope)
        self.expression(node.target, scope)
        if node.value is not None:
            self.assigned([node.target], node.value, scope)

    def _statement_Import(self, node: ast.Import, scope: Scope) -> None:
        for alias in node.names:
            for value in self.flow.module(alias.name):
                self.imported(value, node, scope)

    def _statement_ImportFrom(self, node: ast.ImportFrom, scope: Scope) -> None:
        base = self.flow.absolute(node, scope)
        if base is None:
            self.report(rules.UNKNOWN_IMPORT, node, scope, "a relative import leaves the bundle")
            return
        if base == "__future__":
            return
        for owner in self.flow.module(base):
            for alias in node.names:
                if owner.kind == "foreign" and owner.denoted.kind is Kind.DOOR:
                    self.imported(owner, node, scope)
                elif alias.name == "*":
                    self.star(owner, node, scope)
                else:
                    self.read(owner, alias.name, node, scope)
                    for value in self.flow.attribute(owner, alias.name):
                        self.imported(value, node, scope)

    def star(self, owner: Value, node: ast.ImportFrom, scope: Scope) -> None:
        self.imported(owner, node, scope)
        if owner.kind == "foreign" and (owner.denoted.kind is Kind.OPEN or owner.denoted.path in ("os", "sys", "io")):
            self.report(rules.UNRESOLVED, node, scope, f"everything of {owner.name} is imported by star")

    def imported(self, value: Value, node: ast.AST, scope: Scope) -> None:
        """Look at an import, whether or not what it binds is used."""
        if value.kind != "foreign":
            self.used_as(value, node, scope, ESCAPES if scope.kind == "class" else FOLLOWED)
            return
        denoted = value.denoted
        root = denoted.path.partition(".")[0]
        self.used_as(value, node, scope, ESCAPES if scope.kind == "class" else FOLLOWED)
        if root in standard_library() or root in FRAMEWORKS or root == "builtins":
            return
        distribution = self.requirements.get(root)
        if distribution is None:
            self.report(
                rules.UNKNOWN_IMPORT, node, scope,
                f"{root} is not in the standard library, the framework, the lock or the bundle",
            )  # fmt: skip
        else:
            self.used.setdefault(distribution, getattr(node, "lineno", 0))

    def _statement_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
        for item in node.decorator_list:
            self.expression(item, scope)
        for default in (*node.args.defaults, *node.args.kw_defaults):
            self.expression(default, scope)
        around = self.module.generic.get(node, scope)
        arguments = node.args
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        for argument in named:
            if argument is not None:
                self.annotation(argument.annotation, around)
        self.annotation(node.returns, around)
        self.generic(node, around)
        self.body(node.body, self.module.scopes[node])

    _statement_AsyncFunctionDef = _statement_FunctionDef

    def _statement_ClassDef(self, node: ast.ClassDef, scope: Scope) -> None:
        for item in node.decorator_list:
            self.expression(item, scope)
        around = self.module.generic.get(node, scope)
        for base in (*node.bases, *(item.value for item in node.keywords)):
            self.classes(base, around)
        self.generic(node, around)
        self.body(node.body, self.module.scopes[node])

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
            try:
                inner = ast.parse(node.value[:2000], mode="eval").body
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return
            for item in ast.walk(inner):
                if isinstance(item, (ast.Call, ast.Lambda, ast.NamedExpr, ast.ListComp, ast.GeneratorExp, ast.SetComp,
                                     ast.DictComp, ast.Await, ast.Yield, ast.YieldFrom)):  # fmt: skip
                    self.door("dynamic-code", node, scope, "an annotation in a string holds code that computes")
                    return
            for item in ast.walk(inner):
                ast.copy_location(item, node)
            self.expression(inner, scope, ESCAPES)
            return
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            self.annotation(node.left, scope)
            self.annotation(node.right, scope)
        elif isinstance(node, ast.expr):
            self.classes(node, scope)

    # -- definitions ----------------------------------------------------------------------------------------------------

    def defined(self, scope: Scope) -> None:
        """Look at names that the interpreter gives a meaning, where a class or module binds them."""
        if scope.kind == "function":
            return
        for name, bindings in scope.bindings.items():
            if not (name.startswith("__") and name.endswith("__")):
                continue
            node = next((item.node for item in bindings if item.node is not None), scope.node)
            if scope.kind == "class" and name in ("__reduce__", "__reduce_ex__"):
                self.door("unsafe-deserialization", node, scope, f"{name} makes pickle and copy call what it returns")
            elif scope.kind == "class" and name == "__match_args__":
                self._match_args(node, scope)
            elif name not in (DEFINED if scope.kind == "class" else _OWN_NAMES):
                self.door("reflection", node, scope, f"{name} is bound: the interpreter gives it a meaning")

    def _match_args(self, node: ast.AST, scope: Scope) -> None:
        names = [item.value for item in getattr(node, "elts", ()) if isinstance(item, ast.Constant)]
        if not isinstance(node, ast.Tuple) or len(names) != len(node.elts) or any("__" in str(name) for name in names):
            self.door("reflection", node, scope, "__match_args__ names attributes that patterns read")


def _when(scope: Scope) -> str:
    inside = [
        around for around in scope.chain() if around.kind == "function" and "<" not in around.path.rpartition(".")[2]
    ]
    return f"runs in {inside[0].path}" if inside else "runs while the module is imported"
