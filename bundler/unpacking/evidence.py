"""Let the self-test of a bundle decide where other versions than the author's may compute something else.

Rules about versions guess; inputs with the outputs that they had tell. So what *may differ* is measured, once a bundle
and process, and only what cannot be measured is warned of by rule.
"""

from __future__ import annotations

import logging
import warnings
from typing import Any

from bundler.archive.reader import BundleReader
from bundler.errors import LimitExceeded, RequirementsNotMet, RequirementsWarning, SelfTestFailed
from bundler.keras_io.selftest import recording
from bundler.manifest import Payload
from bundler.requirements.admit import fix, line
from bundler.requirements.compare import Comparison, MachineVerdict, Row, fixes
from bundler.unpacking.rebuilding import origin_of

_LOG = logging.getLogger("bundler")
#: The bundles for which this process has told what the versions here mean.
_settled: set[str] = set()
#: What a machine raises that is too small: that says nothing about versions.
_TOO_SMALL = ("MemoryError", "ResourceExhaustedError")


def settle(
    model: Any,
    reader: BundleReader,
    payload: Payload,
    comparison: Comparison,
    mode: str,
    *,
    replayed: recording.Replay | None,
) -> None:
    """Decide about what may differ: say in the log that it does not, warn, or refuse the model.

    Args:
        model: it was just loaded.
        reader: the bundle, open.
        payload: the one that was loaded.
        comparison: of the bundle with this machine; what will break was refused before.
        mode: one of `bundler.requirements.admit.MODES`.
        replayed: what the self-test gave, where the caller has asked for it and it passed.

    Raises:
        RequirementsNotMet: with the versions here the model gives other outputs.
    """
    rows = comparison.of(MachineVerdict.MAY_DIFFER)
    if mode == "ignore" or not rows or reader.digest in _settled:
        return
    why = comparison.unmeasured
    if why is None and replayed is None:
        replayed, why = _replayed(model, reader, payload, rows)
    if why is None and replayed is not None and replayed.problem is not None:
        why = _stopped(model)
    if why is not None or replayed is None:
        warn_unmeasured(comparison, mode, reader.digest, why or "", stacklevel=5)
        return
    told = f"{_versions(rows)}: outputs differ by {replayed.largest_difference:.3g} on the self-test"
    if not replayed.near:
        raise _refusal(f"{told}: {replayed.problem}", rows)
    _settled.add(reader.digest)
    if replayed.problem is None:
        _LOG.info("%s", told)
        return
    warnings.warn(
        f"{told}, more than it allows: {replayed.problem}\n  next step: if that is too much: {fix(rows)}",
        RequirementsWarning,
        stacklevel=4,
    )


def warn_unmeasured(comparison: Comparison, mode: str, digest: str, why: str, *, stacklevel: int) -> None:
    """Warn by rule of what may differ, once a bundle and process: `why` says why no self-test tells."""
    rows = comparison.of(MachineVerdict.MAY_DIFFER)
    if mode == "ignore" or not rows or digest in _settled:
        return
    _settled.add(digest)
    differences = "; ".join(map(line, rows))
    warnings.warn(
        f"this machine differs from the one that the model was packed on: {differences}; not measured: {why}\n"
        f"  next step: compare its outputs with known ones; to have what it was packed on: {fix(rows)}",
        RequirementsWarning,
        stacklevel=stacklevel,
    )


def _replayed(
    model: Any, reader: BundleReader, payload: Payload, rows: tuple[Row, ...]
) -> tuple[recording.Replay | None, str | None]:
    """Return what the self-test gives, or why that says nothing about versions."""
    try:
        with warnings.catch_warnings():
            # Nobody has called the model yet; what its code warns of is told when somebody does.
            warnings.simplefilter("ignore")
            return recording.replay(model, reader, agreement=payload.agreement), None
    except LimitExceeded:
        return None, "the self-test is too large"
    except SelfTestFailed as failure:
        stopped = _stopped(model)
        if stopped is not None:
            return None, stopped
        if type(failure.__cause__).__name__ in _TOO_SMALL:
            return None, "this machine is too small for the self-test"
        raise _refusal(f"{_versions(rows)}: {failure.message}", rows) from failure


def _stopped(model: Any) -> str | None:
    """Say that code of the model was stopped, and may have gone on without: that is why, not another version."""
    origin = origin_of(model)
    refused = () if origin is None else origin.namespace.record.refused
    return f"code was stopped that asks for {refused[0].capability} at {refused[0].place}" if refused else None


def _refusal(measured: str, rows: tuple[Row, ...]) -> RequirementsNotMet:
    return RequirementsNotMet(
        "with the versions here the model does not give the outputs that it gave when it was packed",
        [measured, *map(line, rows)],
        fixes(rows),
        hint=f"{fix(rows)}; or load it as it is: requirements='ignore'",
    )


def _versions(rows: tuple[Row, ...]) -> str:
    """Return what is here for what: ``keras 3.15.0 for 3.15.1, python 3.12.1 for 3.11``."""
    return ", ".join(f"{row.name} {row.found or 'absent'} for {row.wanted.rpartition(' ')[2]}" for row in rows)
