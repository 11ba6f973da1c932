"""Which uses of a value are findings: where it goes, which attribute of it is read, and which is stored to.

1. A value *escapes* into an argument, a container, a result, a default or an attribute. A module must not, nor a function
   that is looked at where it is called: libraries hand on what is there, and nobody sees who uses it in the end.
2. It is *followed* into a name of a function or module: `name_values` knows all that such a name may be.
3. It is *read* where it is called, or has an attribute read: what that gives is looked at in its turn.
4. A sink is a finding in every use, its import included.
5. What a method does to its own object, such as ``self.save()`` that its class defines, is not a finding. It becomes one
   if the bundle calls a method of that name on any other object, or hands it one.
"""

from __future__ import annotations

import ast
from collections.abc import Set as AbstractSet

from bundler.audit.finding import FILESYSTEM, REFLECTION, SIDE_EFFECTS
from bundler.audit.source import rules, values
from bundler.audit.source.attribute_names import DANGEROUS, UNSEEN_POWERS, is_interpreter_name, problem, store_problem
from bundler.audit.source.call_rules import BUILDERS, READERS
from bundler.audit.source.certain_paths import OF_FILES, is_path
from bundler.audit.source.library_sinks import FOLLOWED as FOLLOWED_DOORS
from bundler.audit.source.lookup import Kind
from bundler.audit.source.module_findings import ModuleFindings, when
from bundler.audit.source.name_values import Flow
from bundler.audit.source.own_classes import METACLASSES
from bundler.audit.source.scopes import Scope
from bundler.audit.source.values import MADE, UNKNOWN, Value

ESCAPES, FOLLOWED, READ = "escapes", "followed", "read"
#: Names of a module's own that say nothing dangerous.
OWN_NAMES = frozenset(
    "__name__ __doc__ __file__ __all__ __version__ __author__ __debug__ __class__ __package__ __module__ __qualname__"
    " __license__ __copyright__ __email__ __credits__ __maintainer__ __status__ __date__ __dir__ __getattr__".split()
)
_STREAM = frozenset({"write", "flush", "isatty", "encoding", "writelines"})
#: What makes a class's fields, and which layers go further with some arguments.
_MARKED = {
    **dict.fromkeys(("dataclasses.field", "dataclasses.fields", "dataclasses.Field"), "fields"),
    **dict.fromkeys((*READERS, "keras.layers.Lambda"), "layers"),
}
#: What the guard's stand-in for a frame has, and for its code.
_OF_FRAMES = {
    False: frozenset({"f_back", "f_lineno", "f_globals", "f_locals", "f_code"}),
    True: frozenset({"co_name", "co_filename", "co_firstlineno"}),
}


