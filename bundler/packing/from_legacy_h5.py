"""From a legacy ``.h5`` file and the source of its bare names to a live model, which is then packed like any other.

The file says ``Gain`` and not from where. So a name must have one definition in the folders given, or be given
itself in ``custom_objects=``; a name that both Keras and the author use is the author's to decide (I11).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bundler.errors import SourceError
from bundler.formats.python.definitions import Definition, DefinitionKind, definitions_below
from bundler.keras_io import loading
from bundler.keras_io.files import legacy_h5
from bundler.manifest import CustomObject, ObjectSource
from bundler.packing.compose import packed_versions
from bundler.packing.options import PackOptions
from bundler.packing.search import Step, close_over, provisional_namespace
from bundler.sources.locate import Locator
from bundler.sources.resolve import Resolution, defines


def from_legacy_file(path: Path, options: PackOptions, step: Step) -> Any:
    """Return the model in the ``.h5`` file at `path`, with its classes from `options.sources`.

    Raises:
        PackError: the file holds no model.
        SourceError: a name is missing, or could mean several things; all of them are listed.
        RebuildFailed: Keras cannot load it.
    """
    step("finding the source")
    custom_objects = options.custom_objects
    config = legacy_h5.read_config(path)
    chosen = _chosen(config, options)
    step("loading the model once")
    if not chosen:
        return legacy_h5.load(path, config, custom_objects)
    places: dict[str, list[str]] = {}
    for definition in chosen.values():
        places.setdefault(definition.module, []).append(definition.qualname)
    locator = Locator(roots=options.sources, include=options.include, loaded=False)
    resolution = Resolution(
        objects=(), roots={module: defines(names) for module, names in sorted(places.items())}, problems=()
    )
    closure = close_over(resolution, locator, options)
    namespace = provisional_namespace(closure, packed_versions(closure, locator))
    members = {module.name: module.member for module in closure.modules}
    found = {name: loading.find_object(_described(name, item, members), namespace) for name, item in chosen.items()}
    return legacy_h5.load(path, config, {**found, **custom_objects})


def _chosen(config: Any, options: PackOptions) -> dict[str, Definition]:
    """Return the one definition of each name in the config that is not Keras's; raises with all that is wrong."""
    definitions, _ = definitions_below(options.sources)
    chosen: dict[str, Definition] = {}
    problems: dict[str, list[str]] = {}
    names = [(pointer, name, DefinitionKind.CLASS, True) for pointer, name in legacy_h5.class_names(config)]
    names += [
        (pointer, name, DefinitionKind.FUNCTION, certain) for pointer, name, certain in legacy_h5.function_names(config)
    ]
    for pointer, name, kind, certain in names:
        if name in options.custom_objects:
            continue
        candidates = _candidates(name, kind, definitions)
        builtin = legacy_h5.is_builtin(name)
        if builtin and not candidates:
            continue
        if len(candidates) == 1 and not builtin:
            chosen[name] = candidates[0]
        elif certain or len(candidates) > 1:
            problems.setdefault(_problem(name, kind, candidates, options, builtin=builtin), []).append(pointer)
    if problems:
        raise SourceError(
            "the .h5 file names objects without saying where they are defined:",
            [f"{', '.join(pointers)}: {text}" for text, pointers in problems.items()],
            hint="give the folders of the source (sources=, --source), or the objects: custom_objects={name: object}",
        )
    return chosen


def _candidates(name: str, kind: DefinitionKind, definitions: list[Definition]) -> list[Definition]:
    if ">" in name:
        return [item for item in definitions if item.key == name]
    # A loss or a metric is often a class that is given by its name.
    kinds = (kind, DefinitionKind.CLASS)
    return [item for item in definitions if item.name == name and item.kind in kinds]


def _problem(
    name: str, kind: DefinitionKind, candidates: list[Definition], options: PackOptions, *, builtin: bool
) -> str:
    places = ", ".join(f"{item.module} line {item.line}" for item in candidates)
    if builtin:
        return (
            f"the {kind} {name!r} may be Keras's own or the one in {places}; "
            f"say which: custom_objects={{{name!r}: ...}}"
        )
    if candidates:
        return f"the {kind} {name!r} is defined in {len(candidates)} places ({places})"
    if legacy_h5.is_of_keras_2(name):
        return (
            f"{name!r} is an operation that only Keras 2 reads; export the model there as a SavedModel folder "
            "(model.export(folder)) and pack the folder"
        )
    searched = ", ".join(str(root) for root in options.sources) or "no source folder was given"
    return f"the {kind} {name!r} is not defined in any source file; searched: {searched}"


def _described(name: str, item: Definition, members: Mapping[str, str]) -> CustomObject:
    source = ObjectSource(member=members[item.module], line=item.line)
    return CustomObject(kind="object", key=name, module=item.module, qualname=item.qualname, source=source)
