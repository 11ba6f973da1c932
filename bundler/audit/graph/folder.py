"""A SavedModel folder: which files it has, and what its graph says."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping

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
        file = files[_FINGERPRINT]
        found += _read(file, "a fingerprint", _FINGERPRINT_BYTES, lambda data, _: wire.check(data, "FingerprintDef"))
    if checkpoint.INDEX in files:
        collected = Collected(files[checkpoint.INDEX].member)
        checkpoint.look_at(files, collected)
        found += collected.findings()
    elif any(name.startswith("variables/") for name in files):
        found.append(rules.MALFORMED.at(f"{place}/{checkpoint.INDEX}", "the checkpoint has no index"))
    if _GRAPH not in files:
        return [*found, rules.MALFORMED.at(f"{place}/{_GRAPH}", "the SavedModel has no graph")]
    look = functools.partial(_look_at, frozenset(files))
    return found + _read(files[_GRAPH], "a graph", LIMITS.graph, look)


def _read(file: Opener, what: str, most: int, look: Callable[[bytes, Collected], object]) -> list[Finding]:
    """Return what `look` adds for the content of `file`, which is `what`, and what keeps it from being read."""
    collected = Collected(file.member)
    if file.size > most:
        collected.add(rules.TOO_LARGE, f"{what} of {file.size} bytes (the cap is {most})")
        return collected.findings()
    data = file.content()
    try:
        look(data, collected)
    except wire.UnreadableMessage as error:
        found = {"unknown-field": rules.UNKNOWN_FIELD, "too-large": rules.TOO_LARGE}.get(error.kind, rules.MALFORMED)
        collected.add(found, str(error))
    return collected.findings()


def _look_at(names: frozenset[str], data: bytes, collected: Collected) -> None:
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
