"""What one call does: by the rules of what is called, by the method's name, and by the names of its arguments."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from dataclasses import dataclass

from bundler.audit.source import values
from bundler.audit.source.attribute_names import is_harmless_prefix
from bundler.audit.source.call_rules import ARGUMENT_RULES, CALL_RULES, METHOD_RULES
from bundler.audit.source.configs import is_handed_in, is_of_object
from bundler.audit.source.lookup import Kind
from bundler.audit.source.name_values import Flow
from bundler.audit.source.scopes import Scope
from bundler.audit.source.uses import READ, Uses
from bundler.audit.source.values import ANYTHING, NONE, NOTHING, UNKNOWN, Values
from bundler.frameworks import MODELS

_STREAMS: Values = frozenset((NONE, values.Foreign("sys.stdout"), values.Foreign("sys.stderr")))


@dataclass(frozen=True, slots=True)
class CallSite:
    """One call, and what can be asked about its arguments."""

    node: ast.Call
    scope: Scope
    flow: Flow

    @property
    def owners(self) -> Values:
        """What the method may be called on; anything, where it is not called as one."""
        function = self.node.func
        return self.flow.of(function.value, self.scope) if isinstance(function, ast.Attribute) else ANYTHING

    @property
    def is_of_stranger(self) -> bool:
        """Whether the method may be one of an object that is not the bundle's own."""
        return any(isinstance(owner, values.Stranger) for owner in self.owners)

    @property
    def is_spread(self) -> bool:
        """Whether any arguments come out of a container."""
        return self.has(None) or any(isinstance(item, ast.Starred) for item in self.node.args)

    def is_of_exception(self, node: ast.expr) -> bool:
        """Whether this is an exception that is being handled, or what ``sys.exc_info()`` says of it."""
        if isinstance(node, ast.Name):
            return any(node.id in around.deleted for around in self.scope.chain())
        return isinstance(node, ast.Call) and values.Foreign("sys.exc_info") in self.flow.of(node.func, self.scope)

    def named(self, name: str) -> list[ast.expr]:
        """Return the values of an argument by name; two are parsed, though they do not compile."""
        return [item.value for item in self.node.keywords if item.arg == name]

    def keyword(self, name: str) -> ast.expr | None:
        """Return the value of an argument by name; `None` where it is not given."""
        return next(iter(self.named(name)), None)

    def has(self, *names: str | None) -> bool:
        """Whether one of these arguments is given by name; `None` is ``**``, whose names cannot be read."""
        return any(item.arg in names for item in self.node.keywords)

    def has_more(self, most: int, *names: str) -> bool:
        """Whether there are more than `most` arguments by position, one of `names`, or any that cannot be read."""
        return len(self.node.args) > most or self.has(*names) or self.is_spread

    @property
    def prints_to_process(self) -> bool:
        """Whether an output stream, if there is one, is the process's own."""
        stream = self.keyword("output_stream")
        return stream is None or self.flow.of(stream, self.scope) <= _STREAMS

    @property
    def takes_handed_in_config(self) -> bool:
        """Whether the first argument is a config that was handed in."""
        return bool(self.node.args) and is_handed_in(self.node.args[0], self.scope, self.flow)

    @property
    def takes_config_of_object(self) -> bool:
        """Whether the first argument is the config that Keras made of an object."""
        return bool(self.node.args) and is_of_object(self.node.args[0], self.scope, self.flow)


class Calls:
    """What is wrong with the calls of one module."""

    def __init__(self, uses: Uses) -> None:
        self.flow = uses.flow
        self.record = uses.record
        self.uses = uses

    def look_at(self, node: ast.Call, callees: Values, scope: Scope, *, is_clone: bool) -> None:
        """Report what is wrong with a call of `callees`."""
        call = CallSite(node, scope, self.flow)
        for path in {value.name for value in callees if isinstance(value, values.Foreign)}:
            rule = next((rule for rule in CALL_RULES.get(path, ()) if rule.breaks(call)), None)
            if rule is not None:
                self.record.sink(rule.capability, node, scope, rule.what.format(path), hard=rule.hard)
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
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        for rule in (METHOD_RULES.get(method), *(ARGUMENT_RULES.get(item.arg) for item in node.keywords)):
            if rule is not None and rule.breaks(call):
                self.record.sink(rule.capability, node, scope, rule.what, hard=rule.hard)
        for what in self._format_problems(call) if method in ("format", "format_map") else ():
            self.record.sink("reflection", node, scope, what, hard=True)
        if method in ("__init__", "from_config") and not is_clone and call.is_of_stranger:
            what = f"{method} of an object that may be a layer that reads files"
            self.record.later("layers", "filesystem", node, what)
        if any(map(self.record.classes.is_metaclass, callees)):
            self.record.sink("dynamic-code", node, scope, "a metaclass is called: it makes a class from data")

    def _super(self, node: ast.Call, scope: Scope) -> None:
        of = self.flow.of(node.args[0], scope)
        if any(value.kind not in (None, Kind.OPEN) for value in of):
            # It skips what stands in for that class; nothing stands in for one of Keras or TensorFlow.
            names = [value.name for value in of if isinstance(value, values.Foreign)]
            names += [value.place for value in of if isinstance(value, values.OfClass)]
            own = len(names) == len(of) and {name.partition(".")[0] for name in names} <= MODELS
            self.record.sink("reflection", node, scope, "super() of a class that is not the bundle's", hard=not own)

    def _by_name(self, function: str, node: ast.Call, scope: Scope) -> None:
        """Look at access to attributes by a name that is an argument."""
        if len(node.args) < 2 or any(isinstance(item, ast.Starred) for item in node.args):
            self.record.sink("reflection", node, scope, f"{function} with arguments that cannot be read")
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
        if function != "getattr" and all(isinstance(owner, values.Instance) for owner in owners):
            what = f"{function} with a computed name on what may not be the bundle's own"
            self.record.own(node, scope, "side-effects", what)
        else:
            self.record.sink("reflection", node, scope, f"{function} with a computed name")

    def _format_problems(self, call: CallSite) -> Iterator[str]:
        """Yield what is wrong with a call of ``str.format``: its fields read attributes by name."""
        texts: set[object] = set()
        for owner in call.owners:
            if owner == values.Foreign("builtins.str"):
                texts |= call.flow.of(call.node.args[0], call.scope) if call.node.args else {UNKNOWN}
            elif isinstance(owner, (values.OfClass, values.Foreign)):
                safe = owner.is_module or owner.kind is Kind.OPEN or self.record.classes.is_no_text(owner)
                texts |= NOTHING if safe else ANYTHING
            else:
                texts.add(owner)
        for text in texts:
            if isinstance(text, (values.Stranger, values.TextPrefix)):
                yield "format() of a text that cannot be read: its fields may name any attribute"
            elif isinstance(text, values.ThisText):
                try:
                    fields = [name for _, name, _, _ in string.Formatter().parse(text.text) if name]
                except ValueError:
                    continue
                yield from (f"a format field reads {name[:80]}" for name in fields if "__" in name or "._" in name)


def attribute_names(flow: Flow, node: ast.expr, scope: Scope) -> tuple[list[str], bool]:
    """Return the names that a computed attribute may have, and whether these are all that can lead further."""
    found = flow.of(node, scope)
    names = [value.text for value in found if isinstance(value, values.ThisText)]
    harmless = [value for value in found if isinstance(value, values.TextPrefix) and is_harmless_prefix(value.text)]
    return names, len(names) + len(harmless) == len(found)
