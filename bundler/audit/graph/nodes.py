"""Nodes against the list of operations."""

from __future__ import annotations

from bundler.audit.finding import FILESYSTEM, Rule
from bundler.audit.graph import node_attributes, operations, rules
from bundler.audit.graph.collected import Collected
from bundler.formats.saved_model.meta_graph import MAIN, MetaGraph, place

_RULES: tuple[tuple[frozenset[str], Rule], ...] = (
    (operations.READS, rules.FILES),
    (operations.WRITES, rules.FILES),
    (operations.NETWORK, rules.NETWORKING),
    (operations.DYNAMIC, rules.DYNAMIC),
    (operations.NATIVE, rules.NATIVE),
    (operations.PROCESS, rules.ENDS_PROCESS),
)
#: These are looked at by where their paths come from, in `flow`.
_BY_PATH = operations.CHECKPOINT | operations.TABLE_FILE


def op_is_allowed(op: str) -> bool:
    """Say whether an operation only computes, or holds the model's own state.

    The attributes of some allowed operations open sinks all the same: ``PrintV2`` prints to a file where its
    ``output_stream`` is one.
    """
    return op in operations.ALLOWED


def op_capability(op: str) -> str | None:
    """Return the capability that an operation needs wherever it stands; nothing for an allowed one.

    An operation that no supported TensorFlow has needs ``native-code``.
    """
    if op_is_allowed(op):
        return None
    return FILESYSTEM if op in _BY_PATH else _rule(op).capability


def look_at(program: MetaGraph, collected: Collected) -> None:
    """Look at every node of every body, and at the names of the functions."""
    for body, node in program.everywhere():
        # A call of a function by its name is not an operation; the function is looked at itself.
        is_call = node.op in program.bodies and node.op != MAIN
        if not is_call and node.op not in operations.ALLOWED and node.op not in _BY_PATH:
            rule = _rule(node.op)
            lacks = rule is rules.NATIVE and node.op not in operations.NATIVE
            collected.add(rule, f"{node.op}, which TensorFlow does not have" if lacks else node.op, place(body, node))
        node_attributes.look_at(program, body, node, collected)
        for reference in node.references:
            if reference.function not in program.bodies or reference.function == MAIN:
                what = f"{node.op} runs the function {reference.function!r}, which is not there"
                collected.add(rules.MISSING_FUNCTION, what, place(body, node))
    for name in program.bodies:
        if name in operations.registered():
            collected.add(rules.SHADOWED_OPERATION, f"the function {name}", f"function {name}")
    for name in sorted(program.gradients - set(program.bodies)):
        collected.add(rules.MISSING_FUNCTION, f"the gradient {name!r}, which is not there")


def _rule(op: str) -> Rule:
    other = rules.UNKNOWN_OPERATION if op in operations.withheld() else rules.NATIVE
    return next((rule for names, rule in _RULES if op in names), other)
