"""Pack, prove, and look for something better while the proof fails.

Plain Keras comes first, then what `bundler.saving.adapted_model` knows, one thing more each time, and last the graph if
the author allows one. What is written at the end is what passed the proof.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

from bundler.errors import BundleError, PackError, ProofFailed, RebuildFailed, SourceError
from bundler.manifest import Adaptation
from bundler.packing import remedies
from bundler.packing.compose import Found
from bundler.packing.inputs import check_applies, from_input
from bundler.packing.options import PackOptions
from bundler.packing.search import Step
from bundler.saving import adapted_model
from bundler.sources.locate import Locator, ModuleVerdict

T = TypeVar("T")

_MOST_ROUNDS = 6


def pack_until_proved(model: Any, options: PackOptions, scratch: Path, step: Step, write: Callable[[Found], T]) -> T:
    """Return what `write` returns for the first form of `model` that it accepts.

    Modules are reduced to what the model needs; where none of its forms is accepted so, whole modules are tried.

    Args:
        model: as for `bundler.bundle`.
        options: what the author wants the bundle to hold, and where to look for source.
        scratch: an empty folder.
        step: told what is being done.
        write: writes and proves a bundle; raises `ProofFailed` where the model does not come back.

    Raises:
        ProofFailed: nothing that is known brings the model back; this is the first failure.
        SourceError: the same, and arguments that could not be read back; or some code cannot travel.
        PackError: the model cannot be packed.
    """
    check_applies(model, options)
    try:
        return _until_proved(model, options, scratch / "reduced", step, write)
    except RebuildFailed as error:
        # A model file is loaded once while it is packed; whether its source was reduced is not known then.
        if "*" in options.whole:
            raise
        last: BundleError = error
    except PackError as error:
        last = error
    if isinstance(last, RebuildFailed) or (isinstance(last, PackError) and last.reduced):
        step("trying again: with whole modules")
        whole = replace(options, whole=("*",))
        try:
            return _until_proved(model, whole, scratch / "whole", step, write, known=last)
        except (PackError, RebuildFailed) as error:
            # Where it is not the reduction, the first failure is the author's to mend.
            step(f"with whole modules, too: {_first_line(error)}")
    if not isinstance(last, PackError) or options.fallback is None or options.payload == "inference":
        is_file = model is None or isinstance(model, str | os.PathLike)
        if not is_file and options.payload == "full" and options.fallback is None:
            found_ways = other_ways(model, options, scratch / "other-ways", step)
            last.hint = "; or ".join(filter(None, (last.hint, *found_ways)))
        raise last
    step("trying again: as a graph")
    return write(_as_graph(last, model, options, scratch / "graph", step))


def _until_proved(
    model: Any,
    options: PackOptions,
    scratch: Path,
    step: Step,
    write: Callable[[Found], T],
    known: BundleError | None = None,
) -> T:
    """Do so for one way to take modules; a failure that is `known` ends the search when it comes again."""
    scratch.mkdir()
    # Of a file there is no live model to read arguments back from.
    is_file = model is None or isinstance(model, str | os.PathLike)
    adaptations: tuple[Adaptation, ...] = ()
    first: ProofFailed | None = None
    turn, is_afresh = 0, False
    while True:
        folder = scratch / f"round-{turn}-{len(options.modules)}"
        folder.mkdir()
        try:
            found = from_input(model, options, folder, step, adaptations)
        except RebuildFailed as error:
            # A model file is loaded once while it is packed.
            if not _is_authors(error.missing_module, options, is_file=is_file):
                raise
            options = _with_missing(error.missing_module, options, step)
            continue
        except PackError as error:
            last: PackError = error if first is None else _with_remedies(first, error)
            break
        is_full = found.facts.fidelity == "full"
        adaptable = not is_file and is_full and found.builder is None
        if known is not None and "*" in options.whole:
            found = replace(found, notes=(f"modules travel whole, since reduced ones failed: {_first_line(known)}",))
        # Classes of a script or notebook have another module in the bundle; the search knows them by the author's.
        originals = {place: original for original, place in found.renamed.items()}
        used = tuple(adapted_model.renamed(item, originals) for item in found.adaptations)
        # Handed over, not kept: a model that was loaded from a file must be gone when the proof loads another one.
        is_reduced = any(module.whole is not None for module in found.closure.modules)
        handed_over = [found]
        del found
        try:
            return write(handed_over.pop())
        except ProofFailed as failure:
            failure.reduced = is_reduced
            if _is_authors(failure.missing_module, options, is_file=is_file):
                options = _with_missing(failure.missing_module, options, step)
                continue
            functions = [item for item in failure.functions if item not in options.functions]
            if functions and not is_file:
                # The program set them as values: with a place in a module they can be set where it is loaded, too.
                step("trying again: with functions that the program set")
                options = replace(options, functions=(*options.functions, *functions))
                continue
            if not is_full or (known is not None and failure.message == known.message):
                raise
            first = first or failure
            last = first
            if not adaptable:
                break
            place = originals.get((failure.module or "", failure.qualname or ""), (failure.module, failure.qualname))
            more = remedies.remedies(model, used, failure, place)
            turn += 1
            if not more or turn == _MOST_ROUNDS:
                afresh = () if is_afresh else remedies.afresh(model, first)
                if not afresh:
                    break
                is_afresh, turn, used, more = True, 0, (), afresh
            step(f"trying again: {', '.join(sorted({item.kind for item in more}))}")
            adaptations = adapted_model.merged(used, more)
        finally:
            # The weights of this round; the next one writes its own.
            shutil.rmtree(folder, ignore_errors=True)
    if first is not None and last is first and (unkept := adapted_model.unkept_by_compile(model)):
        last = _with_remedies(first, SourceError(first.message, unkept))
    last.reduced = first is not None and first.reduced
    raise last


def _is_authors(missing: str | None, options: PackOptions, *, is_file: bool) -> TypeGuard[str]:
    """Say whether a module that was not found in the bundle is one of the author's that can be packed.

    Its name is made where it is imported (``importlib.import_module("nets." + name)``), and no reading tells it.
    """
    if missing is None or missing in options.modules:
        return False
    locator = Locator(roots=options.sources, include=options.include, loaded=not is_file)
    return locator.locate(missing).verdict is ModuleVerdict.SOURCE


def _with_missing(missing: str, options: PackOptions, step: Step) -> PackOptions:
    step(f"trying again: with the module {missing}")
    return replace(options, modules=(*options.modules, missing))


def _as_graph(error: PackError, model: Any, options: PackOptions, folder: Path, step: Step) -> Found:
    """Return the graph of a model that `error` keeps from travelling as a full one.

    Raises:
        PackError: that is not possible for the same reason.
        SourceError: it is not possible for another one; both are listed.
    """
    folder.mkdir()
    try:
        return from_input(model, replace(options, payload="inference", fallback=None), folder, step)
    except PackError as second:
        if str(second) == str(error):
            raise error from None
        raise SourceError(
            "this model travels neither as a full model nor as a graph:",
            [f"full: {error}", f"graph: {second}"],
            hint="mend one of the two",
        ) from second


def other_ways(model: Any, options: PackOptions, scratch: Path, step: Step) -> list[str]:
    """Return what else the author can do for a model that cannot be packed as it is: only what was tried and works."""
    step("trying a graph")
    scratch.mkdir()
    try:
        from_input(model, replace(options, payload="inference", fallback=None, builder=None), scratch, step)
    except BundleError:
        return []
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return [
        'bundle(model, path, fallback="inference"), which was tried and works: a graph that predicts, without the code'
    ]


def _with_remedies(first: ProofFailed, error: PackError) -> SourceError:
    problems = error.problems if isinstance(error, SourceError) else [_first_line(error)]
    return SourceError(
        "this model does not come back from its own file:",
        [_first_line(first), *problems],
        hint="mend the lines above",
    )


def _first_line(error: BundleError) -> str:
    return str(error).partition("\n")[0]
