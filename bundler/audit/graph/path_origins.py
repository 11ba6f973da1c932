"""Where the paths come from that a checkpoint or a table is read from.

Every export has `SaveV2` and `RestoreV2` in two functions, and they take any path. They are the loader's own only
where the path can be nothing but the one that the loader gives: it is followed from the operation back through
operations that keep it, out of the function by every call of it, up to a placeholder of the main graph that the saver
names. Anything else on the way, a function that something else refers to, and a signature or an initialiser that
leads to the operation, is a finding. A table's file is followed in the same way up to an asset.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bundler.audit.graph import rules
from bundler.audit.graph.collected import Collected
from bundler.audit.graph.operations import CHECKPOINT, TABLE_FILE
from bundler.formats.saved_model.meta_graph import MAIN, GraphBody, GraphNode, MetaGraph, place

#: The inputs that are paths.
_PATHS = {
    "SaveV2": (0,), "RestoreV2": (0,), "MergeV2Checkpoints": (0, 1),
    "InitializeTableFromTextFile": (1,), "InitializeTableFromTextFileV2": (1,),
}  # fmt: skip
#: What a saver puts behind the path, as ``TrackableSaver`` and ``tf.compat.v1.train.Saver`` do. No way up.
_SUFFIX = re.compile(rb"\.?[A-Za-z0-9_-]*(?:/part)?")
#: The default of the saver's placeholder in exports of TensorFlow 1.
_DEFAULT = b"model"
_READS_VARIABLE = frozenset({"ReadVariableOp", "AssignVariableOp", "VarIsInitializedOp"})


@dataclass(frozen=True, slots=True)
class PathUses:
    """What outside of the graph reaches into it.

    Attributes:
        saver: the placeholder that the loader gives the path of the variables.
        assets: the nodes of the main graph that the loader gives the paths of assets.
        bound: by function that an object offers, for each of its last arguments whether an asset is bound to it.
        signatures: the nodes of the main graph that signatures give back.
        initial: the nodes of the main graph that collections name; initialisers run at load.
    """

    saver: str
    assets: frozenset[str]
    bound: Mapping[str, tuple[bool, ...]]
    signatures: frozenset[str]
    initial: frozenset[str]


def look_at(program: MetaGraph, uses: PathUses, collected: Collected) -> None:
    """Add a finding for each checkpoint and each table file whose path can be another than the loader's."""
    checkpoint = _Follow(program, uses, lambda body, node: _is_saver(program, uses, body, node), assets=False)
    table = _Follow(program, uses, lambda body, node: _is_asset(uses, body, node), assets=True)
    for body, node in program.everywhere():
        if node.op not in _PATHS:
            continue
        follow, rule = (checkpoint, rules.RESTORE) if node.op in CHECKPOINT else (table, rules.TABLE_FROM_FILE)
        if collected.is_full(rule):
            continue
        for index in _PATHS[node.op]:
            problem = follow.problem(body, node, index)
            if problem:
                collected.add(rule, f"{node.op}: {problem}", place(body, node))
                break
    _look_at_entries(program, uses.signatures, CHECKPOINT | TABLE_FILE, "a signature", collected)
    _look_at_entries(program, uses.initial, CHECKPOINT, "an initialiser", collected)


def _look_at_entries(
    program: MetaGraph, entries: Iterable[str], sinks: frozenset[str], what: str, collected: Collected
) -> None:
    """Add a finding for each operation of `sinks` that running the nodes `entries` of the main graph would run."""
    main = program.bodies[MAIN]
    waiting: list[tuple[GraphBody, str]] = [(main, name) for name in entries]
    seen: set[tuple[str, str]] = set()
    while waiting:
        body, name = waiting.pop()
        node = body.nodes.get(name)
        if node is None or (body.name, name) in seen:
            continue
        seen.add((body.name, name))
        if node.op in sinks:
            rule = rules.RESTORE if node.op in CHECKPOINT else rules.TABLE_FROM_FILE
            collected.add(rule, f"{node.op}: {what} leads to it", place(body, node))
        if body is main:
            waiting += [(main, edge) for edge in (*node.inputs, *node.before)]
        for reference in node.references:
            called = program.bodies.get(reference.function)
            # A function may run each of its nodes.
            if called is not None and called is not main and (called.name, "") not in seen:
                seen.add((called.name, ""))
                waiting += [(called, inner) for inner in called.nodes]


