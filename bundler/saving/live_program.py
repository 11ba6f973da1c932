"""The author's side of the comparison: what the program is besides its config, its weights and its source."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from bundler.errors import SourceError
from bundler.formats.python.parsing import parse
from bundler.keras_io.program.account import OBJECT, Account, Part, ProgramDifference, account_of
from bundler.keras_io.program.loaded import SOURCE, original_name
from bundler.keras_io.program.own_values import UnnamedFunctions
from bundler.keras_io.program.plain import NotPlain, plain, with_gone
from bundler.keras_io.program.restore import Holders, leaves_of, recorded, value_adaptations
from bundler.manifest import Adaptation
from bundler.namespace import namespace_of
from bundler.sources.closure import ClosedModule
from bundler.sources.extract.namespace_texts import nested
from bundler.sources.live_objects import attribute_of
from bundler.sources.places import SCRIPTS
from bundler.values import Unsayable

#: Letters of a value of the environment: more are looked for as a whole text, and from this many on inside texts.
_SHORT, _LONG = 3, 8


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedValues:
    """What sets the author's values, what stays as the code sets it, and lines for the author about both.

    `lost` are those that stay so since no manifest can hold them: they may be why a proof fails later.
    """

    adaptations: tuple[Adaptation, ...]
    left: tuple[ProgramDifference, ...]
    lost: tuple[ProgramDifference, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """A live model with the modules and classes of its code, by the names that the bundle has for them.

    `places` are the module and name in the bundle of what has others in the author's process. `read` are the names
    that the code reads while it runs, and `folders` those that it was imported from. `left` are the names that stay
    behind, by module; `is_behind` tells the author's modules that do as a whole.
    """

    model: Any
    modules: Mapping[str, ModuleType]
    classes: Mapping[str, type]
    places: Mapping[Any, tuple[str, str]]
    read: frozenset[str]
    folders: tuple[str, ...]
    left: Mapping[str, frozenset[str]]
    is_behind: Callable[[str], bool]

    def account(self) -> Account:
        """Return what a fresh interpreter must find again."""
        found = account_of(self.model, self.name_of, self.modules, self.classes, self.read.__contains__, self.portable)
        modules = {name: self._staying(part, self.left.get(name, frozenset())) for name, part in found.modules.items()}
        classes = {name: self._staying(part) for name, part in found.classes.items()}
        return replace(found, modules=modules, classes=classes)

    def _staying(self, part: Part, left: Collection[str] = ()) -> Part:
        """Return the values of a module or class that travel, with the names in them that stay behind told as such."""
        values = {
            key: with_gone(value, self._stays)
            for key, value in part.values.items()
            if key.partition(".")[0] not in left
        }
        return replace(part, values=values)

    def _stays(self, place: str) -> bool:
        module, _, qualname = place.partition(":")
        return not self.is_behind(module) and qualname.partition(".")[0] not in self.left.get(module, ())

    def name_of(self, obj: Any) -> str | None:
        """Return the name of a function or class: ``module:qualname`` of the bundle, or of what is installed."""
        place = self.places.get(obj)
        if place is not None:
            return ":".join(place)
        module = str(getattr(obj, "__module__", None))
        # What a script, a notebook or runpy has by no name of the bundle's cannot be compared by name.
        is_loose = namespace_of(module) is None and (module in SCRIPTS or module not in sys.modules)
        return None if is_loose else original_name(obj)

    def portable(self, text: str) -> str:
        """Return `text` with the folders of the source by one name."""
        for folder in self.folders:
            text = text.replace(folder, SOURCE)
        return text

    def holders(self) -> Holders:
        """Return what values are read from."""
        return Holders(model=self.model, modules=self.modules, classes=self.classes)

    def _whole(
        self, found: tuple[ProgramDifference, ...]
    ) -> tuple[tuple[ProgramDifference, ...], tuple[ProgramDifference, ...]]:
        """Return those of `found` that are settings objects which the code alone does not make, and the other values.

        ``args = None`` in a module, and ``options.args = parser.parse_args()`` in the script.
        """
        lacking = {(item.group, item.place, item.name) for item in found if item.found == "nothing"}
        roots = {_root(item) for item in found if "." in item.name and item.found == "nothing" and item.group != OBJECT}
        parts = self.account().groups() if roots else {}
        for group, place, root in tuple(roots):
            names = [name for name in parts[group][place].values if name.startswith(f"{root}.")]
            if not all((group, place, name) in lacking for name in names):
                roots.discard((group, place, root))
        whole = [
            ProgramDifference(group=group, place=place, name=root, expected="an object with settings", found="nothing")
            for group, place, root in sorted(roots)
        ]
        others = [item for item in found if _root(item) not in roots or item.group == OBJECT]
        # A name that holds nothing where the code is imported differs by itself, too.
        return tuple(whole), tuple(others)

    def record(self, found: Iterable[ProgramDifference]) -> RecordedValues:
        """Return what brings the author's values back.

        Raises:
            SourceError: some values cannot be recorded; every one is listed.
        """
        adaptations, left, lost, notes, problems = [], [], [], [], []
        functions: list[FunctionType] = []
        whole, found = self._whole(tuple(found))
        for item in (*whole, *found):
            try:
                adaptation = recorded(item, self.holders(), self.name_of)
            except Unsayable as error:
                if not self._is_comparable(item):
                    lost.append(item)
                    notes.append(f"left as the code sets it, since its value is {error}: {item}")
                    continue
                problems.append(f"{item}: its value is {error}")
                functions += error.functions if isinstance(error, UnnamedFunctions) else ()
                continue
            # What the code does not set at all cannot be left as it sets it.
            why = _of_this_machine(adaptation, () if item in whole else self.folders, paths=item not in whole)
            if why is None:
                adaptations.append(adaptation)
                notes.append(f"recorded, since it was set while the program ran: {item}")
            else:
                left.append(item)
                notes.append(f"left as the code sets it, since it is {why}: {item}")
        if problems:
            refused = SourceError(
                "values were set after the code was imported or an object was made, and they cannot be recorded:",
                problems,
                hint="pass them to __init__ and return them from get_config(), or set them in the source",
            )
            refused.functions = tuple(functions)
            raise refused
        return RecordedValues(adaptations=tuple(adaptations), left=(*left, *lost), lost=tuple(lost), notes=tuple(notes))

    def _is_comparable(self, item: ProgramDifference) -> bool:
        """Say whether the value of a module or class can be compared as a whole: the proof notices others by effect."""
        try:
            plain(self.holders().value(item), self.name_of)
        except NotPlain:
            return item.group == OBJECT
        return True


def _root(item: ProgramDifference) -> tuple[str, str, str]:
    return item.group, item.place, item.name.partition(".")[0]


def program_of(
    model: Any,
    closed: Sequence[ClosedModule],
    classes: Iterable[type],
    places: Mapping[Any, tuple[str, str]],
    is_authors: Callable[[str], bool] = lambda _: False,
) -> Program:
    """Return the program of a live `model`.

    Args:
        model: the model.
        closed: the modules that travel.
        classes: the classes of its objects.
        places: the module and name in the bundle of what was taken from a script, a notebook or a function.
        is_authors: says whether a module is the author's own, so that it travels or stays behind.
    """
    trees = {namespace_of(cls.__module__) for cls in classes} - {None}
    modules: dict[str, ModuleType] = {}
    for item in closed:
        names = [item.name, *(tree.private(item.name) for tree in trees if tree is not None and tree.has(item.name))]
        live = next((sys.modules[name] for name in reversed(names) if name in sys.modules), None)
        if live is not None and not item.generated:
            modules[item.name] = live
    by_place: dict[str, type] = {}
    for module in modules.values():
        for value in list(vars(module).values()):
            if isinstance(value, type) and value.__module__ == module.__name__:
                _note_class(by_place, value, places)
    for cls in classes:
        for base in cls.__mro__:
            _note_class(by_place, base, places)
    left = {item.name: item.left_names | _of_stars(item, modules) for item in closed if item.left_names}
    travelling = {item.name for item in closed}
    return Program(
        model=model,
        modules=modules,
        classes={place: cls for place, cls in by_place.items() if _travels(place, travelling, left)},
        places={obj: place for obj, place in places.items() if isinstance(obj, type | FunctionType)},
        read=frozenset().union(*(_read_names(item) for item in closed)) if closed else frozenset(),
        folders=_folders(closed),
        left=left,
        is_behind=functools.cache(lambda name: name not in travelling and is_authors(name)),
    )


def _of_stars(closed: ClosedModule, modules: Mapping[str, ModuleType]) -> frozenset[str]:
    """Return the names that a module had by a star import which stays behind: another one has the very same."""
    module = modules.get(closed.name)
    if module is None or "*" not in closed.left_names:
        return frozenset()
    others = [vars(item) for item in modules.values() if item is not module]
    return frozenset(
        name for name, value in vars(module).items() if any(name in item and item[name] is value for item in others)
    )


def _travels(place: str, modules: Collection[str], left: Mapping[str, Collection[str]]) -> bool:
    module, _, qualname = place.partition(":")
    return module in modules and qualname.partition(".")[0] not in left.get(module, ())


def carried_values(program: Program, adaptations: Iterable[Adaptation]) -> tuple[Adaptation, ...]:
    """Return the values that `adaptations` of an earlier bundle record, as they are now."""
    found = []
    for item in value_adaptations(adaptations):
        for name in item.values:
            place = item.place if item.place is not None else ":".join(filter(None, (item.module, item.qualname)))
            group = item.kind.removesuffix("_values")
            difference = ProgramDifference(group=group, place=place, name=name, expected="", found="")
            try:
                found.append(recorded(difference, program.holders(), program.name_of))
            except (LookupError, Unsayable):
                # It is gone, or has become something that the proof will find and name.
                continue
    return tuple(found)


def with_values(known: Sequence[Adaptation], more: Sequence[Adaptation]) -> tuple[Adaptation, ...]:
    """Return both, the values of one holder in one adaptation."""
    merged: dict[tuple[str, str, str, str | None], Adaptation] = {}
    for item in (*known, *more):
        key = (item.kind, item.module, item.qualname, item.place)
        merged[key] = replace(item, values={**merged[key].values, **item.values}) if key in merged else item
    return tuple(merged.values())


def _note_class(into: dict[str, type], cls: type, places: Mapping[Any, tuple[str, str]]) -> None:
    place = places.get(cls)
    if place is None:
        namespace = namespace_of(cls.__module__)
        module = sys.modules.get(cls.__module__)
        qualname = attribute_of(module, cls) if module is not None else None
        if qualname is None:
            return
        place = (namespace.original(cls.__module__) if namespace else str(cls.__module__)), qualname
    into[":".join(place)] = cls


def _read_names(module: ClosedModule) -> set[str]:
    """Return the names that the functions of `module` read, as globals or as attributes."""
    names: set[str] = set()
    # Warnings about the author's text have been told when it was imported.
    top = compile(parse(module.text), module.display, "exec", dont_inherit=True)
    for code in list(nested(top))[1:]:
        names.update(code.co_names)
        # getattr(self, "name"), and the keys of vars().
        names.update(constant for constant in code.co_consts if isinstance(constant, str) and constant.isidentifier())
    return names


def _folders(closed: Iterable[ClosedModule]) -> tuple[str, ...]:
    folders = set()
    for item in closed:
        path = Path(item.display)
        if path.is_absolute():
            depth = item.name.count(".") + (1 if item.is_package else 0)
            folders.add(str(path.parents[depth]))
    return tuple(sorted(folders, key=len, reverse=True))


def _of_this_machine(adaptation: Adaptation, folders: Sequence[str], *, paths: bool) -> str | None:
    """Say why the value of `adaptation` must not travel; `None` where it may.

    A path means nothing elsewhere, and what a module read from the environment may be a password.
    """
    texts = [leaf for value in adaptation.values.values() for leaf in leaves_of(value) if isinstance(leaf, str)]
    if paths and any(os.path.isabs(text) or any(folder in text for folder in folders) for text in texts):
        return "a path of this machine"
    for value in os.environ.values():
        # A short one is contained in many a text by chance.
        if (len(value) >= _LONG and any(value in text for text in texts)) or (len(value) > _SHORT and value in texts):
            return "from the environment"
    return None
