"""What one call does: by the rules of what is called, by the method's name, and by the names of its arguments."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from dataclasses import dataclass

from bundler.audit.finding import (
    DYNAMIC_CODE,
    FILESYSTEM,
    NATIVE_CODE,
    REFLECTION,
    SIDE_EFFECTS,
    UNSAFE_DESERIALIZATION,
)
from bundler.audit.source.attribute_names import is_harmless_prefix
from bundler.audit.source.call_rules import CALL_RULES, METHOD_RULES
from bundler.audit.source.configs import is_handed_in, is_of_object
from bundler.audit.source.lookup import Kind
from bundler.audit.source.name_values import Flow
from bundler.audit.source.scopes import Scope
from bundler.audit.source.uses import READ, Uses
from bundler.audit.source.values import (
    ANYTHING,
    NONE,
    NOTHING,
    UNKNOWN,
    Foreign,
    Instance,
    OfClass,
    Prefix,
    Stranger,
    Text,
    Values,
)

_LOGS = frozenset(("debug", "info", "warning", "warn", "error", "critical", "fatal", "exception", "log"))
_STREAMS: Values = frozenset((NONE, Foreign("sys.stdout"), Foreign("sys.stderr")))


@dataclass(frozen=True, slots=True)
class Call:
    """One call, and what can be asked about its arguments."""

    node: ast.Call
    scope: Scope
    flow: Flow

    @property
    def args(self) -> list[ast.expr]:
        """The arguments by position."""
        return self.node.args

    @property
    def owners(self) -> Values:
        """What the method may be called on; anything, where it is not called as one."""
        function = self.node.func
        return self.flow.of(function.value, self.scope) if isinstance(function, ast.Attribute) else ANYTHING

    @property
    def is_of_stranger(self) -> bool:
        """Whether the method may be one of an object that is not the bundle's own."""
        return any(isinstance(owner, Stranger) for owner in self.owners)

    @property
    def is_of_module(self) -> bool:
        """Whether the method is a function of a module."""
        return all(owner.is_module for owner in self.owners)

    @property
    def is_spread_by_name(self) -> bool:
        """Whether arguments by name come out of a container, so that they cannot be read."""
        return any(item.arg is None for item in self.node.keywords)

    @property
    def is_spread(self) -> bool:
        """Whether any arguments come out of a container."""
        return self.is_spread_by_name or any(isinstance(item, ast.Starred) for item in self.args)

    def keyword(self, name: str) -> ast.expr | None:
        """Return the value of an argument by name; `None` where it is not given."""
        return next((item.value for item in self.node.keywords if item.arg == name), None)

    def has(self, *names: str) -> bool:
        """Whether one of these arguments is given by name."""
        return any(item.arg in names for item in self.node.keywords)

    def has_more(self, most: int, *names: str) -> bool:
        """Whether there are more than `most` arguments by position, one of `names`, or any that cannot be read."""
        return len(self.args) > most or self.has(*names) or self.is_spread

    @property
    def prints_to_process(self) -> bool:
        """Whether an output stream, if there is one, is the process's own."""
        stream = self.keyword("output_stream")
        return stream is None or self.flow.of(stream, self.scope) <= _STREAMS

    @property
    def takes_handed_in_config(self) -> bool:
        """Whether the first argument is a config that was handed in."""
        return bool(self.args) and is_handed_in(self.args[0], self.scope, self.flow)

    @property
    def takes_config_of_object(self) -> bool:
        """Whether the first argument is the config that Keras made of an object."""
        return bool(self.args) and is_of_object(self.args[0], self.scope, self.flow)