class _Follow:
    """Follows a path back to where it comes from."""

    def __init__(
        self, program: MetaGraph, uses: PathUses, is_source: Callable[[GraphBody, GraphNode], bool], *, assets: bool
    ) -> None:
        self._program, self._uses, self._is_source, self._assets = program, uses, is_source, assets
        #: What was followed to its end: body and name.
        self._good: set[tuple[str, str]] = set()

    def problem(self, body: GraphBody, node: GraphNode, index: int) -> str | None:
        """Return why the input of a node can be another path than the loader's; nothing where it cannot."""
        if index >= len(node.inputs):
            return "it has no path"
        waiting = [(body, node.inputs[index])]
        seen: set[tuple[str, str]] = set()
        while waiting:
            body, name = waiting.pop()
            if (body.name, name) in seen or (body.name, name) in self._good:
                continue
            seen.add((body.name, name))
            if name in body.arguments:
                found = self._callers(body, body.arguments[name])
            elif name in body.nodes:
                found = self._before(body, body.nodes[name])
            else:
                found = f"its path is {name!r}, which is not there"
            if isinstance(found, str):
                return found
            waiting += found
        self._good |= seen
        return None

    def _callers(self, body: GraphBody, index: int) -> list[tuple[GraphBody, str]] | str:
        """Return what an argument of a function is at each call of it, or why that is not known."""
        found: list[tuple[GraphBody, str]] = []
        bound = self._uses.bound.get(body.name)
        if bound is not None:
            place_of_bound = index - (len(body.arguments) - len(bound))
            if not (self._assets and 0 <= place_of_bound < len(bound) and bound[place_of_bound]):
                return f"whoever calls the function {body.name} gives the path"
        calls = self._program.called.get(body.name, [])
        if body.name in self._program.gradients:
            return f"the function {body.name} is a gradient, so it has other inputs"
        if not calls and bound is None:
            return f"nothing says what calls the function {body.name}"
        for caller, node, is_call in calls:
            edges = node.inputs
            if not is_call or index >= len(edges):
                return f"{place(caller, node)} ({node.op}) runs the function {body.name} with inputs of its own"
            found.append((caller, edges[index]))
        return found

    def _before(self, body: GraphBody, node: GraphNode) -> list[tuple[GraphBody, str]] | str:
        """Return what the path is before a node, or why it comes from there."""
        edges = node.inputs
        if self._is_source(body, node):
            return []
        if node.op in ("Identity", "ShardedFilename") and edges:
            return [(body, edges[0])]
        if node.op == "Pack":
            return [(body, edge) for edge in edges]
        if node.op == "StringJoin" and edges and not self._program.text(node.attributes.get("separator")):
            if all(self._is_suffix(body, edge) for edge in edges[1:]):
                return [(body, edges[0])]
        elif node.op == "ReadVariableOp" and edges and not body.name:
            assigned = self._assigned(body, edges[0])
            if assigned is not None:
                return assigned
        return f"its path comes from {place(body, node)} ({node.op})"

    def _is_suffix(self, body: GraphBody, edge: str) -> bool:
        """Say whether a text is one that savers put behind a path, chosen in the way in which they choose."""
        node = body.nodes.get(edge)
        if node is None:
            return False
        if node.op in ("Select", "SelectV2") and len(node.inputs) == 3:
            return all(self._is_constant_suffix(body, choice) for choice in node.inputs[1:])
        return self._is_constant_suffix(body, edge)

    def _is_constant_suffix(self, body: GraphBody, edge: str) -> bool:
        text = _constant(self._program, body.nodes.get(edge))
        return text is not None and _SUFFIX.fullmatch(text) is not None

    def _assigned(self, body: GraphBody, variable: str) -> list[tuple[GraphBody, str]] | None:
        """Return what is assigned to a variable of the main graph; nothing where something else may assign to it."""
        handle = body.nodes.get(variable)
        if handle is None or handle.op != "VarHandleOp":
            return None
        if self._handles[self._shared(handle)] > 1:
            return None
        found = []
        for node in self._users.get(variable, []):
            if node.op not in _READS_VARIABLE or node.inputs[0] != variable:
                return None
            if node.op == "AssignVariableOp":
                found.append((body, node.inputs[1] if len(node.inputs) > 1 else ""))
        return found or None

    @functools.cached_property
    def _handles(self) -> Counter[bytes]:
        """How many variables of all bodies have a name; those with one name are one variable."""
        return Counter(self._shared(node) for _, node in self._program.everywhere() if node.op == "VarHandleOp")

    @functools.cached_property
    def _users(self) -> dict[str, list[GraphNode]]:
        """The nodes of the main graph that take what a node of it gives."""
        users: dict[str, list[GraphNode]] = {}
        for node in self._program.bodies[MAIN].nodes.values():
            for name in set(node.inputs):
                users.setdefault(name, []).append(node)
        return users

    def _shared(self, handle: GraphNode) -> bytes:
        return self._program.text(handle.attributes.get("shared_name")) or handle.name.encode()


def _is_saver(program: MetaGraph, uses: PathUses, body: GraphBody, node: GraphNode) -> bool:
    if body.name or not uses.saver or node.name != uses.saver:
        return False
    if node.op == "Placeholder":
        return True
    # tf.compat.v1 has two placeholders, one behind the other, and a constant in the end.
    default = body.nodes.get(node.inputs[0]) if node.op == "PlaceholderWithDefault" and node.inputs else None
    if default is not None and default.op == "PlaceholderWithDefault" and default.inputs:
        default = body.nodes.get(default.inputs[0])
    return _constant(program, default) == _DEFAULT


def _is_asset(uses: PathUses, body: GraphBody, node: GraphNode) -> bool:
    # A placeholder with a default, or a constant, is a path of its own where the loader gives it none.
    return not body.name and node.name in uses.assets and node.op == "Placeholder"


def _constant(program: MetaGraph, node: GraphNode | None) -> bytes | None:
    """Return the one text of a constant."""
    if node is None or node.op != "Const" or "value" not in node.attributes:
        return None
    return program.constant(node.attributes["value"])
