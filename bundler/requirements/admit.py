"""What a comparison means for a load before any code runs: refuse, or say in the log that nobody wanted to know."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Iterable
from typing import Literal

from bundler.errors import BundleError, RequirementsNotMet
from bundler.requirements.compare import Comparison, MachineVerdict, Row, fixes

#: ``check`` refuses what is missing or will break, ``strict`` whatever is not locked, ``ignore`` nothing.
RequirementsMode = Literal["check", "strict", "ignore"]
MODES = ("check", "strict", "ignore")

_LOG = logging.getLogger("bundler")


def check_mode(mode: str) -> None:
    """Refuse a word that is none of `MODES`.

    Raises:
        BundleError: it is unknown.
    """
    if mode not in MODES:
        raise BundleError(
            "requirements= does not know this",
            expected=" or ".join(map(repr, MODES)),
            found=repr(mode),
            hint="leave it out: what is missing or will break is then refused",
        )


def refused(comparison: Comparison, mode: str) -> tuple[Row, ...]:
    """Return the rows for which a load under `mode` is refused."""
    if mode == "ignore":
        return ()
    if mode == "strict":
        return tuple(row for row in comparison.rows if not row.as_locked or row.verdict is not MachineVerdict.HARMLESS)
    return comparison.of(MachineVerdict.MISSING, MachineVerdict.WILL_BREAK)


def admit(comparison: Comparison, mode: str, digest: str) -> None:
    """Let a load go on, or not; `bundler.unpacking.evidence` decides later about what may differ.

    Args:
        comparison: of the bundle with this machine.
        mode: one of `MODES`.
        digest: of the bundle.

    Raises:
        RequirementsNotMet: something is missing or will break, or is not as locked where that was asked for.
    """
    rows = refused(comparison, mode)
    if rows:
        raise RequirementsNotMet(
            "this machine does not have what the bundle needs"
            if mode == "check"
            else "this machine does not have the locked versions",
            [line(row) for row in rows],
            fixes(rows),
            hint=f"{fix(rows)}; or load it as it is: requirements='{'ignore' if mode == 'check' else 'check'}'",
        )
    if mode == "ignore":
        ignored = comparison.of(MachineVerdict.MISSING, MachineVerdict.WILL_BREAK, MachineVerdict.MAY_DIFFER)
        level = logging.WARNING if refused(comparison, "check") else logging.INFO
        told = "; ".join(map(line, ignored)) or "nothing would have been said"
        _LOG.log(level, "requirements ignored for %s: %s", digest, told)


def line(row: Row) -> str:
    """Return one line about a row: ``scipy 1.15.3: missing (the code imports scipy)``."""
    here = f", {row.found} is here" if row.found is not None else ""
    return f"{row.name} {row.wanted}: {row.verdict}{here} ({row.reason})"


def fix(rows: Iterable[Row]) -> str:
    """Return the one command that mends `rows`, as far as an installer can."""
    rows = tuple(rows)
    if any(row.role == "python" for row in rows):
        return "use the Python that it was packed under: kbundle env FILE builds the locked environment"
    wanted = fixes(rows)
    if not wanted:
        return "install it from where the author has it, or ask the author to pack it as source (include=)"
    return f"pip install {' '.join(map(shlex.quote, wanted))}"
