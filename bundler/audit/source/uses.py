"""What one module does with each value: whether it may be used so, read from so, or stored to.

Three uses matter. A value is *followed* where `flow` records it (a name of a function or module); it is *read* where it
is called or has an attribute read; anything else lets it *escape*. What must be followed (a module; a function that is
looked at where it is called) may not escape, and that is what makes the rest of this audit sound.

A class of the bundle may call its own ``save``; that is only so on its own objects. A method that does so counts as
long as nothing in the bundle can hand it another object: then what it does there is a finding after all.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from bundler.audit.finding import FILESYSTEM, REFLECTION, Finding, Held, Rule
from bundler.audit.source import rules
from bundler.audit.source.attribute_names import DANGEROUS, UNSEEN_POWERS, is_interpreter_name, problem, store_problem
from bundler.audit.source.certain_paths import OF_FILES, is_path
from bundler.audit.source.library_sinks import CALLS
from bundler.audit.source.library_sinks import FOLLOWED as FOLLOWED_DOORS
from bundler.audit.source.lookup import Kind
from bundler.audit.source.name_values import Flow
from bundler.audit.source.scopes import Module, Scope
from bundler.audit.source.values import (
    MADE,
    UNKNOWN,
    Foreign,
    Frame,
    Given,
    Instance,
    OfClass,
    Own,
    OwnClass,
    OwnModule,
    Super,
    ThisClass,
    Unknown,
    Value,
)

ESCAPES, FOLLOWED, READ = "escapes", "followed", "read"
#: Names of a module's own that say nothing dangerous.
OWN_NAMES = frozenset(
    "__name__ __doc__ __file__ __all__ __version__ __author__ __debug__ __class__ __package__ __module__ __qualname__"
    " __license__ __copyright__ __email__ __credits__ __maintainer__ __status__ __date__ __dir__ __getattr__".split()
)
_STREAM = frozenset({"write", "flush", "isatty", "encoding", "writelines"})
#: In place of a method that something else may be handed to.
ANY = "*"
#: Classes that bring their subclasses no attribute under a name that they choose.
_BASES = frozenset(
    "builtins.object abc.ABC typing.Generic typing.Protocol keras.Layer keras.layers.Layer keras.Model keras.models.Model"
    " builtins.Exception builtins.ValueError builtins.TypeError".split()
)
#: Built-in classes of which a pattern takes the whole object by position.
_SELF_MATCHING = frozenset(
    f"builtins.{name}" for name in "bool bytearray bytes dict float frozenset int list set str tuple".split()
)
#: What makes a class's fields, and which layers go further with some arguments.
_MARKED = {
    **dict.fromkeys(("dataclasses.field", "dataclasses.fields", "dataclasses.Field"), "fields"),
    **{f"keras.layers.{name}": "layers" for name in ("IntegerLookup", "StringLookup", "TextVectorization", "Lambda")},
    "logging.Formatter": "layers",
}
#: Functions that build what data names, and classes of classes: nothing looks at what they are given once they are
#: handed on.
BUILDERS = frozenset(
    path for path in CALLS if "deserialize" in path or "from_json" in path or path.startswith(("abc.", "enum."))
)
READERS = frozenset(
    (*(f"keras.layers.{name}" for name in ("IntegerLookup", "StringLookup", "TextVectorization")), "logging.Formatter")
)
#: What the guard's stand-in for a frame has, and for its code.
_OF_FRAMES = {
    False: frozenset({"f_back", "f_lineno", "f_globals", "f_locals", "f_code"}),
    True: frozenset({"co_name", "co_filename", "co_firstlineno"}),
}
METACLASSES = frozenset(Foreign(name) for name in ("builtins.type", "abc.ABCMeta", "enum.EnumMeta"))


class Uses:
    """The findings of one module, and the rules by which a use of a value is one."""

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
        #: Expressions that are called where they stand.
        self.callees: set[ast.AST] = set()
        #: The call of each attribute that is called where it stands.
        self.calls: dict[ast.AST, ast.Call] = {}
        self.clones: set[ast.AST] = set()
        #: What `inspect.signature` looks at, and does not call.
        self.signed: set[ast.AST] = set()
        #: Expressions of which a method of the interpreter's is read: ``f.__call__`` is f, handed on.
        self.past: set[ast.AST] = set()
        #: What methods do to their own object that they may not do to another, by the method; and methods that are
        #: called on, or handed, an object that is not the class's own.
        self.own_calls: list[tuple[str, Finding]] = []
        self.unbound: set[str] = set()
        #: What counts only where the bundle also has what it would be done to: fields of dataclasses, and classes of
        #: layers that are called in sight (`_MARKED`).
        self.pending: list[tuple[str, Finding]] = []
        self.marked: set[str] = set()

    def report(self, rule: Rule, node: ast.AST, scope: Scope, what: str, *, hard: bool = False) -> None:
        """Record a finding once, with when it happens; a `hard` one is held at load, any other where it is used."""
        held = Held.LOAD if hard else Held.USE
        line = getattr(node, "lineno", None)
        self.keep(what, rule.at(self.member, f"{what}; {_when(scope)}", line=line, held=held))

    def keep(self, what: str, finding: Finding) -> None:
        """Keep one of the findings that say the same of a line; a hard one, if there is any."""
        key = (finding.rule.id, finding.line, what)
        if key not in self.found or finding.held is Held.LOAD:
            self.found[key] = finding

    def door(self, capability: str, node: ast.AST, scope: Scope, what: str, *, hard: bool = False) -> None:
        self.report(rules.OF_CAPABILITY[capability], node, scope, what, hard=hard)

    def later(self, mark: str, capability: str, node: ast.AST, what: str, *, hard: bool = False) -> None:
        """Record what is a finding where the bundle has what `mark` stands for."""
        held = Held.LOAD if hard else Held.USE
        line = getattr(node, "lineno", None)
        self.pending.append((mark, rules.OF_CAPABILITY[capability].at(self.member, what, line=line, held=held)))

    # -- what a value is used for -----------------------------------------------------------------------------------

    def used_as(self, value: Value, node: ast.AST, scope: Scope, use: str) -> None:
        """Report what may not be used so."""
        if isinstance(value, OwnModule):
            if use == ESCAPES:
                self.report(rules.UNRESOLVED, node, scope, f"the module {value.name} is handed on as a value")
            return
        if not isinstance(value, Foreign):
            return
        denoted = value.denoted
        if denoted.path in _MARKED:
            self.marked.add(_MARKED[denoted.path])
        if denoted.kind is Kind.DOOR:
            # No stub stands for what is found on a real module: only an event stops it, where it is called in sight.
            word = denoted.capability or "reflection"
            unseen = word in ("side-effects", "reflection") and not denoted.path.startswith("tensorflow.raw_ops.")
            unseen = unseen or use != READ
            self.door(word, node, scope, denoted.path, hard=value.real and unseen)
        elif denoted.kind is Kind.MISSING:
            self.report(
                rules.UNRESOLVED, node, scope, f"{denoted.path} is in no list of names that are known to compute"
            )
        elif use == ESCAPES and denoted.kind is Kind.MODULE:
            self.report(rules.UNRESOLVED, node, scope, f"the module {denoted.path} is handed on as a value")
        elif use == ESCAPES and denoted.kind is Kind.CALL:
            # A metaclass is a stand-in while the code runs, which makes classes as a class statement does.
            # What builds from a config, or reads the file that an argument names, acts for whoever calls it later.
            hard = (denoted.path in BUILDERS or denoted.path in READERS) and value not in METACLASSES
            self.report(rules.UNRESOLVED, node, scope, f"{denoted.path} is handed on as a value, not called", hard=hard)

    def read(self, owner: Value, name: str, node: ast.AST, scope: Scope, *, handed: bool = False) -> None:
        """Report what is wrong with reading an attribute; what it denotes is looked at by the caller.

        `handed`: it is neither called nor read from where it stands.
        """
        if isinstance(owner, Foreign) and owner.kind in (Kind.MODULE, Kind.OPEN):
            if is_interpreter_name(name):
                what = f"{owner.name}.{name} leads past what can be read in the source"
                self.door("reflection", node, scope, what, hard=True)
            elif handed and owner.kind is Kind.OPEN and (capability := DANGEROUS.get(name)) is not None:
                # A requirement may hand out a class of the framework under a name of its own.
                self.door(capability, node, scope, f"{owner.name}.{name} is handed on, not called", hard=True)
            return
        if isinstance(owner, Foreign) and owner.kind is Kind.CALL:
            if name not in (_STREAM if owner.name.startswith("sys.") else ("__name__", "__qualname__", "__doc__")):
                past = owner.name in BUILDERS or owner.name == "keras.layers.Lambda"
                hard = past or is_interpreter_name(name)
                what = f"{owner.name}.{name} is that function, past what is looked at"
                self.door("reflection", node, scope, what, hard=hard)
            return
        if isinstance(owner, Foreign) and f"{owner.name}.{name}" in FOLLOWED_DOORS:
            return  # The door is a finding, and so is this one below it, where the caller looks at it.
        if name == "__dataclass_fields__":
            self.marked.add("fields")
        if isinstance(owner, OwnModule):
            if name.startswith("__") and name.endswith("__") and name not in OWN_NAMES:
                what = f"{owner.name}.{name} leads past what can be read in the source"
                self.door("reflection", node, scope, what, hard=is_interpreter_name(name))
            return
        if isinstance(owner, Frame) and name in _OF_FRAMES[owner.is_code]:
            self.door(
                "reflection", node, scope, f"{name} of a frame; the guard shows only the names of the bundle's own"
            )
            return
        if not isinstance(owner, (Instance, Super)):
            # Perhaps a class's function, which takes any object for its own.
            self.unbound.add(name)
        if name == "resize" and handed and name not in self.bundle:
            what = "resize() is handed on: a call with refcheck=False leaves arrays that read freed memory"
            self.door("native-code", node, scope, what, hard=True)
        found = problem(name, MADE if isinstance(owner, Foreign) else owner, self.bundle)
        if found is None:
            if name == "__dict__" and isinstance(owner, Instance):
                what = "the attribute __dict__ of what may not be the bundle's own"
                self.own(node, scope, "reflection", what, hard=True)
            elif name in UNSEEN_POWERS and isinstance(owner, Instance):
                what = f"the attribute {name} of what may not be the bundle's own; {_when(scope)}"
                self.own(node, scope, UNSEEN_POWERS[name], what, hard=True)
            return
        capability, why = found.capability, found.why
        held = found.handed if handed else found.held
        of_file = capability == REFLECTION and name in OF_FILES and isinstance(node, ast.Attribute)
        if of_file and is_path(node.value, scope, self.flow):  # type: ignore[attr-defined]
            capability, why = FILESYSTEM, "is a method of a path"
        if isinstance(owner, Own) and self.open_base(owner.place) and ("no known" in why or "private" in why):
            return
        finding = rules.OF_CAPABILITY[capability].at(
            self.member, f"the attribute {name} {why}; {_when(scope)}", line=getattr(node, "lineno", None), held=held
        )
        method = self.own_method(scope)
        if isinstance(owner, Instance) and method and name in self.methods_of(owner.place):
            self.own_calls.append((method, finding))
            return
        if isinstance(owner, OwnClass) and name in self.methods_of(owner.place, static=True):
            return
        self.keep(f"the attribute {name}", finding)

    def own(self, node: ast.AST, scope: Scope, capability: str, what: str, *, hard: bool = False) -> None:
        """Record what a method may do to its own object, and to no other.

        A function in a method's decorator or without a class around has no object of its own, but then `scope` binds
        no ``self`` either; a decorated method is taken as one that anything may be handed to.
        """
        held = Held.LOAD if hard else Held.USE
        finding = rules.OF_CAPABILITY[capability].at(self.member, what, line=getattr(node, "lineno", None), held=held)
        self.own_calls.append((self.own_method(scope) or ANY, finding))

    def own_method(self, scope: Scope) -> str | None:
        """Return the method around `scope`, where nothing but a class of the bundle can call it."""
        for around in scope.chain():
            if around.class_around() is not None and isinstance(around.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                plain = all(
                    self.flow.of(item, around.outer or around) == {Foreign("builtins.property")}
                    or (isinstance(item, ast.Attribute) and item.attr in ("setter", "getter", "deleter"))
                    for item in around.node.decorator_list
                )
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
                if isinstance(value, OwnClass):
                    names |= self.methods_of(value.place, seen | {place}, static=static)
        return names

    def is_mixed(self) -> bool:
        """Whether a class of the bundle has foreign methods before those of another class of the bundle."""
        for scope in self.flow.classes.values():
            if not isinstance(scope.node, ast.ClassDef):
                continue
            foreign = False
            for base in scope.node.bases:
                kinds = {type(value) for value in self.flow.of(base, scope.outer or scope)}
                if foreign and OwnClass in kinds:
                    return True
                foreign |= kinds != {OwnClass}
        return False

    def open_base(self, place: str, seen: frozenset[str] = frozenset()) -> bool:
        """Whether a class of the bundle derives from one of a requirement, whose attributes no table has."""
        scope = self.flow.classes.get(place)
        if scope is None or place in seen or not isinstance(scope.node, ast.ClassDef):
            return False
        for base in scope.node.bases:
            for value in self.flow.of(base, scope.outer or scope):
                if isinstance(value, (Given, Unknown)) or value.kind is Kind.OPEN:
                    return True
                if isinstance(value, OwnClass) and self.open_base(value.place, seen | {place}):
                    return True
        return False

    def ancestors(self, place: str, seen: frozenset[str] = frozenset()) -> AbstractSet[Value]:
        """Return what a class of the bundle derives from outside it, through its bases in the bundle."""
        scope = self.flow.classes.get(place)
        if scope is None or not isinstance(scope.node, ast.ClassDef):
            return frozenset({UNKNOWN})
        found: set[Value] = set()
        for base in scope.node.bases:
            for value in self.flow.of(base, scope.outer or scope):
                if not isinstance(value, OwnClass):
                    found.add(value)
                elif value.place != place and value.place not in seen:
                    found |= self.ancestors(value.place, seen | {place})
        return found

    def is_no_text(self, owner: Foreign | OfClass) -> bool:
        """Whether an object of the bundle's own derives from nothing that may be a text, a dataset or a layer's table."""
        if isinstance(owner, Foreign):
            return False
        return all(
            isinstance(value, Foreign)
            and (value.name in _BASES or value.name.partition(".")[0] == "keras" or value.name == "tensorflow.Module")
            for value in self.ancestors(owner.place)
        )

    def is_metaclass(self, place: str) -> bool:
        """Whether a class of the bundle makes classes."""
        return bool(self.ancestors(place) & METACLASSES)

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

    def written(self, owner: Value, name: str, node: ast.AST, scope: Scope) -> None:
        """Report what is wrong with storing to an attribute, or deleting it."""
        if isinstance(owner, Foreign):
            # What is stored on a module stays in the bundle's view of it, and a door's stub takes nothing.
            hard = owner.kind in (Kind.PLAIN, Kind.CALL) or owner.name.rpartition(".")[2][:1].isupper()
            what = f"{owner.name}.{name} is replaced: it belongs to other code"
            self.door("side-effects", node, scope, what, hard=hard)
            return
        if isinstance(owner, OwnModule):
            what = f"{owner.name}.{name} is stored from outside, past what it is bound to"
            self.door("side-effects", node, scope, what, hard=True)
            return
        if name == "name" and not isinstance(owner, (Instance, ThisClass, OwnClass)):
            what = "a field's name may be stored: dataclass() makes code of it"
            self.later("fields", "dynamic-code", node, what, hard=True)
        found = store_problem(name, owner, self.bundle)
        if found is None:
            return
        if isinstance(owner, Instance) and not name.startswith("__"):
            # On the bundle's own object it replaces nothing of anybody's.
            hard = found.held is Held.LOAD
            self.own(node, scope, found.capability, f"the attribute {name} {found.why}; {_when(scope)}", hard=hard)
        else:
            hard = found.held is Held.LOAD
            self.door(found.capability, node, scope, f"the attribute {name} {found.why}", hard=hard)


def _when(scope: Scope) -> str:
    inside = [
        around for around in scope.chain() if around.kind == "function" and "<" not in around.path.rpartition(".")[2]
    ]
    return f"runs in {inside[0].path}" if inside else "runs while the module is imported"