class Calls:
    """What is wrong with the calls of one module."""

    def __init__(self, uses: Uses) -> None:
        self.flow = uses.flow
        self.record = uses.record
        self.uses = uses

    def look_at(self, node: ast.Call, callees: Values, scope: Scope, *, is_clone: bool) -> None:
        """Report what is wrong with a call of `callees`."""
        call = Call(node, scope, self.flow)
        for path in {value.name for value in callees if isinstance(value, Foreign)}:
            rule = next((rule for rule in CALL_RULES.get(path, ()) if rule.breaks(call)), None)
            if rule is not None:
                self.record.door(rule.capability, node, scope, rule.what.format(path), hard=rule.hard)
            if path in ("operator.attrgetter", "operator.methodcaller"):
                for item in node.args if path.endswith("attrgetter") else node.args[:1]:
                    for part in str(getattr(item, "value", "")).split("."):
                        self.uses.read_unseen(part, node, scope)
            elif path in ("builtins.getattr", "builtins.setattr", "builtins.delattr"):
                self._by_name(path.removeprefix("builtins."), node, scope)
            elif path == "builtins.super" and node.args:
                self._super(node, scope)
            elif path == "builtins.vars" and node.args:
                # Perhaps of a class: its functions take any object for their own.
                self.record.marked.add("vars")
        if isinstance(node.func, ast.Attribute):
            self._method(call, node.func.attr, is_clone=is_clone)
        self._keywords(call)
        if any(map(self.record.classes.is_metaclass, callees)):
            self.record.door(DYNAMIC_CODE, node, scope, "a metaclass is called: it makes a class from data")

    def _super(self, node: ast.Call, scope: Scope) -> None:
        of = self.flow.of(node.args[0], scope)
        if any(value.kind not in (None, Kind.OPEN) for value in of):
            # It skips what stands in for that class; nothing stands in for one of Keras or TensorFlow.
            own = all(isinstance(value, Foreign) and value.name.startswith(("keras.", "tensorflow.")) for value in of)
            self.record.door(REFLECTION, node, scope, "super() of a class that is not the bundle's", hard=not own)

    def _by_name(self, function: str, node: ast.Call, scope: Scope) -> None:
        """Look at access to attributes by a name that is an argument."""
        if len(node.args) < 2 or any(isinstance(item, ast.Starred) for item in node.args):
            self.record.door(REFLECTION, node, scope, f"{function} with arguments that cannot be read")
            return
        owners = self.flow.of(node.args[0], scope)
        names, known = attribute_names(self.flow, node.args[1], scope)
        for name in names:
            for owner in owners:
                if function != "getattr":
                    self.uses.written(owner, name, node, scope)
                    continue
                self.uses.read(owner, name, node, scope)
                self.uses.handed_on(owner, name, node, scope)
                for value in self.flow.attribute(owner, name):
                    self.uses.used_as(value, node, scope, READ)
        if known:
            return
        # On a class, a computed name may be one that the interpreter gives a meaning.
        if function != "getattr" and all(isinstance(owner, Instance) for owner in owners):
            what = f"{function} with a computed name on what may not be the bundle's own"
            self.record.own(node, scope, SIDE_EFFECTS, what)
        else:
            self.record.door(REFLECTION, node, scope, f"{function} with a computed name")

    def _method(self, call: Call, name: str, *, is_clone: bool) -> None:
        """Look at methods that go further with some arguments only, whatever they are called on."""
        node, scope = call.node, call.scope
        rule = METHOD_RULES.get(name)
        if rule is not None and rule.breaks(call):
            self.record.door(rule.capability, node, scope, rule.what, hard=rule.hard)
        if name in ("format", "format_map"):
            for what in self._format_problems(call):
                self.record.door(REFLECTION, node, scope, what, hard=True)
        if name in ("__init__", "from_config") and not is_clone and call.is_of_stranger:
            what = f"{name} of an object that may be a layer that reads files"
            self.record.later("layers", FILESYSTEM, node, what)

    def _format_problems(self, call: Call) -> Iterator[str]:
        """Yield what is wrong with a call of ``str.format``: its fields read attributes by name."""
        texts: set[object] = set()
        for owner in call.owners:
            if owner == Foreign("builtins.str"):
                texts |= call.flow.of(call.args[0], call.scope) if call.args else {UNKNOWN}
            elif isinstance(owner, (OfClass, Foreign)):
                safe = owner.is_module or owner.kind is Kind.OPEN or self.record.classes.is_no_text(owner)
                texts |= NOTHING if safe else ANYTHING
            else:
                texts.add(owner)
        for text in texts:
            if isinstance(text, (Stranger, Prefix)):
                yield "format() of a text that cannot be read: its fields may name any attribute"
            elif isinstance(text, Text):
                try:
                    fields = [name for _, name, _, _ in string.Formatter().parse(text.text) if name]
                except ValueError:
                    continue
                yield from (f"a format field reads {name[:80]}" for name in fields if "__" in name or "._" in name)

    def _keywords(self, call: Call) -> None:
        """Look at arguments that mean the same whatever is called: most objects that take them are not followed."""
        node, scope = call.node, call.scope
        for item in node.keywords:
            value = item.value
            is_true = isinstance(value, ast.Constant) and value.value is True
            logs = item.arg is None and isinstance(node.func, ast.Attribute) and node.func.attr in _LOGS
            if logs and call.is_of_stranger:
                what = "a log record with arguments that cannot be read"
                self.record.door(FILESYSTEM, node, scope, what, hard=True)
            if item.arg == "refcheck" and not is_true:
                what = "refcheck=False leaves arrays that read freed memory"
                self.record.door(NATIVE_CODE, node, scope, what, hard=True)
            elif item.arg == "safe_mode" and not is_true:
                # One that is handed through is chosen elsewhere, as from_config() does.
                if not (isinstance(value, ast.Name) and value.id == "safe_mode"):
                    what = "safe_mode is chosen: a config may then hold code"
                    self.record.door(UNSAFE_DESERIALIZATION, node, scope, what, hard=True)
            elif item.arg == "exc_info" and not isinstance(value, ast.Constant):
                caught = isinstance(value, ast.Name) and any(value.id in around.deleted for around in scope.chain())
                raised = isinstance(value, ast.Call) and Foreign("sys.exc_info") in self.flow.of(value.func, scope)
                if not (caught or raised):
                    what = "exc_info may be no traceback: log records show its files"
                    self.record.door(FILESYSTEM, node, scope, what, hard=True)


def attribute_names(flow: Flow, node: ast.expr, scope: Scope) -> tuple[list[str], bool]:
    """Return the names that a computed attribute may have, and whether these are all that can lead further."""
    found = flow.of(node, scope)
    known = all(
        isinstance(value, Text) or (isinstance(value, Prefix) and is_harmless_prefix(value.text)) for value in found
    )
    return [value.text for value in found if isinstance(value, Text)], known
