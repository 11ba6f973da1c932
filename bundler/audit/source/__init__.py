"""Decide from Python source alone, without running it, which capabilities the modules of a bundle need.

Whoever holds a module such as `os` holds the machine, so modules are followed and all else is judged by name:

1. A name denotes all that Python's scoping rules may ever give it (`scopes`, `name_values`).
2. A member of a foreign module computes, or is a *sink* to one capability, or is in no list, and then it is a finding
   as well: it was not reviewed (`lookup`, over the closed lists of `library_sinks`, `framework_sinks`, `names.json`).
3. A value that may be a module must not reach an argument, a container or a return value (`uses`), since nobody sees
   what is done with it there. Nor may a function that is a sink with some arguments only, such as `getattr`: it must be
   called in sight, so that its arguments show (`call_rules`).
4. By rule 3, an object that is not followed is neither a module nor a sink. Only its attributes lead further, and those
   that do not are a closed list, too (`attribute_names`).
5. What cannot be read is a finding: text that hides code (`hidden_text`), source that does not parse.
6. A finding waits for its use where the guard stops that (`bundler.namespace`): naming a sink does nothing. It is *held*
   at load where it reaches past the guard (``__globals__``, ``f = model.save``, metaclasses, patterns, formats).
7. Where the audit errs it errs towards a finding: `getattr(keras.activations, name)` is one, as every module also has
   `__builtins__`.

It is not a wall. The code of requirements is not audited, objects of the framework are taken to do what their names
say, and the config audit looks at what Keras builds from a config that is handed in.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bundler.audit.finding import Finding
from bundler.audit.source import hidden_text, rules
from bundler.audit.source.module_findings import ANY, ModuleFindings
from bundler.audit.source.module_walk import Walk
from bundler.audit.source.name_values import Flow
from bundler.audit.source.own_classes import OwnClasses
from bundler.audit.source.rules import RULES
from bundler.audit.source.scopes import ScopedModule, read_scopes
from bundler.audit.source.uses import Uses
from bundler.formats.python.parsing import parse

__all__ = ["RULES", "SourceText", "source_findings"]

FILE_BYTES = 1 << 20  # of one module: a parsed module takes a hundred times its text
TOTAL_BYTES = 16 << 20
NODES = 1_000_000  # of all syntax trees together: half a gigabyte, and Keras Hub as a whole
DOTS = 500  # of one dotted name: the interpreter joins those of an import in quadratic time
DEPTH = 150  # of nested nodes: each is a few frames of the interpreter's own thousand

_TOO_DEEP, _TOO_MUCH = "nested deeper than can be followed", "more code than is read at once"
_DOTTED = re.compile(rb"\w+(?:[\s\\]*\.[\s\\]*\w+)*+")


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceText:
    """One packed module.

    Attributes:
        name: its dotted name in the bundle.
        member: the member that holds it.
        text: its bytes, as they will be compiled.
        package: whether it is a package's ``__init__``.
    """

    name: str
    member: str
    text: bytes
    package: bool


def source_findings(texts: Sequence[SourceText], requirements: Mapping[str, str]) -> list[Finding]:
    """Return what the modules of a bundle do beyond computing, by member and line.

    Args:
        texts: every packed module; an import of one of them is not a finding, since it is audited itself.
        requirements: the distribution that the bundle's lock requires, by the top-level name that it is imported as.

    Raises:
        Nothing: what cannot be read is a finding.
    """
    found: list[Finding] = []
    modules: dict[str, ScopedModule] = {}
    members: dict[str, str] = {}
    total = nodes = 0
    locked = set(requirements)
    for item in texts:
        total += len(item.text)
        try:
            parsed = _parsed(item, total, found)
            if parsed is None:
                continue
            nodes += _measured(parsed)
            if nodes > NODES:
                raise _Unreadable(_TOO_MUCH)
            if item.name.partition(".")[0] in locked:
                found.append(rules.UNRESOLVED.at(item.member, f"{item.name} is also what the lock requires"))
            if item.name in modules:
                raise _Unreadable(f"a second module is called {item.name}")
            modules[item.name] = read_scopes(item.name, item.package, parsed)
            members[item.name] = item.member
        except _Unreadable as error:
            found.append(rules.DOES_NOT_PARSE.at(item.member, str(error), line=error.line))
        except (RecursionError, MemoryError):
            found.append(rules.DOES_NOT_PARSE.at(item.member, _TOO_DEEP))
    found += _walked(modules, members, requirements)
    return sorted(found, key=lambda finding: (finding.member, finding.line or 0, finding.rule.id, finding.what))


class _Unreadable(Exception):
    """The text of one module is not read any further."""

    def __init__(self, what: str, line: int | None = None) -> None:
        super().__init__(what)
        self.line = line


def _parsed(item: SourceText, total: int, found: list[Finding]) -> ast.Module | None:
    """Return a module's tree, and add what is wrong with its text to `found`."""
    if len(item.text) > FILE_BYTES or total > TOTAL_BYTES:
        raise _Unreadable(f"{len(item.text)} bytes; {FILE_BYTES} of one module and {TOTAL_BYTES} of all are read")
    shown, problem = hidden_text.decoded(item.text)
    if shown is None:
        found.append(rules.HIDDEN_TEXT.at(item.member, problem or ""))
        return None
    found += _hidden(item, hidden_text.text_problems(shown))
    if any(name.group().count(b".") > DOTS for name in _DOTTED.finditer(item.text)):
        raise _Unreadable(f"a name of more than {DOTS} parts")
    try:
        tree = parse(item.text)
    except SyntaxError as error:
        raise _Unreadable(f"does not parse: {error.msg}", error.lineno) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise _Unreadable(f"does not parse: {type(error).__name__}") from error
    found += _hidden(item, hidden_text.line_problems(shown, tree))
    found += _hidden(item, hidden_text.name_problems(shown))
    return tree


