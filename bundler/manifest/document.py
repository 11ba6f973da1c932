"""The manifest as frozen dataclasses: field for field what `schema/SPEC.md` describes.

All classes are keyword-only and hold plain values.
Shapes are tuples of `int` with -1 for a dimension that is free; datatypes are Open Inference Protocol names
(``FP32``, ``INT64``, ``BYTES``, ...).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bundler.manifest.codec import ALWAYS, JSON, Extensible, malformed
from bundler.manifest.conditions import Seed, Settings
from bundler.manifest.protocol import FORMAT, FORMAT_VERSION
from bundler.manifest.proved import Proof, SelfTest

_SHA256 = re.compile(r"[0-9a-f]{64}")
_VERSION = re.compile(r"(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})")


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


@dataclass(frozen=True, kw_only=True, slots=True)
class Member(Extensible):
    """One file of the archive. `size` and `sha256` are of the stored bytes.

    `encoding` is `None` for stored bytes that are the content itself, or the name of a compression (``zstd``) that
    the member's name shows as a suffix; `decoded_size` and `decoded_sha256` then describe the content. `pieces` is
    room for the digests of a large member in pieces of `piece_size` bytes.
    """

    name: str
    size: int
    sha256: str
    encoding: str | None = None
    decoded_size: int | None = None
    decoded_sha256: str | None = None
    piece_size: int | None = None
    pieces: tuple[str, ...] = ()

    @property
    def content_size(self) -> int:
        """Give the size of the content, whatever it takes as it is stored."""
        return self.size if self.decoded_size is None else self.decoded_size

    @property
    def content_sha256(self) -> str:
        """Give the digest of the content."""
        return self.sha256 if self.decoded_sha256 is None else self.decoded_sha256

    def check(self, path: str) -> None:
        """Refuse sizes below zero and digests that are not 64 lower-case hexadecimal digits."""
        for name, size in (("size", self.size), ("decoded_size", self.decoded_size), ("piece_size", self.piece_size)):
            if size is not None and size < 0:
                raise malformed(_at(path, name), "a size of at least 0", size)
        digests = [("sha256", self.sha256), ("decoded_sha256", self.decoded_sha256)]
        digests += [(f"pieces[{index}]", piece) for index, piece in enumerate(self.pieces)]
        for name, digest in digests:
            if digest is not None and not _SHA256.fullmatch(digest):
                raise malformed(_at(path, name), "64 lower-case hexadecimal digits", digest)
        if (self.encoding is None) != (self.decoded_size is None) or (self.encoding is None) != (
            self.decoded_sha256 is None
        ):
            raise malformed(path, "encoding, decoded_size and decoded_sha256 together or not at all", self.encoding)
        if (self.piece_size is None) != (not self.pieces) or self.piece_size == 0:
            raise malformed(path, "piece_size (not 0) and pieces together or not at all", self.piece_size)


@dataclass(frozen=True, kw_only=True, slots=True)
class Generator(Extensible):
    """The tool that wrote the bundle."""

    name: str
    version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorSpec(Extensible):
    """One input or output of the model, without its values."""

    name: str
    shape: tuple[int, ...]
    datatype: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameters(Extensible):
    """Counts of scalar weights."""

    trainable: int
    non_trainable: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement(Extensible):
    """The outputs of two forms of one model, compared at pack time.

    `largest_difference` is the largest absolute difference of any number in them. They agree where every difference
    is at most `absolute_tolerance` * scale + `relative_tolerance` * the absolute value that was expected; the scale is
    the largest absolute value of its tensor, at most 1 and at least 0.001. Both start from the same state. Where the
    numbers of a random model did not agree, it is not `deterministic`: then shapes and dtypes had to, and
    `largest_difference` is 0.
    """

    largest_difference: float
    absolute_tolerance: float
    relative_tolerance: float
    deterministic: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Payload(Extensible):
    """The model itself.

    `kind` is ``keras`` (a ``.keras`` file) or ``saved_model`` (`member` is its ``saved_model.pb``, and the files
    beside and below that belong to it); `fidelity` is ``full`` (trains, saves, clones) or ``inference``. `inputs` and
    `outputs` are `None` where the model does not tell before it is called. `tensors` is room for an index of the
    weights as byte ranges of the bundle, and empty in 1.0. `agreement` says how near a graph came to the model that
    it was traced from; `None` where there was no such model. `endpoint` is the function of a ``saved_model`` that the
    model calls: an attribute of the loaded object, else one of its signatures.
    """

    kind: str
    member: str
    fidelity: str
    class_name: str
    keras_version: str
    tensorflow_version: str
    backend: str
    layers: int
    parameters: Parameters
    compiled: bool
    inputs: tuple[TensorSpec, ...] | None = None
    outputs: tuple[TensorSpec, ...] | None = None
    tensors: tuple[Mapping[str, JSON], ...] = ()
    agreement: Agreement | None = None
    endpoint: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectSource(Extensible):
    """Where a custom object is defined: a member of the bundle and a line of it, counted from 1."""

    member: str
    line: int


@dataclass(frozen=True, kw_only=True, slots=True)
class OpaqueSource(Extensible):
    """A pickle that stands in for source, by cloudpickle.

    Nobody can read what it does. It holds bytecode, so only the Python version `python` (major.minor) can load it.
    """

    member: str
    python: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomObject(Extensible):
    """One class or function that the model uses and Keras does not have.

    `key` is what Keras looks it up by (``package>name``, or the bare name where nothing was registered). `module`
    and `qualname` say which attribute of which module it is. `paths` are the RFC 6901 pointers into the payload's
    ``config.json`` where it is asked for; empty for what only lives inside other objects. Exactly one of `source`,
    `distribution` and `opaque` is set: packed code, an installed distribution, or a pickle of something that has no
    source.
    """

    kind: str
    key: str
    module: str
    qualname: str
    paths: tuple[str, ...] = ()
    source: ObjectSource | None = None
    distribution: str | None = None
    opaque: OpaqueSource | None = None

    def check(self, path: str) -> None:
        """Refuse an object that comes from nowhere, or from two places."""
        origins = [item for item in (self.source, self.distribution, self.opaque) if item is not None]
        if len(origins) != 1:
            raise malformed(path, "exactly one of source, distribution and opaque", f"{len(origins)} of them")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reduced(Extensible):
    """What a packed module leaves out: `lines` of statements. `sha256` is the digest of the author's whole file."""

    sha256: str
    lines: int

    def check(self, path: str) -> None:
        """Refuse a malformed digest and a negative count."""
        if not _SHA256.fullmatch(self.sha256):
            raise malformed(_at(path, "sha256"), "64 lower-case hexadecimal digits", self.sha256)
        if self.lines < 0:
            raise malformed(_at(path, "lines"), "a count of lines", self.lines)


