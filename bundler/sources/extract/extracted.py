"""What extracting gives, and how it refuses."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from bundler.sources.extract.array_file import file_name, file_of
from bundler.sources.extract.draft import Draft
from bundler.sources.extract.drafts import Drafts


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtractedModule:
    """One generated module. `reason` says what it is for, and holds no path of the author's machine."""

    name: str
    text: bytes
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Extracted:
    """The generated modules, where each object is in them, and what could not be extracted.

    `places` maps an object, by identity, to (module name, qualified name); it has the objects that were asked for
    and those that they brought along; `files` lie beside the modules, by path. A module is in `modules` even where it
    has problems, so that one run shows all.
    """

    modules: tuple[ExtractedModule, ...]
    places: Mapping[type | FunctionType, tuple[str, str]]
    problems: tuple[str, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)

    def names(self) -> Iterable[str]:
        """The names of the generated modules; with the three methods below this is a `SourceProvider`."""
        return [module.name for module in self.modules]

    def is_package(self, name: str) -> bool:  # noqa: ARG002 - part of the protocol
        """No generated module has submodules."""
        return False

    def is_generated(self, name: str) -> bool:  # noqa: ARG002 - part of the protocol
        """Every one is."""
        return True

    def source(self, name: str) -> bytes:
        """The text of a generated module."""
        return next(module.text for module in self.modules if module.name == name)

    def data(self) -> Mapping[str, bytes]:
        """The files beside the generated modules: arrays that are too long for their text."""
        return self.files


class NotExtractable(Exception):
    """One object or value cannot be extracted; the message is a problem for the author, with the remedy."""


def extracted_of(drafts: Drafts, places: Mapping[Any, tuple[Draft, str]], problems: Iterable[str]) -> Extracted:
    """Return the modules of `drafts`, where each object is in them, and `problems` with those of the modules."""
    told = list(problems)
    by_name = {draft.name: draft for draft in drafts}
    told += [
        f"{draft.reason}: two definitions of one name need each other; give one another name"
        for draft in by_name.values()
        for other in sorted(draft.imports_from)
        if draft.name in by_name[other].imports_from and draft.name < other
    ]
    for draft in by_name.values():
        try:
            ast.parse(draft.text())
        except SyntaxError as error:
            told.append(f"{draft.reason}, which does not stand for itself: {error}; move it to a module")
    return Extracted(
        modules=tuple(
            ExtractedModule(name=name, text=draft.text().encode(), reason=draft.reason)
            for name, draft in sorted(by_name.items())
        ),
        files={file_name(name): file_of(draft.arrays) for name, draft in by_name.items() if draft.arrays},
        places={obj: (draft.name, qualname) for obj, (draft, qualname) in places.items()},
        problems=tuple(dict.fromkeys(told)),
    )
