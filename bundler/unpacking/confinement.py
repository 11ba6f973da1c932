"""Joins what holds a bundle's code while it runs: the audit's closed lists, the nets, the framework's sinks."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any

from bundler.audit.graph import op_capability
from bundler.audit.graph.operations import withheld
from bundler.audit.parts import source_of
from bundler.audit.source import guard_lists
from bundler.audit.source.closed_functions import close_source
from bundler.frameworks import WITH_KERAS
from bundler.keras_io.keras_settings import settings_stand_ins
from bundler.keras_io.native import crossings
from bundler.keras_io.native.array_kinds import array_stand_ins
from bundler.keras_io.native.copied_lambdas import keep_lambdas
from bundler.keras_io.native.watching import make_native_effects_visible
from bundler.manifest import Manifest
from bundler.namespace import Guard, Meaning, Named, Tables, Use, net


def guard_for(
    manifest: Manifest,
    allow: Collection[str],
    *,
    denied: Collection[str] = (),
    on_refused: Callable[[Use], None] | None = None,
) -> Guard:
    """Return the guard for the code of a bundle: what it may use, and what its lock says that it may import."""
    needs = manifest.requirements
    roots = {
        name.partition(".")[0]
        for item in (*needs.distributions, *needs.transitive)
        for name in (*item.imports, item.name.replace("-", "_"))
    }
    return Guard(
        tables=tables_for(roots),
        allowed=set(allow),
        denied=frozenset(denied),
        on_refused=on_refused,
        # Of an older bundle nobody knows whether what it sets is in force.
        stand_ins=array_stand_ins if manifest.settings is None else _stand_ins,
    )


def _stand_ins(reach: Any) -> Mapping[str, Any]:
    return {**array_stand_ins(reach), **settings_stand_ins()}


def tables_for(roots: Collection[str]) -> Tables:
    """Return the audit's closed lists for code that may import `roots` beside Python and the framework."""
    known = frozenset({*sys.stdlib_module_names, *WITH_KERAS, *roots, __name__.partition(".")[0]})
    return Tables(
        look=_look,
        power=guard_lists.power_of,
        interpreter_name=guard_lists.is_interpreter_name,
        targets=guard_lists.TARGETS,
        unseen=guard_lists.UNSEEN,
        installed=known.__contains__,
    )


def closed_texts(manifest: Manifest, code: Mapping[str, bytes], accepted: Collection[str]) -> Mapping[str, bytes]:
    """Return the texts that run in place of a bundle's own: with the functions closed that nothing would hold."""
    texts, requirements = source_of(manifest, code.__getitem__)
    return close_source(texts, requirements, accepted).texts


@functools.lru_cache(maxsize=16_384)
def _look(path: str) -> Named:
    found = guard_lists.look(path)
    return Named(path=found.path, kind=Meaning(found.kind.value), capability=found.capability or "reflection")


def _needs(operation: str) -> str | None:
    """Return what an operation needs when it runs; what a graph may not have but TensorFlow has, opens nothing."""
    return None if operation in withheld() else op_capability(operation)


@functools.cache
def hold_framework() -> tuple[str, ...]:
    """Let the net by effect see what the framework does natively, and what it calls for the host.

    Returns the entry points that this version of the framework lacks, so that they could not be covered.
    """
    withheld()  # Read now: a file that is read while code of a bundle runs is that code's doing.
    missing = make_native_effects_visible(_needs, _look)
    handles = net()
    handles.cross(crossings.crossings())
    for code, lends in crossings.lenders():
        handles.lend(code, lends)
    keep_lambdas()
    for function, acts_for in crossings.deputies():
        handles.deputize(function, acts_for)
    return missing