@dataclass(frozen=True, kw_only=True, slots=True)
class Module(Extensible):
    """One packed module. `reason` says in words why it is here; `package` is true for an ``__init__.py``.

    An `entry` is imported before the model is rebuilt: the model holds something that it defines, and it may have
    put that into a table of the author's when it was imported. A module is `generated` when the author had no such
    file: its text was taken from a notebook, a script or the inside of a function. It is `reduced` when some lines of
    the author's file stayed behind.
    """

    name: str
    member: str
    package: bool
    reason: str
    entry: bool = False
    generated: bool = False
    reduced: Reduced | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DataFile(Extensible):
    """One packed file that the code reads. `path` is its place below the source root, in POSIX form."""

    path: str
    member: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Unresolved(Extensible):
    """An import that nothing on the author's machine answers and that loading does not need."""

    module: str
    member: str
    line: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DirectSource(Extensible):
    """Where a distribution was installed from, if not from an index (PEP 610).

    `kind` is ``vcs`` (then `url` and the commit `revision`), ``archive`` (then `url`), ``local`` or ``editable``: a
    folder or file of the author's machine, which is not named.
    """

    kind: str
    url: str | None = None
    revision: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PinnedDistribution(Extensible):
    """One distribution, as it was installed at pack time.

    `imports` are the import names that the packed code or the loader uses. With `optional` the code goes on without
    it. `source` is set where no index was asked for it.
    """

    name: str
    version: str
    imports: tuple[str, ...] = ()
    optional: bool = False
    extras: tuple[str, ...] = ()
    source: DirectSource | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirements(Extensible):
    """What the code needs around it.

    `python` is a PEP 440 specifier of the Python versions that can read the code, `packed_under` the major.minor
    that it was packed with. `distributions` must be installed where the model is loaded; `transitive` are those that
    these need in turn; `packed` travel as source and need not be installed. `member` is the ``requirements.txt`` and
    `lock` the ``pylock.toml`` (PEP 751) of all of them. `hashes` says for how many of them an index gave hashes:
    ``all``, ``some`` or ``none``; without any there is no `lock`. `wheels` are members: the files of some of them.
    """

    python: str
    member: str
    hashes: str = field(default="none", metadata={ALWAYS: True})
    packed_under: str | None = None
    lock: str | None = None
    distributions: tuple[PinnedDistribution, ...] = ()
    transitive: tuple[PinnedDistribution, ...] = ()
    packed: tuple[PinnedDistribution, ...] = ()
    wheels: tuple[str, ...] = ()

    def check(self, path: str) -> None:
        """Refuse a statement about hashes that contradicts the lock."""
        if self.hashes not in ("all", "some", "none"):
            raise malformed(_at(path, "hashes"), "'all', 'some' or 'none'", self.hashes)
        if (self.hashes == "none") != (self.lock is None):
            raise malformed(_at(path, "lock"), "a lock exactly where there are hashes", self.lock)


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance(Extensible):
    """What the author says about the model. None of it is checked."""

    name: str | None = None
    description: str | None = None
    license: str | None = None
    source_revision: str | None = None
    metadata: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Adaptation(Extensible):
    """One thing that the loader does for a class that Keras alone does not bring back.

    `kind` is one of the words of `bundler.keras_io.adapt`; `module` and `qualname` name the class as in
    `CustomObject`; `arguments` are the arguments of its constructor that this is about, in order: of its ``compile``
    for ``compile_arguments``, and its attributes for ``attributes``. `values` are set by name on a module
    (``module_values``; `qualname` is empty), a class (``class_values``) or the object at `place` below the model
    (``object_values``), encoded as in the config.
    """

    kind: str
    module: str
    qualname: str
    arguments: tuple[str, ...] = ()
    place: str | None = None
    values: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Builder(Extensible):
    """The function of the packed source that returns the untrained model, and the arguments to call it with."""

    module: str
    qualname: str
    arguments: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest(Extensible):
    """All that a bundle says. Its canonical bytes are `manifest.json`, whose sha256 is the bundle's digest.

    `inference` is a second payload of the same model that needs none of its code. `builder` makes the model that the
    payload's weights go into, where Keras could not. `import_order` are the names of modules in the order in which the
    author's process imported them, for such as need each other. `settings` are those that the model was packed under,
    and `seeds` the states of its random generators. `self_test` and `proof` are `None` where nothing was recorded or
    proved.

    Example:
        >>> with bundler.open_bundle("model.kbundle") as reader:
        ...     [(item.kind, item.module, item.qualname) for item in reader.manifest.objects]
        [('layer', 'gain', 'Gain')]
    """

    generator: Generator
    payload: Payload
    requirements: Requirements
    members: tuple[Member, ...]
    objects: tuple[CustomObject, ...] = ()
    modules: tuple[Module, ...] = ()
    import_order: tuple[str, ...] = ()
    data: tuple[DataFile, ...] = ()
    unresolved: tuple[Unresolved, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)
    inference: Payload | None = None
    builder: Builder | None = None
    adaptations: tuple[Adaptation, ...] = ()
    settings: Settings | None = None
    seeds: tuple[Seed, ...] = ()
    self_test: SelfTest | None = None
    proof: Proof | None = None
    format: str = field(default=FORMAT, metadata={ALWAYS: True})
    format_version: str = field(default=FORMAT_VERSION, metadata={ALWAYS: True})

    def check(self, path: str) -> None:
        """Refuse a foreign format name and a version that is not ``major.minor``."""
        if self.format != FORMAT:
            raise malformed(_at(path, "format"), repr(FORMAT), self.format)
        if not _VERSION.fullmatch(self.format_version):
            raise malformed(_at(path, "format_version"), "major.minor", self.format_version)
