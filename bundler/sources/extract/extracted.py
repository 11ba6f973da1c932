"""What extracting gives, and how it refuses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import FunctionType


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


class NotExtractableError(Exception):
    """One object or value cannot be extracted; the message is a problem for the author, with the remedy."""
