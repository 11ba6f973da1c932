"""What the manifest says of the model's outputs and of the proof: the author's statements, which a reader can repeat.

`schema/SPEC.md`, section 11.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields

from bundler.errors import LimitExceeded
from bundler.limits import LIMITS
from bundler.manifest.codec import Extensible, malformed


@dataclass(frozen=True, kw_only=True, slots=True)
class SelfTest(Extensible):
    """Inputs and the outputs that the author's model gave for them, as members below ``examples/``.

    `origin` is ``given`` by the author, or ``made`` from the model's inputs with `seed`. A model that answers the
    same inputs twice with different numbers is not `deterministic`: then only shapes and dtypes are compared.
    """

    inputs: str
    outputs: str
    origin: str
    deterministic: bool
    absolute_tolerance: float
    relative_tolerance: float
    seed: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedUse(Extensible):
    """One power that the packed code used in the proof, since the author had accepted its `capability`.

    `what` says in one line what it did; `module` and `line` (counted from 1) where, by the original name of the packed
    module. `module` is empty where other code called what the packed code had handed on.
    """

    capability: str
    what: str
    module: str
    line: int | None = None

    def check(self, path: str) -> None:
        """Refuse texts beyond the limits, and a line that no file has."""
        for name, text, most in (
            ("capability", self.capability, LIMITS.use_capability),
            ("what", self.what, LIMITS.use_what),
            ("module", self.module, LIMITS.name_bytes),
        ):
            if len(text) > most:
                raise LimitExceeded(
                    "the text is too long",
                    place=f"manifest.json: {path}.{name}",
                    expected=f"{most} characters",
                    found=len(text),
                )
        if self.line is not None and self.line < 1:
            raise malformed(f"{path}.line", "a line of at least 1", self.line)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedUses(Extensible):
    """What the packed code used in the proof, each at the first stage that saw it; nothing where all is empty.

    The stages are checks of the proof: loading, calling the model on the inputs of its self-test, one step of training,
    and saving and loading it again.
    """

    load: tuple[RecordedUse, ...] = ()
    outputs: tuple[RecordedUse, ...] = ()
    train: tuple[RecordedUse, ...] = ()
    save_and_load: tuple[RecordedUse, ...] = ()

    @classmethod
    def of(cls, stages: Mapping[str, Iterable[RecordedUse]]) -> RecordedUses:
        """Return the uses by stage, as many as a manifest may hold."""
        load, outputs, train, again = (
            tuple(stages.get(name, ()))[: LIMITS.uses] for name in ("load", "outputs", "train", "save_and_load")
        )
        return cls(load=load, outputs=outputs, train=train, save_and_load=again)

    def stages(self) -> Iterator[tuple[str, tuple[RecordedUse, ...]]]:
        """Yield each stage that used something, with what it used."""
        for item in fields(self):
            if item.name != "extra" and (uses := getattr(self, item.name)):
                yield item.name, uses

    def check(self, path: str) -> None:
        """Refuse more uses than the limits allow."""
        for name, uses in self.stages():
            if len(uses) > LIMITS.uses:
                raise LimitExceeded(
                    "the list is too long", place=f"manifest.json: {path}.{name}", expected=LIMITS.uses, found=len(uses)
                )


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof(Extensible):
    """This very bundle was loaded by a fresh interpreter before it got its name, and passed `checks`.

    `python` is major.minor; the other versions are those of the distributions that loaded it. `allow` are the
    capabilities that it was proved with: what whoever loads the bundle is asked for, what its code needed, and
    what the author accepted besides. `uses` is what the code did with them; `None` where nobody watched it.
    """

    python: str
    keras_version: str
    tensorflow_version: str
    checks: tuple[str, ...]
    allow: tuple[str, ...] = ()
    uses: RecordedUses | None = None
