"""Which file a module name stands for on the author's machine, and what may be done with it.

Nothing is imported: `importlib.util.find_spec` would import the parents of a dotted name, so names are found one
step at a time, each step in the folders of the one before.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.machinery
import sys
import types
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from packaging.utils import canonicalize_name

from bundler.errors import PackError, SourceError
from bundler.frameworks import STACK
from bundler.sources.installed import Distributions, is_site, is_stdlib
from bundler.sources.places import SCRIPTS, Place, find, find_in_folders, loaded_as, text_in_archive

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_OWN = __name__.partition(".")[0]
_BYTECODE = tuple(importlib.machinery.BYTECODE_SUFFIXES)
_EXTENSIONS = (*importlib.machinery.EXTENSION_SUFFIXES, ".so", ".pyd")


class ModuleVerdict(StrEnum):
    """What becomes of a module: packed, required, left to Python, absent, or impossible to carry."""

    SOURCE = "source"
    REQUIREMENT = "requirement"
    STDLIB = "stdlib"
    MISSING = "missing"
    UNPACKABLE = "unpackable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Located:
    """One module name and what it stands for.

    Attributes:
        name: the dotted name that was asked for.
        verdict: what becomes of it.
        file: where its text is; `None` for namespace packages, in-memory modules and what was not looked for.
        is_package: it may have submodules.
        is_namespace: a package without an ``__init__.py``.
        distribution: the canonical name of the distribution it belongs to.
        search: the folders of a package.
        detail: why, in words.
        text: the source of a module that lives in memory; `None`: read `file`.
        generated: the author had no such module; its text was extracted.
    """

    name: str
    verdict: ModuleVerdict
    file: Path | None = None
    is_package: bool = False
    is_namespace: bool = False
    distribution: str | None = None
    search: tuple[Path, ...] = ()
    detail: str = ""
    text: bytes | None = None
    generated: bool = False


class SourceProvider(Protocol):
    """Modules that live in memory, under the names that they had when they were packed."""

    def names(self) -> Iterable[str]:
        """The dotted names of all modules."""

    def is_package(self, name: str) -> bool:
        """The module is an ``__init__.py``."""

    def source(self, name: str) -> bytes:
        """The module's text."""

    def is_generated(self, name: str) -> bool:
        """The author had no such module; its text was extracted."""

    def data(self) -> Mapping[str, bytes]:
        """Data files: POSIX path below the source root -> content."""