class Uses:
    """The rules by which a use of a value is a finding."""

    def __init__(self, flow: Flow, record: ModuleFindings, bundle: AbstractSet[str]) -> None:
        self.flow = flow
        self.record = record
        self.classes = record.classes
        self.bundle = bundle

    def used_as(self, value: Value, node: ast.AST, scope: Scope, use: str) -> None:
        """Report what may not be used so."""
        if isinstance(value, values.OwnModule) and use == ESCAPES:
            self.record.report(rules.UNRESOLVED, node, scope, f"the module {value.name} is handed on as a value")
        if not isinstance(value, values.Foreign):
            return
        path, kind, capability = value.denoted
        if path in _MARKED:
            self.record.marked.add(_MARKED[path])
        if kind is Kind.SINK:
            # No stub stands for what is found on a real module: only an event stops it, where it is called in sight.
            word = capability or REFLECTION
            unseen = use != READ or (word in (SIDE_EFFECTS, REFLECTION) and not path.startswith("tensorflow.raw_ops."))
            self.record.sink(word, node, scope, path, hard=value.real and unseen)
        elif kind is Kind.MISSING:
            what = f"{path} is in no list of names that are known to compute"
            self.record.report(rules.UNRESOLVED, node, scope, what)
        elif use == ESCAPES and kind is Kind.MODULE:
            self.record.report(rules.UNRESOLVED, node, scope, f"the module {path} is handed on as a value")
        elif use == ESCAPES and kind is Kind.CALL:
            # A metaclass is a stand-in while the code runs, which makes classes as a class statement does.
            # What builds from a config, or reads the file that an argument names, acts for whoever calls it later.
            hard = path in BUILDERS | READERS and value not in METACLASSES
            self.record.report(rules.UNRESOLVED, node, scope, f"{path} is handed on as a value, not called", hard=hard)

    def read(self, owner: Value, name: str, node: ast.AST, scope: Scope, *, handed: bool = False) -> None:
        """Report what is wrong with reading an attribute; what it denotes is looked at by the caller.

        `handed`: it is neither called nor read from where it stands.
        """
        if isinstance(owner, values.Foreign) and owner.kind in (Kind.MODULE, Kind.OPEN):
            if is_interpreter_name(name):
                what = f"{owner.name}.{name} leads past what can be read in the source"
                self.record.sink("reflection", node, scope, what, hard=True)
            elif handed and owner.kind is Kind.OPEN and (capability := DANGEROUS.get(name)) is not None:
                # A requirement may hand out a class of the framework under a name of its own.
                self.record.sink(capability, node, scope, f"{owner.name}.{name} is handed on, not called", hard=True)
            return
        if isinstance(owner, values.Foreign) and owner.kind is Kind.CALL:
            if name not in (_STREAM if owner.name.startswith("sys.") else ("__name__", "__qualname__", "__doc__")):
                hard = owner.name in BUILDERS | {"keras.layers.Lambda"} or is_interpreter_name(name)
                what = f"{owner.name}.{name} is that function, past what is looked at"
                self.record.sink("reflection", node, scope, what, hard=hard)
            return
        if isinstance(owner, values.Foreign) and f"{owner.name}.{name}" in FOLLOWED_DOORS:
            return  # The sink is a finding, and so is this one below it, where the caller looks at it.
        if name == "__dataclass_fields__":
            self.record.marked.add("fields")
        if isinstance(owner, values.OwnModule):
            if name.startswith("__") and name.endswith("__") and name not in OWN_NAMES:
                what = f"{owner.name}.{name} leads past what can be read in the source"
                self.record.sink("reflection", node, scope, what, hard=is_interpreter_name(name))
            return
        if isinstance(owner, values.Frame) and name in _OF_FRAMES[owner.is_code]:
            what = f"{name} of a frame; the guard shows only the names of the bundle's own"
            self.record.sink("reflection", node, scope, what)
            return
        if not isinstance(owner, (values.Instance, values.Super)):
            # Perhaps a class's function, which takes any object for its own.
            self.record.unbound.add(name)
        if name == "resize" and handed and name not in self.bundle:
            what = "resize() is handed on: a call with refcheck=False leaves arrays that read freed memory"
            self.record.sink("native-code", node, scope, what, hard=True)
        found = problem(name, MADE if isinstance(owner, values.Foreign) else owner, self.bundle)
        if found is None:
            if name == "__dict__" and isinstance(owner, values.Instance):
                what = "the attribute __dict__ of what may not be the bundle's own"
                self.record.own(node, scope, "reflection", what, hard=True)
            elif name in UNSEEN_POWERS and isinstance(owner, values.Instance):
                what = f"the attribute {name} of what may not be the bundle's own; {when(scope)}"
                self.record.own(node, scope, UNSEEN_POWERS[name], what, hard=True)
            return
        capability, why = found.capability, found.why
        hard = found.handed if handed else found.hard
        of_file = capability == REFLECTION and name in OF_FILES and isinstance(node, ast.Attribute)
        if of_file and is_path(node.value, scope, self.flow):  # type: ignore[attr-defined]
            capability, why = FILESYSTEM, "is a method of a path"
        unlisted = "no known" in why or "private" in why
        if unlisted and isinstance(owner, values.Own) and self.classes.has_open_base(owner.place):
            return
        what = f"the attribute {name} {why}; {when(scope)}"
        finding = self.record.finding(rules.OF_CAPABILITY[capability], node, what, hard=hard)
        method = self.classes.method_around(scope)
        if isinstance(owner, values.Instance) and method and name in self.classes.methods(owner.place):
            self.record.own_calls.append((method, finding))
            return
        if isinstance(owner, values.OwnClass) and name in self.classes.methods(owner.place, static=True):
            return
        self.record.keep(f"the attribute {name}", finding)

    def written(self, owner: Value, name: str, node: ast.AST, scope: Scope) -> None:
        """Report what is wrong with storing to an attribute, or deleting it."""
        if isinstance(owner, values.Foreign):
            # What is stored on a module stays in the bundle's view of it, and a sink's stub takes nothing.
            hard = owner.kind in (Kind.PLAIN, Kind.CALL) or owner.name.rpartition(".")[2][:1].isupper()
            what = f"{owner.name}.{name} is replaced: it belongs to other code"
            self.record.sink("side-effects", node, scope, what, hard=hard)
            return
        if isinstance(owner, values.OwnModule):
            what = f"{owner.name}.{name} is stored from outside, past what it is bound to"
            self.record.sink("side-effects", node, scope, what, hard=True)
            return
        if name == "name" and not isinstance(owner, (values.Instance, values.ThisClass, values.OwnClass)):
            what = "a field's name may be stored: dataclass() makes code of it"
            self.record.later("fields", "dynamic-code", node, what, hard=True)
        found = store_problem(name, owner, self.bundle)
        if found is None:
            return
        what, hard = f"the attribute {name} {found.why}", found.hard
        if isinstance(owner, values.Instance) and not name.startswith("__"):
            # On the bundle's own object it replaces nothing of anybody's.
            self.record.own(node, scope, found.capability, f"{what}; {when(scope)}", hard=hard)
        else:
            self.record.sink(found.capability, node, scope, what, hard=hard)

    def read_unseen(self, name: str, node: ast.AST, scope: Scope) -> None:
        """Look at an attribute that a pattern or a function of `operator` reads: no guard sees that."""
        self.read(UNKNOWN, name, node, scope, handed=True)
        self.handed_on(UNKNOWN, name, node, scope)
        if name == "__class__":
            what = "the class of an object may be type, and is read unseen"
            self.record.sink("dynamic-code", node, scope, what, hard=True)

    def handed_on(self, owner: Value, name: str, node: ast.AST, scope: Scope) -> None:
        """Report a method that is looked at where it is called, and is not called in sight."""
        if name == "from_config" and isinstance(owner, (values.Stranger, values.Foreign)) and not owner.is_module:
            what = "from_config is handed on: whoever calls it makes what its config names"
            self.record.sink("filesystem", node, scope, what, hard=True)
            return
        if name in ("__init__", "__class__") and isinstance(owner, values.Stranger):
            if not isinstance(node, ast.Attribute) or name != "__class__":
                what = f"{name} of an object that may be a layer that reads files"
                self.record.later("layers", "filesystem", node, what)
            return
        if (
            name == "backend"
            and isinstance(node, (ast.MatchClass, ast.Call))
            and isinstance(owner, values.UnknownObject)
        ):
            if not self.flow.attribute(owner, name) <= self.flow.of(node, scope):
                what = "backend of an object is that module, and not followed from here"
                self.record.sink("reflection", node, scope, what, hard=True)
            return
        if name not in ("format", "set_vocabulary", "cache") or owner.is_module or isinstance(owner, values.Nothing):
            return
        if self.classes.is_no_text(owner) or owner.kind is Kind.OPEN:
            return
        capability = "reflection" if name == "format" else "filesystem"
        what = f"the method {name} is handed on, so that its arguments cannot be read"
        self.record.sink(capability, node, scope, what, hard=True)
