"""A meta graph as bodies of nodes: the main graph and every function of its library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from bundler.formats.saved_model import wire
from bundler.formats.saved_model.wire import Span, UnreadableMessage

#: The name of the main graph among the bodies; no function has it.
MAIN = ""
_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})


class AttributeValue(NamedTuple):
    """The value of an attribute: which kind (``s``, ``func``, ``list``, ...), and where its message is."""

    kind: str
    span: Span


class FunctionReference(NamedTuple):
    """A function that a node names, and whether the node calls it with its own inputs in their order."""

    function: str
    is_call: bool


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One node."""

    name: str
    op: str
    #: The nodes or arguments that its inputs are, without those that only come before it.
    inputs: tuple[str, ...]
    before: tuple[str, ...]
    device: str
    attributes: Mapping[str, AttributeValue]
    references: tuple[FunctionReference, ...]


@dataclass(frozen=True, slots=True)
class GraphBody:
    """The main graph, or a function with the positions of its arguments."""

    name: str
    arguments: Mapping[str, int]
    nodes: Mapping[str, GraphNode]


@dataclass(frozen=True, slots=True)
class MetaGraph:
    """What a meta graph can run."""

    data: bytes
    bodies: Mapping[str, GraphBody]
    #: Functions that the library names as gradients, whether it has them or not.
    gradients: frozenset[str]
    called: Mapping[str, list[tuple[GraphBody, GraphNode, bool]]] = field(default_factory=dict)

    def everywhere(self) -> Iterator[tuple[GraphBody, GraphNode]]:
        """Yield every node with the body that it is in."""
        for body in self.bodies.values():
            for node in body.nodes.values():
                yield body, node

    def text(self, value: AttributeValue | None) -> bytes | None:
        """Return the text of an attribute; nothing where it is not a text."""
        if value is None or value.kind != "s":
            return None
        found: bytes = wire.read(self.data, value.span, "AttrValue")["s"]
        return found

    def constant(self, value: AttributeValue) -> bytes | None:
        """Return the text of an attribute that is a tensor of one text; nothing where it is something else."""
        if value.kind != "tensor":
            return None
        span = wire.read(self.data, value.span, "AttrValue")["tensor"]
        texts = wire.read(self.data, span, "TensorProto", only=("string_val",)).get("string_val", [])
        return texts[0] if len(texts) == 1 else None


def place(body: GraphBody, node: GraphNode) -> str:
    """Return where a node is, as a finding says it."""
    return f"function {body.name}: node {node.name}" if body.name else f"node {node.name}"


def program(data: bytes, graph: Span | None) -> MetaGraph:
    """Return the program of a GraphDef; an empty one where there is none.

    Raises:
        Unreadable: two nodes of a body, or two functions, have one name.
    """
    top = wire.read(data, graph, "GraphDef") if graph else {}
    library = wire.read(data, top["library"], "FunctionDefLibrary") if "library" in top else {}
    definitions = [(span, wire.read(data, span, "FunctionDef")) for span in library.get("function", [])]
    signatures = [
        wire.read(data, found["signature"], "OpDef") if "signature" in found else {} for _, found in definitions
    ]
    names = {signature.get("name", "") for signature in signatures}
    bodies = {MAIN: _body(data, MAIN, (), top.get("node", []), names, graph or Span(0, 0))}
    for (span, found), signature in zip(definitions, signatures, strict=True):
        name = signature.get("name", "")
        if name in bodies:
            raise UnreadableMessage("malformed", f"the function {name!r} is there twice", span.start)
        arguments = [
            wire.read(data, argument, "OpDef.ArgDef").get("name", "") for argument in signature.get("input_arg", [])
        ]
        bodies[name] = _body(data, name, tuple(arguments), found.get("node_def", []), names, span)
    gradients = [wire.read(data, span, "GradientDef") for span in library.get("gradient", [])]
    registered = [wire.read(data, span, "RegisteredGradient") for span in library.get("registered_gradients", [])]
    named = {one.get(key, "") for one in gradients for key in ("function_name", "gradient_func")}
    named |= {one.get("gradient_func", "") for one in registered}
    called: dict[str, list[tuple[GraphBody, GraphNode, bool]]] = {}
    for body in bodies.values():
        for node in body.nodes.values():
            for reference in node.references:
                called.setdefault(reference.function, []).append((body, node, reference.is_call))
    return MetaGraph(data, bodies, frozenset(named), called)


def _body(
    data: bytes, name: str, arguments: tuple[str, ...], spans: list[Span], names: set[str], whole: Span
) -> GraphBody:
    nodes: dict[str, GraphNode] = {}
    taken = set(arguments)
    if len(taken) != len(arguments):
        raise UnreadableMessage("malformed", f"two arguments of the function {name!r} have one name", whole.start)
    for span in spans:
        node = _node(data, span, names)
        if node.name in nodes or node.name in taken:
            raise UnreadableMessage("malformed", f"the node {node.name!r} is there twice", span.start)
        nodes[node.name] = node
    return GraphBody(name, {argument: index for index, argument in enumerate(arguments)}, nodes)


def _node(data: bytes, span: Span, functions: set[str]) -> GraphNode:
    found = wire.read(data, span, "NodeDef")
    op = found.get("op", "")
    attributes: dict[str, AttributeValue] = {}
    references = [FunctionReference(op, is_call=True)] if op in functions else []
    for entry in found.get("attr", []):
        pair = wire.read(data, entry, "NodeDef.AttrEntry")
        key, value = pair.get("key", ""), _value(data, pair.get("value"))
        attributes[key] = value
        references += [
            FunctionReference(function, is_call=op in _CALLS and key == "f" and value.kind == "func")
            for function in _functions(data, value)
        ]
    edges = found.get("input", [])
    return GraphNode(
        name=found.get("name", ""),
        op=op,
        inputs=tuple(_producer(edge) for edge in edges if not edge.startswith("^")),
        before=tuple(_producer(edge) for edge in edges if edge.startswith("^")),
        device=found.get("device", ""),
        attributes=attributes,
        references=tuple(references),
    )


def _producer(edge: str) -> str:
    """Return the node or the argument that an input names: ``^node``, ``node:1``, ``node:output:0``."""
    return edge.removeprefix("^").partition(":")[0]


def _value(data: bytes, span: Span | None) -> AttributeValue:
    if span is None or span.start == span.end:
        return AttributeValue("", span or Span(0, 0))
    # The check lets a message have one member of a oneof, so the first tag says which, and is one byte.
    return AttributeValue(wire.table("AttrValue")[data[span.start]].name, span)


def _functions(data: bytes, value: AttributeValue) -> Iterator[str]:
    """Yield the functions that an attribute names, and those that their own attributes name."""
    waiting: list[Span] = []
    if value.kind == "func":
        waiting.append(wire.read(data, value.span, "AttrValue")["func"])
    elif value.kind == "list":
        span = wire.read(data, value.span, "AttrValue")["list"]
        waiting += wire.read(data, span, "AttrValue.ListValue", only=("func",)).get("func", [])
    while waiting:
        named = wire.read(data, waiting.pop(), "NameAttrList")
        yield named.get("name", "")
        for entry in named.get("attr", []):
            inner = _value(data, wire.read(data, entry, "NameAttrList.AttrEntry").get("value"))
            yield from _functions(data, inner)
