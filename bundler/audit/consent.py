"""From an audit to a yes or no: what is refused, what asks for consent, and the argument that gives it."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from bundler.audit.finding import CAPABILITIES, Finding, Severity
from bundler.audit.result import Audit
from bundler.errors import AuditRefused, BundleError, ConsentRequired, RebuildFailed, SourceError
from bundler.manifest import Manifest
from bundler.version import __version__

#: An error shows this many findings of a kind; the audit has all of them.
_MOST_SHOWN = 4
_HAVE_THEM, _PACK_AGAIN = "have the author ", "pack the model again"
#: What was packed a moment ago does not agree with itself.
_FAULT = "this is a fault of kbundle, not of your model: please report it with the lines above"


def check_words(allow: Iterable[str]) -> tuple[str, ...]:
    """Return the words of `allow`, sorted.

    Raises:
        BundleError: one of them is unknown.
    """
    words = {allow} if isinstance(allow, str) else set(allow)
    unknown = sorted(str(word) for word in words if word not in CAPABILITIES)
    if unknown:
        raise BundleError(
            "allow has an unknown capability",
            place="allow",
            expected=", ".join(map(repr, CAPABILITIES)),
            found=", ".join(map(repr, unknown)),
            hint="leave the word out; kbundle audit shows what a bundle asks for",
        )
    return tuple(sorted(words))


def require_accepted(audit: Audit) -> None:
    """Refuse a bundle that its audit does not accept.

    Raises:
        AuditRefused: it holds what no argument accepts.
        ConsentRequired: it asks for capabilities that must be accepted before it loads.
    """
    refused = [finding for finding in audit.findings if finding.severity is Severity.REFUSED]
    if refused:
        raise AuditRefused(
            "this bundle is refused, and no consent changes that",
            _lines(refused),
            findings=refused,
            hint=f"{refused[0].rule.remedy}; all findings: kbundle audit {audit.path or 'FILE'}",
        )
    asked = audit.asked
    if asked:
        open_findings = [item for item in audit.findings if item.capability in asked and not audit.waits(item)]
        raise ConsentRequired(
            asked, _lines(open_findings), allow=audit.accepted, digest=audit.digest, findings=open_findings
        )


def require_acceptable(audit: Audit) -> None:
    """Refuse to pack a bundle that nobody could load.

    Raises:
        SourceError: the audit refuses it whatever is accepted.
    """
    refused = [finding for finding in audit.findings if finding.severity is Severity.REFUSED]
    if refused:
        raise SourceError(
            f"kbundle {__version__} would refuse to load this bundle, whatever its caller accepts:",
            _lines(refused),
            hint=_for_the_author(refused[0].rule.remedy),
        )


def _for_the_author(remedy: str) -> str:
    """Return what a consumer is told to ask of the author, told to the author."""
    told = remedy.removeprefix(_HAVE_THEM)
    return _FAULT if told.startswith(_PACK_AGAIN) else told


def consent_lines(audit: Audit) -> list[str]:
    """Return one line for each place that asks for consent before the bundle loads, for the author to see."""
    return _lines([item for item in audit.findings if item.capability is not None and not audit.waits(item)])


def use_lines(audit: Audit) -> list[str]:
    """Return one line for each place where the code could use what nobody has accepted, and would be stopped."""
    return _lines([item for item in audit.findings if item.capability in audit.could and audit.waits(item)])


def check_pickles(manifest: Manifest) -> None:
    """Refuse pickles that another Python made, before the framework and any code of the bundle.

    Raises:
        RebuildFailed: bytecode of another version means something else here.
    """
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    others = [item for item in manifest.objects if item.opaque is not None and item.opaque.python != running]
    if others:
        made_for = sorted({item.opaque.python for item in others if item.opaque is not None})
        raise RebuildFailed(
            "what has no source is stored as bytecode, which only the Python that made it can run",
            place=", ".join(f"{item.module}.{item.qualname}" for item in others),
            expected=f"Python {' and '.join(made_for)}",
            found=f"Python {running}",
            hint=f"load it under Python {made_for[0]}, or have the author pack it from source",
        )


def _lines(findings: list[Finding]) -> list[str]:
    """Return the findings as lines: the first few of each kind, so that none hides another."""
    kinds: dict[str, list[Finding]] = {}
    for finding in findings:
        kinds.setdefault(finding.capability or finding.rule.id, []).append(finding)
    lines = []
    for kind, alike in kinds.items():
        lines += [f"{kind}: {finding.place}: {finding.what}" for finding in alike[:_MOST_SHOWN]]
        if len(alike) > _MOST_SHOWN:
            lines.append(f"{kind}: and {len(alike) - _MOST_SHOWN} more; kbundle audit shows all of them")
    return lines
