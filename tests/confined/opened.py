"""Opens hostile texts as a load opens a bundle's: by `rebuilding.open_code`, so that its changes hold here."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Collection, Mapping

from bundler.audit.finding import Held, Severity
from bundler.audit.parts import source_of
from bundler.audit.source.closed_functions import close_source
from bundler.keras_io import registry
from bundler.manifest import Manifest, Module
from bundler.namespace import ModuleText, Namespace, open_namespace
from bundler.unpacking import rebuilding
from bundler.unpacking.confinement import closed_texts, guard_for
from tests.manifest.samples import small

#: The key of a package ends so.
_PACKAGE = ".__init__"


def texts(modules: Mapping[str, str | bytes]) -> dict[str, tuple[bytes, bool]]:
    """Return the bytes, and whether it is a package, of each module by its dotted name."""
    return {
        name.removesuffix(_PACKAGE): (text.encode() if isinstance(text, str) else text, name.endswith(_PACKAGE))
        for name, text in modules.items()
    }


def digest_of(modules: Mapping[str, str | bytes]) -> str:
    """Return the digest of a bundle that holds `modules`."""
    content = repr(sorted(texts(modules).items())).encode()
    return "sha256:" + hashlib.sha256(content).hexdigest()


def manifest_of(modules: Mapping[str, str | bytes]) -> tuple[Manifest, dict[str, bytes]]:
    """Return a manifest for `modules`, and the content of its members below ``code/``."""
    content, declared = {}, []
    for name, (text, package) in texts(modules).items():
        member = "code/" + name.replace(".", "/") + ("/__init__.py" if package else ".py")
        content[member] = text
        declared.append(Module(name=name, member=member, package=package, reason="hostile"))
    return dataclasses.replace(small(), modules=tuple(declared)), content


def opened(modules: Mapping[str, str | bytes], allow: Collection[str] = (), *, close: bool = True) -> Namespace:
    """Return the namespace of `modules` by original dotted name, as a load with ``allow=`` has it.

    Without `close` no function is closed: the nets are alone.
    """
    manifest, content = manifest_of(modules)
    closed = closed_texts(manifest, content, allow) if close else {}
    return rebuilding.open_code(digest_of(modules), manifest, content, guard_for(manifest, allow), closed=closed)


def hard(modules: Mapping[str, str | bytes]) -> list[str]:
    """Return the findings of `modules` for which `unbundle` refuses before anything runs."""
    manifest, content = manifest_of(modules)
    texts, requirements = source_of(manifest, content.__getitem__)
    return [
        f"{finding.rule.id} {finding.place}: {finding.what}"
        for finding in close_source(texts, requirements, ()).findings
        if finding.severity is Severity.REFUSED or (finding.severity is Severity.CONSENT and finding.held is Held.LOAD)
    ]


def unguarded(modules: Mapping[str, str | bytes]) -> Namespace:
    """Return the namespace of `modules` as their author has it: nothing holds the code."""
    return open_namespace(
        digest_of(modules),
        [ModuleText(name=name, text=text, package=package) for name, (text, package) in texts(modules).items()],
        {},
        versions={},
        isolation=registry.isolated,
    )
