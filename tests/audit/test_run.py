"""The audit of a subject: what is too large to be read is refused, and never shown as absent."""

from __future__ import annotations

from pathlib import Path

from bundler.archive.writer import NewMember
from bundler.audit.auditing import Terms, audit_subject
from bundler.audit.result import Verdict
from bundler.audit.subject import of_members
from bundler.limits import LIMITS
from tests.audit.bundles import DENSE, keras_file, model
from tests.manifest import samples


def test_refuses_a_list_of_requirements_that_is_too_long_to_read() -> None:
    manifest = samples.small()
    payload = NewMember("model/model.keras", keras_file(model(DENSE)))
    for size, verdict in ((10, Verdict.ACCEPTED), (LIMITS.lock + 1, Verdict.REFUSED)):
        members = [payload, NewMember("requirements/requirements.txt", b"#" + b"\n" * (size - 1))]
        audit = audit_subject(of_members(manifest, members, Path("m.kbundle")), Terms(), payloads=[manifest.payload])
        assert audit.verdict is verdict, audit.findings
        places = [finding.member for finding in audit.findings if finding.rule.id == "lock.malformed"]
        assert places == (["requirements/requirements.txt"] if verdict is Verdict.REFUSED else [])
