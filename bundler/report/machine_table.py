"""The lock against this machine, as a table for a terminal."""

from __future__ import annotations

from bundler.report.terminal_text import shown, table
from bundler.requirements.admit import fix, refused
from bundler.requirements.compare import Comparison, MachineVerdict


def as_text(path: str, comparison: Comparison, mode: str, *, everything: bool) -> str:
    """Return the comparison as lines: the result first, then what differs, then what to do.

    Args:
        path: of the bundle.
        comparison: of its requirements with this machine.
        mode: what a load is to be held to.
        everything: show the requirements that do not matter, too.
    """
    stopping = refused(comparison, mode)
    differing = comparison.of(MachineVerdict.MISSING, MachineVerdict.WILL_BREAK, MachineVerdict.MAY_DIFFER)
    if stopping:
        result = f"does not load here: {len(stopping)} of {len(comparison.rows)} requirements stand against it"
    elif differing:
        how = "if its self-test comes out the same" if comparison.unmeasured is None else "with a warning"
        result = f"loads here, {how}: {len(differing)} of {len(comparison.rows)} requirements differ"
    else:
        result = f"loads here: nothing that matters differs ({len(comparison.rows)} requirements)"
    rows = comparison.rows if everything else tuple(dict.fromkeys((*stopping, *differing)))
    lines = [f"{shown(path)}: {result}"]
    if rows:
        lines += table(
            [
                ("", "needs", "here", "", "why"),
                *((row.name, row.wanted, row.found or "-", str(row.verdict), row.reason) for row in rows),
            ]
        )
    if stopping:
        lines.append(f"  to mend it: {shown(fix(stopping), 4_000)}")
        if not any(row.role == "python" for row in stopping):
            lines.append(f"  or leave this environment as it is: kbundle env {shown(path)} builds the locked one")
    return "\n".join(lines) + "\n"
