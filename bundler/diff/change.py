"""What changed between two bundles, as data: one shape behind text, JSON and HTML.

*Before* is the first bundle, *after* the second. A value is told as JSON text, cut where it is long (`bounds.TEXT`);
`None` is "not there". All strings are a stranger's: whoever shows them escapes them.
"""

from __future__ import annotations

from dataclasses import dataclass

ADDED, REMOVED, CHANGED, RENAMED, REORDERED, MOVED = "added", "removed", "changed", "renamed", "reordered", "moved"
#: Of a distribution: another version; the same version with another hash for the same file.
VERSION, HASHES = "version", "hashes"
#: Of a tensor: what differs first.
DTYPE, SHAPE, VALUES = "dtype", "shape", "values"


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldChange:
    """One value that is not the same, named by a dotted path. `kind`: added, removed, changed or reordered."""

    path: str
    kind: str
    before: str | None
    after: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Hunk:
    """Lines that differ and up to three around them, as in a unified diff.

    Starts count from 1. Each of `lines` begins with a blank (in both), ``-`` (before), ``+`` (after) or a backslash
    (a remark about the line above).
    """

    before_start: int
    before_count: int
    after_start: int
    after_count: int
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModuleChange:
    """One packed module.

    Attributes:
        name: the module's name after, or before where it was removed.
        kind: added, removed, changed or renamed.
        before_name: its name before, where it was renamed.
        lines_added: how many lines are new; `None` where they were not counted.
        lines_removed: how many lines are gone; `None` where they were not counted.
        hunks: the lines themselves; fewer than there are where `note` says so.
        fields: what the manifest says otherwise about it.
        note: why not every line is shown, or nothing.
    """

    name: str
    kind: str
    before_name: str | None = None
    lines_added: int | None = None
    lines_removed: int | None = None
    hunks: tuple[Hunk, ...] = ()
    fields: tuple[FieldChange, ...] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigChange:
    """One value of Keras's ``config.json``.

    Attributes:
        pointer: RFC 6901, into the config after; into the one before where the value was removed.
        kind: added, removed, changed; renamed for a layer that has another name and is the same otherwise;
            reordered for a list whose items have names: then the values are the names.
        layer: the names of the layers around it, outermost first, joined by ``/``; empty outside of layers.
        before: the value before.
        after: the value after.
    """

    pointer: str
    kind: str
    layer: str
    before: str | None
    after: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectChange:
    """One custom object. `kind`: added, removed, changed; moved where the same key leads to another place."""

    module: str
    qualname: str
    kind: str
    object_kind: str
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class LockChange:
    """One distribution that the bundle needs.

    Attributes:
        name: in its canonical spelling.
        kind: added, removed, version, hashes (one file of one version with two hashes), or changed.
        role: direct, transitive or packed (travels as source), after; before where it was removed.
        before: the version before.
        after: the version after.
        fields: what else differs: role, extras, where it comes from, files and their hashes.
    """

    name: str
    kind: str
    role: str
    before: str | None
    after: str | None
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorChange:
    """One weight. `kind`: added, removed, dtype, shape, values, or moved for the same values under another path.

    `before` and `after` are like ``float32 [4, 2]``; `before_path` is set where it moved.
    """

    path: str
    layer: str
    kind: str
    before: str | None
    after: str | None
    before_path: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerWeights:
    """The weights of one layer in which something changed: how many it has, and how many of them changed."""

    layer: str
    tensors: int
    changed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorDifference:
    """The arrays of both payloads: how many each has, how many are the same, and all that are not."""

    before: int
    after: int
    same: int
    layers: tuple[LayerWeights, ...] = ()
    changes: tuple[TensorChange, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class FileChange:
    """One file, compared by digest. Sizes are in bytes, as stored; digests are 64 hexadecimal digits of SHA-256."""

    name: str
    kind: str
    before_size: int | None
    after_size: int | None
    before_sha256: str | None
    after_sha256: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One of the two bundles: `digest` is its identity, `size` that of the file in bytes."""

    path: str
    size: int
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Everything that differs between two bundles.

    Attributes:
        before: the first bundle.
        after: the second.
        same: nothing differs: the same digest, and the same signatures beside it.
        modules: packed modules, with their lines.
        config: Keras's config of the model.
        objects: custom objects.
        lock: distributions.
        tensors: weights of the model; `None` where they are in files of one digest, or `notes` says why not.
        optimizer: the same of the optimizer's own variables.
        metadata: Keras's ``metadata.json`` of the payload: its version, the date.
        payload_files: files in the ``.keras`` payload that no other section compares, assets among them.
        data: packed data files.
        members: all other files of the bundle, signatures among them.
        statement: what the manifest says otherwise: payload, self-test, proof, provenance, builder, adaptations...
        notes: what was not compared, or not in full, and why.

    Example:
        >>> found = bundler.diff_bundles("model.kbundle", "retrained.kbundle")
        >>> [(item.layer, item.kind, item.after) for item in found.tensors.changes]
        [('gain', 'values', 'float32 [4]')]
    """

    before: Side
    after: Side
    same: bool
    modules: tuple[ModuleChange, ...] = ()
    config: tuple[ConfigChange, ...] = ()
    objects: tuple[ObjectChange, ...] = ()
    lock: tuple[LockChange, ...] = ()
    tensors: TensorDifference | None = None
    optimizer: TensorDifference | None = None
    metadata: tuple[FieldChange, ...] = ()
    payload_files: tuple[FileChange, ...] = ()
    data: tuple[FileChange, ...] = ()
    members: tuple[FileChange, ...] = ()
    statement: tuple[FieldChange, ...] = ()
    notes: tuple[str, ...] = ()
