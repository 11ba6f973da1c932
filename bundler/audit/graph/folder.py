"""A SavedModel folder: which files it has, and what its graph says."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bundler.audit.finding import Finding
from bundler.audit.graph import checkpoint, constants, graph_objects, nodes, path_origins, rules
from bundler.audit.graph.collected import Collected
from bundler.audit.graph.opener import Opener
from bundler.formats.saved_model import wire
from bundler.formats.saved_model.meta_graph import place, program
from bundler.limits import LIMITS

_GRAPH = "saved_model.pb"
_FINGERPRINT = "fingerprint.pb"
_OTHER_FORMS = frozenset({"saved_model.pbtxt", "saved_model.cpb"})
_EXPECTED = re.compile(r"variables/variables\.(?:index|data-\d{5}-of-\d{5})|assets/.+", re.ASCII | re.DOTALL)
_FINGERPRINT_BYTES = 64 << 10


def saved_model_findings(files: Mapping[str, Opener], *, place: str) -> list[Finding]:
    """Return what there is to say about the SavedModel of `files`, which are named below the folder `place`.

    It opens the graph, the fingerprint, the checkpoint's index and the tree of objects in the checkpoint. It takes
    the memory of one of these, of which none is larger than `LIMITS.graph`, and a few times that for what it keeps.

    Raises:
        BundleError: a file cannot be read from the bundle.
    """
    found: list[Finding] = []
    for name, file in files.items():
        if name.casefold() in _OTHER_FORMS:
            found.append(rules.OTHER_FORM.at(file.member, f"the graph as {name}"))
        elif name not in (_GRAPH, _FINGERPRINT) and not _EXPECTED.fullmatch(name):
            found.append(rules.UNEXPECTED_FILE.at(file.member, f"the file {name}"))
    if _FINGERPRINT in files:
        found += _fingerprint(files[_FINGERPRINT])
    if checkpoint.INDEX in files:
        collected = Collected(files[checkpoint.INDEX].member)
        checkpoint.look_at(files, collected)
        found += collected.findings()
    elif any(name.startswith("variables/") for name in files):
        found.append(rules.MALFORMED.at(f"{place}/{checkpoint.INDEX}", "the checkpoint has no index"))
    if _GRAPH not in files:
        return [*found, rules.MALFORMED.at(f"{place}/{_GRAPH}", "the SavedModel has no graph")]
    return found + _graph(files[_GRAPH], frozenset(files))


def _graph(file: Opener, names: frozenset[str]) -> list[Finding]:
    collected = Collected(file.member)
    if file.size > LIMITS.graph:
        collected.add(rules.TOO_LARGE, f"a graph of {file.size} bytes (the cap is {LIMITS.graph})")
        return collected.findings()
    data = file.content()
    try:
        _look_at(data, names, collected)
    except wire.UnreadableMessage as error:
        _refuse(error, collected)
    return collected.findings()


def _look_at(data: bytes, names: frozenset[str], collected: Collected) -> None:
    tensors = wire.check(data, "SavedModel", ("TensorProto",))["TensorProto"]
    saved = wire.read(data, wire.Span(0, len(data)), "SavedModel")
    if not saved.get("meta_graphs"):
        collected.add(rules.MALFORMED, "the SavedModel has no graph")
    where: dict[int, str] = {}
    for span in saved.get("meta_graphs", []):
        meta = wire.read(data, span, "MetaGraphDef")
        running = program(data, meta.get("graph_def"))
        uses = graph_objects.look_at(data, meta, names, collected)
        nodes.look_at(running, collected)
        path_origins.look_at(running, uses, collected)
        for body, node in running.everywhere():
            for value in node.attributes.values():
                if value.kind == "tensor":
                    where[wire.read(data, value.span, "AttrValue")["tensor"].start] = place(body, node)
    constants.look_at(data, tensors, collected, where)


def _fingerprint(file: Opener) -> list[Finding]:
    collected = Collected(file.member)
    if file.size > _FINGERPRINT_BYTES:
        collected.add(rules.TOO_LARGE, f"a fingerprint of {file.size} bytes (the cap is {_FINGERPRINT_BYTES})")
        return collected.findings()
    try:
        wire.check(file.content(), "FingerprintDef")
    except wire.UnreadableMessage as error:
        _refuse(error, collected)
    return collected.findings()


def _refuse(error: wire.UnreadableMessage, collected: Collected) -> None:
    found = {"unknown-field": rules.UNKNOWN_FIELD, "too-large": rules.TOO_LARGE}.get(error.kind, rules.MALFORMED)
    collected.add(found, str(error))
