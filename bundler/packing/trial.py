"""Trying adaptations: pack, load, and look for something better while the model does not come back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any

from bundler.errors import BundleError, ProofFailed, SourceError
from bundler.keras_io import comparison, keras_file, loading
from bundler.manifest import Adaptation
from bundler.packing import adapted
from bundler.packing.compose import Found, custom_objects
from bundler.packing.live import from_model
from bundler.packing.search import Search, Step, provisional_namespace

#: Raises `ProofFailed` where a fresh look at what was found does not give the model back.
Check = Callable[[Any, Found, Path], None]

_MOST_ROUNDS = 5


def from_model_until_it_loads(
    model: Any,
    search: Search,
    scratch: Path,
    step: Step,
    check: Check | None = None,
    builder: tuple[FunctionType, Mapping[str, Any]] | None = None,
) -> Found:
    """Find all that the bundle of the live `model` holds, with the adaptations without which it does not load.

    Raises:
        SourceError: nothing that is known brings the model back; the first failure and the remedies are listed.
        PackError: as `from_model`.
    """
    check = check or load_here
    if builder is not None:
        found = from_model(model, search, scratch / "built", step, builder=builder)
        check(model, found, scratch / "built")
        return found
    known: tuple[Adaptation, ...] = ()
    first: ProofFailed | None = None
    for turn in range(_MOST_ROUNDS):
        try:
            found = from_model(model, search, scratch / f"round-{turn}", step, adaptations=known)
        except SourceError as error:
            if first is None:
                raise
            raise _refused(first, error.problems) from error
        if not found.objects:
            return found
        try:
            check(model, found, scratch / f"round-{turn}")
        except ProofFailed as failure:
            first = first or failure
            more = adapted.remedies(model, found.adaptations, failure)
            if not more:
                raise _refused(first, ()) from failure
            known = merged(found.adaptations, more)
        else:
            return found
    raise _refused(first, ())


def merged(known: Sequence[Adaptation], more: Sequence[Adaptation]) -> tuple[Adaptation, ...]:
    """Return both, each kind of a class once."""
    by_place = {(item.kind, item.module, item.qualname): item for item in (*known, *more)}
    return tuple(by_place.values())


def load_here(model: Any, found: Found, scratch: Path) -> None:
    """Load what was found in this process, from a module tree of its own, and compare it with `model`.

    Raises:
        ProofFailed: it does not load, or is another model.
    """
    directory = scratch / "trial"
    keras_file.unpack_keras_file(scratch / "model.keras", directory)
    try:
        loaded = loading.load(
            directory,
            custom_objects(found.objects, found.closure),
            list(found.entries),
            provisional_namespace(found.closure, found.packed),
            custom_objects={},
            compile=True,
            safe_mode=True,
            adaptations=found.adaptations,
            builder=found.builder,
        )
    except BundleError as error:
        raise ProofFailed(
            error.message,
            stage="load",
            module=getattr(error, "module", None),
            qualname=getattr(error, "qualname", None),
            place=error.place,
            expected=error.expected,
            found=error.found,
            hint=error.hint,
        ) from error
    difference = comparison.difference(model, loaded)
    if difference is not None:
        stage, text = difference
        raise ProofFailed(text, stage=stage, place=model.name)


def _refused(first: ProofFailed | None, problems: Sequence[str]) -> SourceError:
    lines = [str(first).partition("\n")[0]] if first is not None else []
    return SourceError("this model does not come back from its own file:", [*lines, *problems], hint=adapted.OTHER_WAYS)