def _hidden(item: SourceText, problems: Iterator[tuple[int, str]], most: int = 50) -> Iterator[Finding]:
    """Yield the first of many problems of one kind: a reader needs no more."""
    for line, what in itertools.islice(problems, most):
        yield rules.HIDDEN_TEXT.at(item.member, what, line=line)


def _measured(tree: ast.Module) -> int:
    """Return how many nodes a tree has.

    Raises:
        _Unreadable: it is nested too deeply to be walked.
    """
    count = 0
    level: list[ast.AST] = [tree]
    depth = 0
    while level:
        depth += 1
        count += len(level)
        if depth > DEPTH or count > NODES:
            raise _Unreadable(_TOO_DEEP if depth > DEPTH else _TOO_MUCH)
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return count


def _walked(
    modules: Mapping[str, ScopedModule], members: Mapping[str, str], requirements: Mapping[str, str]
) -> list[Finding]:
    """Return what the parsed modules do."""
    found: list[Finding] = []
    try:
        flow = Flow(modules)
        defined = _attributes(modules)
        classes = OwnClasses(flow)
        records = {name: ModuleFindings(members[name], classes) for name in modules}
        for name, module in modules.items():
            Walk(module, Uses(flow, records[name], defined), requirements).run()
    except (RecursionError, MemoryError):
        return [rules.DOES_NOT_PARSE.at(member, _TOO_DEEP) for member in members.values()]
    if not flow.settled:
        what = "its names refer to each other further than is followed"
        found += [rules.UNRESOLVED.at(member, what) for member in members.values()]
    unbound = {ANY}.union(*(record.unbound for record in records.values()))
    marked = set[str]().union(*(record.marked for record in records.values()))
    mixed = "vars" in marked or classes.are_mixed()
    for record in records.values():
        found += record.found.values()
        found += [finding for mark, finding in record.pending if mark in marked]
        # A method of the bundle's own is that only on the bundle's own objects.
        found += [finding for name, finding in record.own_calls if mixed or name in unbound]
        for distribution, line in record.used.items():
            found.append(rules.THIRD_PARTY.at(record.member, f"imports {distribution}", line=line))
    return found


def _attributes(modules: Mapping[str, ScopedModule]) -> frozenset[str]:
    """Return the attributes that the bundle's own code defines: in class bodies, by storing, as arguments by name."""
    names: set[str] = set()
    for module in modules.values():
        for scope in module.order:
            if scope.kind == "class":
                names |= scope.bindings.keys()
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                names.add(node.attr)
            elif isinstance(node, ast.keyword) and node.arg:
                names.add(node.arg)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 200:
                # Fields of a named tuple, names for setattr.
                names |= {part for part in node.value.replace(",", " ").split() if part.isidentifier()}
    return frozenset(name for name in names if not (name.startswith("__") and name.endswith("__")))
