"""What attributes make of a node whose operation only computes: a file to print to, a device elsewhere, a plug-in."""

from __future__ import annotations

import re

from bundler.audit.graph import rules
from bundler.audit.graph.collected import Collected
from bundler.formats.saved_model import wire
from bundler.formats.saved_model.meta_graph import GraphBody, GraphNode, MetaGraph, place

#: A device of this machine, in full or in part. TensorFlow takes any case; other jobs and tasks are other processes.
_HERE = re.compile(
    r"(?:/job:localhost)?(?:/replica:0)?(?:/task:0)?(?:/(?:device:)?(?:(?:XLA_)?[CG]PU|TPU):(?:\d{1,4}|\*))?",
    re.ASCII | re.IGNORECASE,
)
#: PrintV2 writes to a file for every other text.
_STREAMS = frozenset({b"stdout", b"stderr", b"log(info)", b"log(warning)", b"log(error)", b""})
_EXECUTORS = frozenset({b"", b"DEFAULT", b"SINGLE_THREADED_EXECUTOR"})
_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})


def is_here(device: str) -> bool:
    """Say whether a device is one of this process; the empty name is."""
    return _HERE.fullmatch(device) is not None


def look_at(program: MetaGraph, body: GraphBody, node: GraphNode, collected: Collected) -> None:
    """Add what the attributes and the device of a node give cause for."""
    inside = place(body, node)
    if not is_here(node.device):
        collected.add(rules.DEVICE, f"{node.op} on the device {node.device}", inside)
    for key, value in node.attributes.items():
        if value.kind == "placeholder":
            collected.add(rules.UNREAD_PART, f"{node.op}: the caller decides the attribute {key}", inside)
    if node.op == "PrintV2":
        stream = program.text(node.attributes.get("output_stream"))
        if stream is not None and stream not in _STREAMS:
            collected.add(rules.FILES, f"PrintV2 prints to {_shown(stream)}", inside)
    if node.op in _CALLS:
        _look_at_options(program, node, collected, inside)


def _look_at_options(program: MetaGraph, node: GraphNode, collected: Collected, inside: str) -> None:
    executor = program.text(node.attributes.get("executor_type")) or b""
    if executor not in _EXECUTORS:
        collected.add(rules.CALL_OPTIONS, f"the executor {_shown(executor)}", inside)
    if program.text(node.attributes.get("config")):
        collected.add(rules.CALL_OPTIONS, "a configuration of another version", inside)
    options = program.text(node.attributes.get("config_proto")) or b""
    try:
        wire.check(options, "ConfigProto")
    except wire.UnreadableMessage as error:
        collected.add(rules.CALL_OPTIONS, f"config_proto: {error}", inside)


def _shown(text: bytes) -> str:
    return repr(text[:200].decode("utf-8", "backslashreplace"))
