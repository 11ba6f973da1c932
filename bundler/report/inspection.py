"""What `kbundle inspect` shows: the manifest as an auditor reads it, as text and as JSON from the same facts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bundler.archive.reader import BundleReader
from bundler.keras_io.selftest.output_difference import Tolerances
from bundler.manifest import (
    Adaptation,
    Agreement,
    CustomObject,
    Manifest,
    Module,
    Payload,
    PinnedDistribution,
    Settings,
    TensorSpec,
)
from bundler.manifest.codec import to_json
from bundler.report.terminal_text import shown, size_text, table

#: Letters of a recorded value that are shown.
_LONGEST_VALUE = 120
#: The defaults of Keras.
_USUAL = Settings(dtype_policy="float32", floatx="float32", image_data_format="channels_last", epsilon=1e-7)
_SETTINGS = ("dtype_policy", "floatx", "image_data_format", "epsilon", "flash_attention")


@dataclass(frozen=True, kw_only=True, slots=True)
class Inspection:
    """A bundle's own statement about itself, and where it was read from. `size` is the file's, in bytes."""

    path: str
    size: int
    digest: str
    manifest: Manifest


def inspection_of(reader: BundleReader) -> Inspection:
    """Return what the open bundle says; only its manifest has been read."""
    return Inspection(
        path=str(reader.path or "(file object)"), size=reader.size, digest=reader.digest, manifest=reader.manifest
    )


def as_json(inspection: Inspection) -> dict[str, Any]:
    """Return the inspection as a JSON value; ``manifest`` is the manifest word for word."""
    return {
        "path": inspection.path,
        "size": inspection.size,
        "digest": inspection.digest,
        "manifest": to_json(inspection.manifest),
        "warnings": list(_opaque_lines(inspection.manifest)),
        "needs": list(_said_to_need(inspection.manifest)),
        "checked": ["container layout", "manifest"],
        "not_checked": ["member digests (kbundle verify)"],
    }


def as_text(inspection: Inspection) -> str:
    """Return the inspection as lines for a terminal."""
    manifest = inspection.manifest
    sections = [
        _identity(inspection),
        _payload(manifest, manifest.payload, "Payload"),
        _payload(manifest, manifest.inference, "Second payload") if manifest.inference else [],
        _builder(manifest),
        _objects(manifest),
        adaptation_lines(manifest),
        state_lines(manifest),
        _modules(manifest),
        _requirements(manifest),
        _proof(manifest),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _identity(inspection: Inspection) -> list[str]:
    manifest = inspection.manifest
    generator = manifest.generator
    rows: list[tuple[str, object]] = [
        ("digest", inspection.digest),
        ("size", f"{size_text(inspection.size)}, {len(manifest.members)} members beside the manifest"),
        ("format", f"{manifest.format} {manifest.format_version}, written by {generator.name} {generator.version}"),
    ]
    provenance = manifest.provenance
    told = {
        "name": provenance.name,
        "description": provenance.description,
        "license": provenance.license,
        "revision": provenance.source_revision,
        # Under a name of their own: metadata must not pass for another statement.
        **{f"metadata.{key}": value for key, value in provenance.metadata.items()},
    }
    rows += [(f"{key} *", value) for key, value in told.items() if value is not None]
    lines = [shown(inspection.path), *table(rows)]
    if any(value is not None for value in told.values()):
        lines.append("  * as the author says; nothing checks it")
    return lines


def _payload(manifest: Manifest, payload: Payload, title: str) -> list[str]:
    promise = "trains, predicts, saves" if payload.fidelity == "full" else "predicts only"
    rows: list[tuple[str, object]] = [
        ("member", f"{payload.member}, {_size(manifest, payload)}"),
        ("fidelity", f"{payload.fidelity} ({promise})"),
        (
            "class",
            f"{payload.class_name}, {payload.layers} layers, {'compiled' if payload.compiled else 'not compiled'}",
        ),
        (
            "parameters",
            f"{payload.parameters.trainable:,} trainable, {payload.parameters.non_trainable:,} not trainable",
        ),
        *_tensors("input", payload.inputs),
        *_tensors("output", payload.outputs),
        (
            "saved with",
            f"Keras {payload.keras_version}; packed under TensorFlow {payload.tensorflow_version}",
        ),
    ]
    if payload.endpoint is not None:
        rows.append(("calls", f"the function {payload.endpoint!r} of the graph"))
    if payload.agreement is not None:
        rows.append(("agrees", _agreement(payload.agreement)))
    elif payload.kind == "saved_model":
        rows.append(("agrees", "not compared: there was a graph and no model"))
    return [f"{title}: {shown(payload.kind)}", *table(rows)]


def _size(manifest: Manifest, payload: Payload) -> str:
    """Return the size of the file, or of all files of a SavedModel."""
    sizes = {member.name: member.size for member in manifest.members}
    if payload.member not in sizes:
        return "missing"
    if payload.kind != "saved_model":
        return size_text(sizes[payload.member])
    folder = payload.member.rpartition("/")[0] + "/"
    below = [size for name, size in sizes.items() if name.startswith(folder)]
    return f"{size_text(sum(below))} in {len(below)} files"


def _agreement(agreement: Agreement) -> str:
    if not agreement.deterministic:
        return "in shapes and dtypes; the model is random, so its numbers and those of the graph differ each time"
    return (
        f"with the model it was traced from: largest difference {agreement.largest_difference:g}, "
        f"allowed {agreement.absolute_tolerance:g} * scale "
        f"+ {agreement.relative_tolerance:g} * |output|"
    )


def _tensors(word: str, tensors: tuple[TensorSpec, ...] | None) -> list[tuple[str, object]]:
    if tensors is None:
        return [(f"{word}s", "not declared (a subclassed model)")]
    return [(word, f"{tensor.name}  {tensor.datatype} {list(tensor.shape)}") for tensor in tensors]


def _objects(manifest: Manifest) -> list[str]:
    if not manifest.objects:
        return ["Custom objects: none"]
    rows = [
        (
            item.kind,
            item.key,
            f"{item.module}.{item.qualname}",
            _origin(item),
            f"{len(item.paths)} x in config" if item.paths else "inside other objects",
        )
        for item in manifest.objects
    ]
    lines = [f"Custom objects: {len(rows)}", *table(rows)]
    if warnings := _opaque_lines(manifest):
        lines += [f"  ! {shown(line)}" for line in warnings]
        lines.append("  ! nobody can read these before they run; they load with allow=['opaque-code']")
    return lines


def _opaque_lines(manifest: Manifest) -> list[str]:
    return [
        f"opaque: the {item.kind} {item.module}.{item.qualname} has no source; its bytecode is the pickle "
        f"{item.opaque.member}, for Python {item.opaque.python} only"
        for item in manifest.objects
        if item.opaque is not None
    ]


def _said_to_need(manifest: Manifest) -> list[str]:
    """Return the capabilities that a load will ask for, as far as the manifest tells: an audit finds out."""
    words = set() if manifest.proof is None else set(manifest.proof.allow)
    if any(item.opaque is not None for item in manifest.objects):
        words.add("opaque-code")
    return sorted(words)


def _origin(item: CustomObject) -> str:
    if item.opaque is not None:
        return f"opaque: {item.opaque.member}"
    return f"{item.source.member}:{item.source.line}" if item.source else f"from {item.distribution}"


def _builder(manifest: Manifest) -> list[str]:
    builder = manifest.builder
    if builder is None:
        return []
    rows = [(name, json.dumps(value, ensure_ascii=False, sort_keys=True)) for name, value in builder.arguments.items()]
    heading = f"Builder: {builder.module}.{builder.qualname} makes the model; its weights come from the payload"
    return [shown(heading), *table(sorted(rows))]


def _modules(manifest: Manifest) -> list[str]:
    members = {member.name: member for member in manifest.members}
    rows = [
        (name, size_text(members[member].size), members[member].sha256[:12], reason)
        for name, member, reason in [
            *((module.name, module.member, _why(module)) for module in manifest.modules),
            *((item.path, item.member, item.reason) for item in manifest.data),
        ]
    ]
    if not rows:
        return ["Source: none"]
    heading = f"Source: {len(manifest.modules)} of Python, {len(manifest.data)} of data"
    lines = [heading + " (name, size, sha256, why)", *table(rows, right=(1,))]
    if manifest.unresolved:
        lines.append("  imports that nothing answered at pack time, and that loading does not need:")
        lines += table([(item.module, f"{item.member}:{item.line}") for item in manifest.unresolved], indent="    ")
    return lines


def _why(module: Module) -> str:
    if module.reduced is None:
        return module.reason
    return f"{module.reason}; reduced: {module.reduced.lines} lines stayed with the author"


def _requirements(manifest: Manifest) -> list[str]:
    needs = manifest.requirements
    under = f", packed under {needs.packed_under}" if needs.packed_under else ""
    rows = [("python", f"{needs.python}{under}", "")]
    rows += [
        (
            item.name + (f"[{','.join(item.extras)}]" if item.extras else ""),
            f"=={item.version}",
            ", ".join(filter(None, ("optional" if item.optional else "", _source(item)))),
        )
        for item in needs.distributions
    ]
    lines = [f"Requirements: as installed when packed ({shown(needs.lock or needs.member)})", *table(rows)]
    hashes = {
        "all": "hashes for all of them",
        "some": "hashes for some of them alone",
        "none": "no hashes: no index was asked",
    }[needs.hashes]
    lines.append(f"  and what these need in turn: {len(needs.transitive)}; {hashes}")
    special = [item for item in needs.transitive if item.source is not None]
    lines += table([(f"  {item.name}", f"=={item.version}", _source(item)) for item in special])
    if needs.packed:
        names = ", ".join(f"{item.name} {item.version}" for item in needs.packed)
        lines.append(f"  packed as source: {shown(names)}")
    if needs.wheels:
        lines.append(f"  wheels in the bundle: {len(needs.wheels)}")
    lines.append("  compare with this machine: kbundle check FILE")
    return lines


def _source(item: PinnedDistribution) -> str:
    source = item.source
    if source is None:
        return ""
    if source.url is not None:
        return f"from {source.url}{f' at {source.revision}' if source.revision else ''}"
    return f"no index was asked: {source.kind}, on the author's machine"


def _proof(manifest: Manifest) -> list[str]:
    return [
        "Checks",
        "  checked now      container layout, manifest",
        "  not checked now  the bytes of the members against their digests (kbundle verify)",
        *(f"  {word:16} {shown(line)}" for word, line in [("proof", _proved(manifest)), *_self_test(manifest)]),
        "  loading it runs its code with your rights; what that could do, and by which line: kbundle audit FILE",
    ]


def _proved(manifest: Manifest) -> str:
    proof = manifest.proof
    if proof is None:
        return (
            "not proved: no fresh process has loaded it yet; values, weights, outputs and the next step of training "
            "were not compared"
        )
    versions = f"Python {proof.python}, Keras {proof.keras_version}, TensorFlow {proof.tensorflow_version}"
    allowed = f"; its author accepted {', '.join(proof.allow)}" if proof.allow else ""
    # A statement like any other in this file: who loads it can repeat it, nobody can check it.
    return f"the author's kbundle says: a fresh process with {versions} passed {', '.join(proof.checks)}{allowed}"


def _self_test(manifest: Manifest) -> list[tuple[str, str]]:
    test = manifest.self_test
    if test is None:
        return [("self-test", "none")]
    inputs = "inputs given by the author" if test.origin == "given" else f"inputs made with seed {test.seed}"
    allowed = f"outputs {Tolerances(absolute=test.absolute_tolerance, relative=test.relative_tolerance)}"
    if not test.deterministic:
        allowed = "a random model: only the shapes and dtypes of its outputs are compared"
    return [("self-test", f"{inputs}; {allowed}"), ("", f"{test.inputs}, {test.outputs}; run it: kbundle test FILE")]


def adaptation_lines(manifest: Manifest) -> list[str]:
    """Return what loading does for classes that Keras alone does not bring back."""
    rows = [
        (f"{item.module}.{item.qualname}", item.kind.replace("_", " "), ", ".join(item.arguments) or "-")
        for item in manifest.adaptations
        if not item.values
    ]
    if not rows:
        return []
    heading = f"Adaptations: {len(rows)}, what loading does for classes that Keras alone does not bring back"
    return [heading, *table(rows)]


def state_lines(manifest: Manifest) -> list[str]:
    """Return the settings that were not Keras's usual ones, the values that were set, the number of generators."""
    rows = [
        (_holder(item), name, _cut(json.dumps(value, ensure_ascii=False, sort_keys=True)))
        for item in manifest.adaptations
        for name, value in item.values.items()
    ]
    if manifest.settings is not None:
        rows += [
            ("keras.config", name, repr(value))
            for name in _SETTINGS
            if (value := getattr(manifest.settings, name)) != getattr(_USUAL, name)
        ]
    if manifest.seeds:
        rows.append(("random generators", "states", str(len(manifest.seeds))))
    return ["Set while the author's program ran, and again when it is loaded", *table(rows)] if rows else []


def _holder(item: Adaptation) -> str:
    if item.kind == "object_values":
        return shown(f"model/{item.place}".rstrip("/"))
    return shown(f"{item.module}.{item.qualname}".rstrip("."))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."