class Locator:
    """Answers where modules are, the same way every time.

    Args:
        roots: folders of the author's source; what lies there beats what is installed.
        include: distributions, import names or dotted names that are packed although they are installed.
        loaded: believe what this process has really imported.
        providers: in-memory modules; they beat everything.

    Raises:
        PackError: a root is not a folder, or an entry of `include` names nothing that could be packed.
    """

    def __init__(
        self,
        *,
        roots: Sequence[Path] = (),
        include: Sequence[str] = (),
        loaded: bool = True,
        providers: Sequence[SourceProvider] = (),
    ) -> None:
        # Files that were written a moment ago must not be hidden by a remembered listing.
        importlib.invalidate_caches()
        self.loaded = loaded
        self.providers = tuple(providers)
        self.distributions = Distributions()
        self._roots = tuple(Path(root).absolute() for root in roots)
        self._provided = [(frozenset(provider.names()), provider) for provider in self.providers]
        self._cache: dict[str, Located] = {}
        self._portions: dict[str, tuple[Path, ...]] = {}
        self._include = frozenset[str]()
        for root in self._roots:
            if not root.is_dir():
                raise PackError("a source root is not a folder", place=str(root), hint="give an existing folder")
        for entry in include:
            self._check_include(entry)
        self._include = frozenset(include) | {canonicalize_name(entry) for entry in include}
        self._cache.clear()

    def provide(self, provider: SourceProvider) -> None:
        """Take in one more provider: modules that were made only after the search had begun."""
        self.providers = (*self.providers, provider)
        self._provided.append((frozenset(provider.names()), provider))
        self._cache.clear()

    def locate(self, name: str) -> Located:
        """What `name` stands for; the answer is remembered.

        Raises:
            SourceError: two files or providers give the name different text.
        """
        if name not in self._cache:
            self._cache[name] = self._locate(name)
        return self._cache[name]

    def top_names(self) -> set[str]:
        """The top-level names that source roots and providers give a meaning."""
        names = {name.partition(".")[0] for names, _ in self._provided for name in names}
        return names | {entry.name.partition(".")[0] for root in self._roots for entry in root.iterdir()}

    def provider_of(self, name: str) -> SourceProvider | None:
        """The provider that has a module, if one has."""
        return next((provider for names, provider in self._provided if name in names), None)

    def _locate(self, name: str) -> Located:
        root, _, _ = name.partition(".")
        parent_name, _, _ = name.rpartition(".")
        if not root:
            return _verdict(name, ModuleVerdict.MISSING, "a relative import that leaves the top-level package")
        if name in SCRIPTS:
            return _verdict(name, ModuleVerdict.UNPACKABLE, "the running script is not a module that others can import")
        if root in STACK:
            return self._framework(name, root)
        if root == _OWN:
            return _verdict(name, ModuleVerdict.STDLIB, "part of kbundle, which is wherever a bundle is loaded")
        parent = self.locate(parent_name) if parent_name else None
        rooted = self._in_roots(name, parent_name)
        if (provided := self._in_providers(name, rooted)) is not None:
            return provided
        if rooted is not None and not rooted.is_namespace:
            self._portions[name] = rooted.search
            return self._judge(name, rooted, explicit=True)
        found = loaded_as(name) if self.loaded else None
        if root in sys.stdlib_module_names and (found is None or found.file is None or is_stdlib(found.file)):
            return _verdict(name, ModuleVerdict.STDLIB, "part of Python")
        if parent is not None and _is_installed_package(parent) and not _is_outside(found, parent):
            return _verdict(name, ModuleVerdict.REQUIREMENT, parent.detail, distribution=parent.distribution)
        found = found or find(name, parent.search if parent is not None else None)
        if found is not None and not found.is_namespace:
            return self._judge(name, found, explicit=False)
        if rooted is not None:
            self._portions[name] = rooted.search
            search = rooted.search + (found.search if found else ())
            found = Place(file=None, search=tuple(dict.fromkeys(search)), is_namespace=True)
        if found is not None:
            return self._judge(name, found, explicit=rooted is not None)
        return self._absent(name, parent)

    def _framework(self, name: str, root: str) -> Located:
        distribution = self.distributions.providing(root)
        if distribution is None:
            return _verdict(name, ModuleVerdict.MISSING, f"no installed distribution provides {root!r}")
        return _verdict(name, ModuleVerdict.REQUIREMENT, f"part of {distribution}", distribution=distribution)

    def _in_providers(self, name: str, rooted: Place | None) -> Located | None:
        texts: dict[bytes, tuple[bool, bool]] = {}
        for names, provider in self._provided:
            if name in names:
                texts.setdefault(provider.source(name), (provider.is_package(name), provider.is_generated(name)))
        if texts and rooted is not None and rooted.file is not None:
            texts.setdefault(rooted.file.read_bytes(), (False, False))
        if len(texts) > 1:
            raise SourceError(
                "one module name stands for different code",
                [f"{name}: a loaded bundle and another source give it different text"],
                hint="rename one of the two modules, or pack the models one by one",
            )
        for text, (is_package, is_generated) in texts.items():
            return Located(
                name=name,
                verdict=ModuleVerdict.SOURCE,
                is_package=is_package,
                text=text,
                detail="extracted source" if is_generated else "source of a loaded bundle",
                generated=is_generated,
            )
        if any(other.startswith(f"{name}.") for names, _ in self._provided for other in names):
            return Located(
                name=name,
                verdict=ModuleVerdict.SOURCE,
                is_package=True,
                is_namespace=True,
                detail="namespace package of a loaded bundle",
            )
        return None

    def _in_roots(self, name: str, parent_name: str) -> Place | None:
        entries = self._portions.get(parent_name, ()) if parent_name else self._roots
        found = [place for entry in entries if (place := find_in_folders(name, [str(entry)])) is not None]
        regular = [place for place in found if not place.is_namespace]
        files = list(dict.fromkeys(place.file for place in regular if place.file is not None))
        if len({file.read_bytes() for file in files}) > 1:
            raise SourceError(
                "one module name stands for different code",
                [f"{name}: {' and '.join(map(str, files))} differ"],
                hint="give only one of the source roots, or rename one of the modules",
            )
        if regular:
            return regular[0]
        if not found:
            return None
        return Place(file=None, search=tuple(path for place in found for path in place.search), is_namespace=True)

    def _judge(self, name: str, found: Place, *, explicit: bool) -> Located:
        file = found.file
        if file is None:
            return self._judge_namespace(name, found)
        is_package = bool(found.search)
        if not file.is_file() and (text := text_in_archive(file)) is not None:
            detail = "a source file of the author's, in an archive"
            return Located(
                name=name,
                verdict=ModuleVerdict.SOURCE,
                is_package=is_package,
                search=found.search,
                detail=detail,
                text=text,
            )
        if not file.is_file():
            return _verdict(name, ModuleVerdict.UNPACKABLE, f"it comes from {file}, which is not a file of its own")
        if not explicit and not is_site(file) and is_stdlib(file):
            return _verdict(name, ModuleVerdict.STDLIB, "part of Python")
        owner = self.distributions.owner(file)
        included = self._is_included(name, owner)
        if not included and owner is not None:
            return Located(
                name=name,
                verdict=ModuleVerdict.REQUIREMENT,
                file=file,
                is_package=is_package,
                distribution=owner,
                search=found.search,
                detail=f"part of {owner}",
            )
        detail = f"included from {owner}" if owner else "a source file of the author's"
        plain = _plain_source(file)
        if plain is None:
            kind = "bytecode without source" if file.suffix in _BYTECODE else "a compiled extension module"
            whose = f"of {owner}, which is to be included" if owner else "that no installed distribution claims"
            return _verdict(name, ModuleVerdict.UNPACKABLE, f"{file.name} is {kind} {whose}", file=file)
        return Located(
            name=name,
            verdict=ModuleVerdict.SOURCE,
            file=plain,
            is_package=is_package,
            distribution=owner,
            search=found.search,
            detail=detail,
        )

    def _judge_namespace(self, name: str, found: Place) -> Located:
        installed = bool(found.search) and all(is_site(entry) for entry in found.search)
        included = self._is_included(name, None)
        return Located(
            name=name,
            verdict=ModuleVerdict.REQUIREMENT if installed and not included else ModuleVerdict.SOURCE,
            is_package=True,
            is_namespace=True,
            search=found.search,
            detail="a namespace package",
        )

    def _absent(self, name: str, parent: Located | None) -> Located:
        if parent is not None and parent.verdict is ModuleVerdict.MISSING:
            return _verdict(name, ModuleVerdict.MISSING, parent.detail)
        if self.loaded and isinstance(sys.modules.get(name), types.ModuleType):
            return _verdict(name, ModuleVerdict.UNPACKABLE, "it was made in memory and has no file")
        if parent is not None and parent.verdict is ModuleVerdict.SOURCE and not parent.is_package:
            return _verdict(name, ModuleVerdict.MISSING, f"{parent.name!r} is a module, not a package")
        return _verdict(name, ModuleVerdict.MISSING, f"no module named {name!r}")

    def _is_included(self, name: str, owner: str | None) -> bool:
        if owner is not None and owner in self._include:
            return True
        parts = name.split(".")
        return any(".".join(parts[:count]) in self._include for count in range(1, len(parts) + 1))

    def _check_include(self, entry: str) -> None:
        top = entry.partition(".")[0]
        canonical = canonicalize_name(entry)
        known = self.distributions.all
        if top in STACK or canonical in {self.distributions.providing(root) for root in STACK}:
            raise PackError(f"{entry} is part of the framework", hint="leave it out of include: it is a requirement")
        if canonical in known or entry in self.distributions.import_names:
            return
        located = self.locate(entry)
        if "." in entry and located.verdict is ModuleVerdict.REQUIREMENT:
            parent = self.locate(entry.rpartition(".")[0])
            if _is_installed_package(parent):
                raise PackError(
                    f"{entry} is inside the package {top} and cannot be packed without it",
                    hint=f"include {top!r} as a whole",
                )
            return
        if located.verdict in (ModuleVerdict.SOURCE, ModuleVerdict.UNPACKABLE):
            return
        near = difflib.get_close_matches(entry, sorted({*known, *self.distributions.import_names}), n=3)
        raise PackError(
            f"include names {entry!r}, but no installed distribution or module has that name",
            hint=f"did you mean {', '.join(near)}?" if near else "install it, or take the entry out",
        )


def _verdict(
    name: str, verdict: ModuleVerdict, detail: str, *, distribution: str | None = None, file: Path | None = None
) -> Located:
    package = verdict is ModuleVerdict.REQUIREMENT
    return Located(name=name, verdict=verdict, detail=detail, distribution=distribution, file=file, is_package=package)


def _is_installed_package(parent: Located) -> bool:
    return parent.verdict is ModuleVerdict.REQUIREMENT and not parent.is_namespace


def _is_outside(found: Place | None, parent: Located) -> bool:
    """The process has a file under the name that does not lie in the folders of the parent package."""
    if found is None or found.file is None or not parent.search:
        return False
    return not any(found.file.is_relative_to(entry) for entry in parent.search)


def _plain_source(file: Path) -> Path | None:
    """The text of a module: the file, or the ``.py`` that lies next to its compiled form."""
    if not file.name.endswith((*_BYTECODE, *_EXTENSIONS)):
        return file
    text = file.with_name(f"{file.name.partition('.')[0]}.py")
    return text if text.is_file() and file.suffix not in _BYTECODE else None
