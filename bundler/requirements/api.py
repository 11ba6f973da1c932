"""Requirements as plain data, for services that log them."""

from __future__ import annotations

import os
from typing import Any, BinaryIO

from bundler.archive.reader import open_bundle
from bundler.manifest.codec import to_json
from bundler.requirements.admit import fix, refused
from bundler.requirements.compare import Comparison, MachineVerdict, Row, compare


def requirements_of(filepath: str | os.PathLike[str] | BinaryIO) -> dict[str, Any]:
    """Return what a bundle says that it needs; nothing is compared, and none of its code runs.

    Args:
        filepath: path of the bundle, or a seekable binary file object.

    Returns:
        A JSON value with the keys of ``requirements`` in the manifest (`schema/SPEC.md`), and ``digest``, the bundle's.

    Raises:
        InvalidBundle: the file breaks a rule of the format.

    Example:
        >>> needs = bundler.requirements_of("model.kbundle")
        >>> "keras" in {item["name"] for item in needs["distributions"]}
        True
    """
    with open_bundle(filepath) as reader:
        return {"digest": reader.digest, **to_json(reader.manifest.requirements)}


def check_requirements(filepath: str | os.PathLike[str] | BinaryIO) -> dict[str, Any]:
    """Compare what a bundle needs with this machine; nothing of the bundle runs.

    Args:
        filepath: path of the bundle, or a seekable binary file object.

    Returns:
        A JSON value. ``verdict`` is the worst of all: ``missing``, ``will break``, ``may differ`` or ``harmless``.
        ``loads`` says whether `unbundle` would go on by default; where ``self_test_decides``, it then replays the
        self-test, which may stop it where versions may differ. ``fix`` is the command that mends it, else `None`.
        ``rows`` has one object a requirement, the worst first.

    Raises:
        InvalidBundle: the file breaks a rule of the format.

    Example:
        >>> check = bundler.check_requirements("model.kbundle")
        >>> check["loads"], check["fix"]
        (True, None)
    """
    with open_bundle(filepath) as reader:
        return {"digest": reader.digest, **as_json(compare(reader.manifest, reader.manifest.payload))}


def as_json(comparison: Comparison, mode: str = "check") -> dict[str, Any]:
    """Return a comparison as a JSON value, with what a load under `mode` would do."""
    rows = refused(comparison, mode)
    return {
        "verdict": str(comparison.verdict),
        "loads": not rows,
        "self_test_decides": comparison.unmeasured is None and bool(comparison.of(MachineVerdict.MAY_DIFFER)),
        "fix": fix(rows) if rows else None,
        "rows": [_row(row) for row in comparison.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "wanted": row.wanted,
        "found": row.found,
        "verdict": str(row.verdict),
        "reason": row.reason,
        "role": row.role,
        "as_locked": row.as_locked,
    }
