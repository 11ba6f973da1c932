"""From what the search found to the manifest and the members of a bundle."""

from __future__ import annotations

import hashlib
import importlib.metadata
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bundler import manifest
from bundler.archive.writer import NewMember
from bundler.formats.python.definitions import definition_line
from bundler.keras_io import framework
from bundler.keras_io.files import save_keras
from bundler.keras_io.keras_settings import current_settings
from bundler.keras_io.program.seeds import seeds_of
from bundler.requirements.locking.lock import Lock, Locker
from bundler.saving.live_program import Program
from bundler.sources.closure import ClosedModule, Closure, RequiredImport
from bundler.sources.found import FoundObject
from bundler.sources.locate import Locator
from bundler.version import __version__

PAYLOAD_MEMBER = "model/model.keras"


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A payload on disk and what the search in its config and its objects gave.

    `model` is the live model that the payload was made from, or that came out of it. `payload` are the members below
    ``model/``. `entries` are the names of the modules that the search started from. `packed` is the version by
    distribution of what travels as source. `pickles` are the members of what has no source, by (module, qualname).
    `renamed` has the module and name in the bundle, by those of the author, of classes that have others there.
    `program` is the author's live program, `None` for what came from a file; `settings` are those that a model came out
    of an earlier bundle with, `None` for those of this process. `notes` are lines for the author. The rest is as in the
    manifest.
    """

    model: Any
    payload: tuple[NewMember, ...]
    objects: tuple[FoundObject, ...]
    entries: Collection[str]
    closure: Closure
    facts: manifest.Payload
    packed: Mapping[str, str]
    inference: manifest.Payload | None = None
    builder: manifest.Builder | None = None
    adaptations: tuple[manifest.Adaptation, ...] = ()
    renamed: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    pickles: Mapping[tuple[str, str], NewMember] = field(default_factory=dict)
    program: Program | None = None
    settings: manifest.Settings | None = None
    notes: tuple[str, ...] = ()


def lock_of(found: Found, locker: Locker) -> Lock:
    """Return the lock of everything that the packed code needs.

    Raises:
        PackError: see `Locker.lock`.
    """
    return locker.lock(
        [*found.closure.requirements, *_object_requirements(found.objects)],
        found.closure.python,
        [manifest.PinnedDistribution(name=name, version=version) for name, version in sorted(found.packed.items())],
    )


def manifest_of(found: Found, lock: Lock, provenance: manifest.Provenance) -> manifest.Manifest:
    """Return the manifest; its list of members is filled in when the bundle is written."""
    closure = found.closure
    return manifest.Manifest(
        generator=manifest.Generator(name="kbundle", version=__version__),
        payload=found.facts,
        objects=custom_objects(found.objects, closure, found.pickles),
        modules=tuple(
            manifest.Module(
                name=module.name,
                member=module.member,
                package=module.is_package,
                reason=module.reason,
                entry=module.name in found.entries,
                generated=module.generated,
                reduced=_reduced(module),
            )
            for module in closure.modules
        ),
        import_order=closure.order,
        data=tuple(manifest.DataFile(path=item.path, member=item.member, reason=item.reason) for item in closure.data),
        unresolved=closure.unresolved,
        inference=found.inference,
        builder=found.builder,
        adaptations=found.adaptations,
        settings=(found.settings or current_settings()) if found.facts.fidelity == "full" else None,
        seeds=seeds_of(found.program.model) if found.program is not None else (),
        requirements=lock.requirements,
        members=(),
        provenance=provenance,
    )


def _reduced(module: ClosedModule) -> manifest.Reduced | None:
    if module.whole is None:
        return None
    return manifest.Reduced(sha256=hashlib.sha256(module.whole).hexdigest(), lines=module.left_out)


def members_of(found: Found, lock: Lock) -> list[NewMember]:
    """Return every member but the manifest."""
    closure = found.closure
    return [
        *found.payload,
        *lock.members,
        *(NewMember(name=module.member, content=module.text) for module in closure.modules),
        *(NewMember(name=item.member, content=item.content) for item in closure.data),
        *found.pickles.values(),
    ]


def custom_objects(
    objects: Sequence[FoundObject], closure: Closure, pickles: Mapping[tuple[str, str], NewMember]
) -> tuple[manifest.CustomObject, ...]:
    """Return the manifest's description of `objects`."""
    modules = {module.name: module for module in closure.modules}
    described = []
    for item in objects:
        source = opaque = None
        if item.by_value:
            member = pickles[item.module, item.qualname].name
            opaque = manifest.OpaqueSource(member=member, python=f"{sys.version_info.major}.{sys.version_info.minor}")
        elif item.distribution is None:
            module = modules[item.module]
            source = manifest.ObjectSource(member=module.member, line=definition_line(module.text, item.qualname))
        described.append(
            manifest.CustomObject(
                kind=item.kind,
                key=item.key,
                module=item.module,
                qualname=item.qualname,
                paths=item.paths,
                source=source,
                distribution=item.distribution,
                opaque=opaque,
            )
        )
    return tuple(described)


def payload_facts(model: Any, keras_version: str) -> manifest.Payload:
    """Return what the manifest says about the live model `model`, which goes into a ``.keras`` file."""
    inputs, outputs = save_keras.signature_of(model)
    return manifest.Payload(
        kind="keras",
        member=PAYLOAD_MEMBER,
        fidelity="full",
        class_name=type(model).__name__,
        keras_version=keras_version,
        tensorflow_version=framework.versions()[1],
        backend="tensorflow",
        layers=len(model.layers),
        parameters=save_keras.parameters_of(model),
        compiled=bool(model.compiled),
        inputs=inputs,
        outputs=outputs,
    )


def packed_versions(closure: Closure, locator: Locator) -> dict[str, str]:
    """Return the version of each installed distribution of which modules travel as source."""
    names = {locator.locate(module.name).distribution for module in closure.modules}
    return {name: importlib.metadata.version(name) for name in names if name}


def _object_requirements(objects: Sequence[FoundObject]) -> list[RequiredImport]:
    """Return what must be installed for the objects that do not travel."""
    return [
        RequiredImport(name=item.module.partition(".")[0], distribution=item.distribution)
        for item in objects
        if item.distribution
    ]
