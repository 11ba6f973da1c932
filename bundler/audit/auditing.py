"""The audit of one bundle: every part of the room over the members that it reads, under one policy."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from bundler.archive.progress import Progress, tell
from bundler.archive.reader import check_digest, open_bundle
from bundler.audit.catalogue import rule_ids
from bundler.audit.consent import check_words
from bundler.audit.finding import CAPABILITIES
from bundler.audit.page_contents import Contents
from bundler.audit.parts import Parts
from bundler.audit.policy import DEFAULT, Policy, check_rules, policy_findings, read_policy, under
from bundler.audit.result import Audit, in_order
from bundler.audit.subject import Subject, of_reader
from bundler.errors import BundleError
from bundler.formats.python.parsing import parsed_once
from bundler.manifest import Manifest, Payload, RecordedUse


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What is accepted: by a policy, by the words of ``allow=``, or, with `accept_all`, for this very file."""

    policy: Policy = field(default=DEFAULT)
    allow: tuple[str, ...] = ()
    accept_all: bool = False

    @property
    def accepted(self) -> tuple[str, ...]:
        """The capabilities that are accepted, sorted."""
        words = set(CAPABILITIES) if self.accept_all else {*self.policy.allow, *self.allow}
        return tuple(sorted(words - self.policy.deny))


def audit_bundle(
    filepath: str | os.PathLike[str] | BinaryIO,
    *,
    digest: str | None = None,
    allow: Sequence[str] = (),
    policy: Policy | str | os.PathLike[str] | None = None,
    osv: str | os.PathLike[str] | None = None,
    strict: bool = False,
    progress: Progress | None = None,
) -> Audit:
    """Return what a bundle contains that a reviewer should know, without running, importing or unpickling any of it.

    Every byte is checked against its digest first. Needs neither TensorFlow nor NumPy.

    Args:
        filepath: path of the bundle, or a seekable binary file object.
        digest: audit only the bundle with this digest, and accept every capability that this very file asks for.
        allow: capabilities that are accepted, as for `bundler.unbundle`.
        policy: what is accepted and what is not, as a `bundler.Policy` or the path of its TOML file.
        osv: a folder of OSV records (https://ossf.github.io/osv-schema/) to match the lock with.
        strict: judge by the gate ``strict`` whatever the policy says: what source could do must be accepted too.
        progress: called with (what is done, bytes done, bytes in total).

    Returns:
        The findings, the worst first, and what they mean for a load under these terms.

    Raises:
        InvalidBundle: the file breaks a rule of the format, or its content does not match its digests.
        DigestMismatch: it is another bundle than the one asked for.
        BundleError: the policy, a word of `allow` or the folder `osv` is unknown.

    Example:
        >>> audit = bundler.audit_bundle("model.kbundle")
        >>> str(audit.verdict), audit.asked
        ('accepted', ())
    """
    return audit_with_contents(
        filepath, digest=digest, allow=allow, policy=policy, osv=osv, strict=strict, progress=progress
    )[0]


def audit_with_contents(
    filepath: str | os.PathLike[str] | BinaryIO,
    *,
    digest: str | None = None,
    allow: Sequence[str] = (),
    policy: Policy | str | os.PathLike[str] | None = None,
    osv: str | os.PathLike[str] | None = None,
    strict: bool = False,
    progress: Progress | None = None,
) -> tuple[Audit, Contents]:
    """Return the audit as `audit_bundle` does, and what a page shows beside it. Raises as that does."""
    kept = read_policy(policy)
    if strict:
        kept = replace(kept, gate="strict")
    terms = Terms(policy=kept, allow=check_words(allow), accept_all=digest is not None)
    with open_bundle(filepath) as reader:
        check_digest(reader, digest)
        reader.verify(progress)
        tell(progress, "auditing")
        manifest = reader.manifest
        payloads = [item for item in (manifest.payload, manifest.inference) if item is not None]
        folder = None if osv is None else _folder(osv)
        subject = of_reader(reader)
        parts = Parts(subject)
        audit = audit_subject(subject, terms, payloads=payloads, osv=folder, parts=parts)
        return audit, parts.contents()


def _folder(osv: str | os.PathLike[str]) -> Path:
    folder = Path(osv)
    if not folder.is_dir():
        raise BundleError("there is no such folder", place=str(folder), hint="name a folder with OSV records as *.json")
    return folder


def audit_subject(
    subject: Subject,
    terms: Terms,
    *,
    payloads: Sequence[Payload],
    osv: Path | None = None,
    parts: Parts | None = None,
) -> Audit:
    """Return the audit of what loading `payloads` uses.

    Args:
        subject: the bundle.
        terms: what is accepted.
        payloads: of the bundle, those that are to be loaded.
        osv: a folder of OSV records.
        parts: what a page shows is read from these afterwards; made here if nobody needs them.

    Raises:
        BundleError: the policy names a rule that does not exist.
    """
    policy = terms.policy
    check_rules(policy, rule_ids())
    parts = parts or Parts(subject)
    for payload in payloads:
        parts.payload(payload)
    if any(payload.kind == "keras" for payload in payloads):
        parts.graphs_of_layers()
        parts.data()
        parts.opaque()
        with parsed_once():
            parts.source(terms.accepted, close=policy.gate == "run")
            parts.consistency()
    parts.examples()
    parts.lock(osv)
    source_bytes = sum(subject.members.get(module.member, 0) for module in subject.manifest.modules)
    findings = [
        *parts.findings,
        *policy_findings(policy, subject.manifest, size=subject.size, source_bytes=source_bytes),
    ]
    return Audit(
        digest=subject.digest,
        path=subject.path,
        size=subject.size,
        findings=in_order(list(under(policy, findings))),
        checks=tuple(parts.checks),
        accepted=terms.accepted,
        policy=policy.name,
        gate=policy.gate,
        denied=tuple(sorted(policy.deny)),
        uses=_uses(subject.manifest),
    )


def _uses(manifest: Manifest) -> tuple[tuple[str, RecordedUse], ...] | None:
    """Return what the author's proof saw the code do, stage by stage."""
    if manifest.proof is None or manifest.proof.uses is None:
        return None
    return tuple((stage, use) for stage, uses in manifest.proof.uses.stages() for use in uses)
