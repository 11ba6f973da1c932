"""The model on the page: what it is, its layers as a drawing and as a table, and the custom objects in it."""

from __future__ import annotations

from collections.abc import Mapping

from bundler.audit.finding import Finding, Severity
from bundler.audit.page_contents import Contents
from bundler.audit.result import Audit
from bundler.manifest import CustomObject, Payload
from bundler.report.page.drawing import drawing
from bundler.report.page.findings import badge
from bundler.report.page.layer_graph import Box, graph_of
from bundler.report.page.layers import ROWS, Layer, layers_of, listed
from bundler.report.page.markup import Markup, folded, join, name, table, tag, words
from bundler.report.page.source_views import Views
from bundler.report.verdict import counted

#: Rows of the table of layers that are seen at once.
_OPEN = 40
_OBJECTS = 1_000


def model_section(audit: Audit, contents: Contents, views: Views) -> Markup:
    """Return the model: identity, drawing, layers, custom objects."""
    manifest = contents.manifest
    layers = layers_of(contents.config, contents.tensors)
    marks = _marks(audit, manifest.payload.member)
    objects = {item.key: index for index, item in enumerate(manifest.objects[:_OBJECTS])}
    parts: list[str | None] = [tag("h2", "Model")]
    parts.append(_identity(manifest.payload))
    if manifest.inference is not None:
        parts += [tag("h3", "Second payload: a graph that needs no code"), _identity(manifest.inference)]
    parts.append(tag("h3", "Layers"))
    if layers:
        parts += [_picture(contents, layers, marks, objects), _table(layers, marks, objects)]
    elif contents.config is None:
        parts.append(tag("p", "Its config was not read, so there is no list of its layers."))
    else:
        parts.append(
            tag("p", "Its class builds the layers itself, so there is no list and no graph of them: read its source.")
        )
    parts.append(_objects(manifest.objects, views))
    return tag("section", *parts, id="model")


def _identity(payload: Payload) -> Markup:
    parameters = payload.parameters
    rows: list[tuple[str, str]] = [
        ("class", name(payload.class_name)),
        ("kind", join(words(payload.kind), ", ", words(payload.fidelity), " fidelity")),
        ("file", name(payload.member)),
        ("parameters", f"{parameters.trainable:,} trainable, {parameters.non_trainable:,} not trainable"),
        (
            "packed under",
            join("Keras ", words(payload.keras_version), ", TensorFlow ", words(payload.tensorflow_version)),
        ),
    ]
    for word, specs in (("takes", payload.inputs), ("gives", payload.outputs)):
        for spec in (specs or ())[:20]:
            sizes = ", ".join("any" if size == -1 else str(size) for size in spec.shape)
            rows.append((word, join(name(spec.name), " ", words(spec.datatype), f" ({sizes})")))
    return tag("dl", *(join(tag("dt", word), tag("dd", value)) for word, value in rows))


def _marks(audit: Audit, member: str) -> dict[str, Finding]:
    """Return the worst finding at or below each place of the config."""
    marks: dict[str, Finding] = {}
    for item in audit.findings:
        # The audit of the config names the file in the member before the pointer into it.
        pointer = (item.inside or "").removeprefix("config.json: ")
        if item.member == member and pointer.startswith("/"):
            steps = pointer.split("/")[:64]
            for end in range(1, len(steps) + 1):
                marks.setdefault("/".join(steps[:end]), item)
    return marks


def _picture(
    contents: Contents, layers: list[Layer], marks: Mapping[str, Finding], objects: Mapping[str, int]
) -> Markup | None:
    graph = graph_of(contents.config)
    if graph is None:
        return None
    rows = {layer.pointer: row for row, layer in enumerate(layers)}

    def of_box(box: Box) -> list[tuple[int, Layer]]:
        places = (rows.get(f"/config/layers/{index}") for index in box.layers)
        return [(row, layers[row]) for row in places if row is not None]

    def link(box: Box) -> str | None:
        found = of_box(box)
        return f"#l{found[0][0]}" if found else None

    def kind(box: Box) -> str | None:
        found = [marks[layer.pointer].severity for _, layer in of_box(box) if layer.pointer in marks]
        if found:
            return f"marked {min(found, key=list(Severity).index)}"
        return "custom" if any(layer.key in objects or not layer.stock for _, layer in of_box(box)) else None

    parts = [f"{counted(len(listed(contents.config)), 'layer')}, drawn from the config of the model"]
    if any(layer.key in objects or not layer.stock for layer in layers if layer.depth == 0):
        parts.append("a blue box is a class that is not Keras's own")
    if any(len(box.layers) > 1 for box in graph.boxes):
        parts.append("a dashed box is a run of layers without a branch")
    if graph.omitted:
        parts.append(f"{counted(graph.omitted, 'layer')} at the end are not drawn")
    return join(tag("p", "; ".join(parts) + ".", class_="dim"), drawing(graph, link=link, kind=kind))


def _table(layers: list[Layer], marks: Mapping[str, Finding], objects: Mapping[str, int]) -> Markup:
    rows: list[tuple[str | None, ...]] = []
    for layer in layers:
        where = objects.get(layer.key)
        class_name = name(layer.class_name)
        mark = marks.get(layer.pointer)
        rows.append(
            (
                tag("span", name(layer.name), class_=f"in{min(layer.depth, 3)}" if layer.depth else None),
                join(
                    tag("a", class_name, href=f"#o{where}") if where is not None else class_name,
                    join(" ", badge(mark.severity)) if mark else None,
                ),
                tag("span", layer.shape, class_="number") if layer.shape else None,
                tag("span", f"{layer.stored:,}", class_="number") if layer.stored is not None else None,
            )
        )
    ids = [f"l{index}" for index in range(len(rows))]
    headings = ("layer", "class", "output", "values")
    shown = table(headings, rows[:_OPEN], ids=ids[:_OPEN])
    rest = None
    if rows[_OPEN:]:
        rest = folded(f"and {counted(len(rows) - _OPEN, 'layer')} more", table(headings, rows[_OPEN:], ids=ids[_OPEN:]))
    note = f"Only the first {ROWS:,} are listed." if len(layers) >= ROWS else None
    return join(shown, rest, tag("p", note) if note else None)


def _objects(objects: tuple[CustomObject, ...], views: Views) -> Markup:
    heading = tag("h3", "Custom objects")
    if not objects:
        return join(heading, tag("p", "None: every class and function is Keras's own."))
    rows = [
        (
            name(item.key),
            words(item.kind),
            name(f"{item.module}.{item.qualname}"),
            _origin(item, views),
            f"{len(item.paths)} x in the config" if item.paths else "inside other objects",
        )
        for item in objects[:_OBJECTS]
    ]
    ids = [f"o{index}" for index in range(len(rows))]
    shown = table(("looked up as", "kind", "object", "comes from", "asked for"), list(rows), ids=ids)
    left = f"and {len(objects) - _OBJECTS:,} more: kbundle inspect has them" if len(objects) > _OBJECTS else None
    return join(heading, shown, tag("p", left) if left else None)


def _origin(item: CustomObject, views: Views) -> Markup:
    if item.opaque is not None:
        return join(badge(Severity.CONSENT, "no source"), " a pickle: ", name(item.opaque.member))
    if item.source is not None:
        text = name(f"{item.source.member}:{item.source.line}")
        link = views.link(item.source.member, item.source.line)
        return tag("a", text, href=link) if link else text
    return join("installed: ", name(item.distribution))
