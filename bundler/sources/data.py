"""The data files that a module reads, found by the names that its code spells out.

Which file a running program opens cannot be known without running it. So a file travels when a module that asks
where it lies on disk also names the file, a folder on the way to it, or a pattern that fits. A wrong guess costs
bytes; a missed file shows when the bundle is proved.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from bundler.errors import PackError, SourceError
from bundler.limits import LIMITS
from bundler.sources.locate import Located, Locator, ModuleVerdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bundler.formats.python.import_statements import Imports, Literal

_CODE = (".py", ".pyw", ".pyi", ".pyc", ".pyo")
_MACHINE_CODE = re.compile(r"\.(so(\.[0-9]+)*|dylib|dll|pyd)$")
#: Folders on the way to a file that a module names part by part.
_DEEPEST = 4
_TELLING = re.compile(r"\.[A-Za-z0-9]|[A-Za-z0-9].*[A-Za-z0-9].*[A-Za-z0-9]")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Base:
    """A folder that the module may read from, and its place below the source root.

    `deep`: all that is below it belongs to the module's package. `exact`: only files that the module names count.
    """

    folder: Path
    place: str
    deep: bool
    exact: bool = False


class DataFinder:
    """Finds the data of many modules, lists each folder once and counts each file once.

    Files whose path below the source root fits a pattern of `skip` do not travel.
    """

    def __init__(self, locator: Locator, skip: Sequence[str] = ()) -> None:
        self._locator = locator
        self._skip = tuple(skip)
        self._sizes: dict[str, int] = {}
        self._listings: dict[Path, tuple[str, ...]] = {}

    def find(self, located: Located, imports: Imports) -> tuple[tuple[Path, str, str], ...]:
        """Return the data files that one module reads: file, POSIX path below the source root, reason; by path.

        Whether the module asks where it lies on disk at all is the caller's to find out.

        Raises:
            PackError: a file is over the limit.
            SourceError: a shared library is read.
        """
        named = _Named(imports.literals, located)
        found: dict[str, tuple[Path, str, str]] = {}
        machine_code: list[str] = []
        for base in self._bases(located, imports):
            for relative in self._candidates(base, named):
                match = named.match(relative)
                place = f"{base.place}/{relative}" if base.place else relative
                if match is None or place in found or self.skips(place):
                    continue
                literal, is_exact = match
                file = base.folder / relative
                if base.exact and (not is_exact or file.stat().st_size > LIMITS.data_file):
                    continue
                reason = f"{literal.text!r} in {located.name}, line {literal.line}"
                if _MACHINE_CODE.search(relative):
                    if is_exact:
                        machine_code.append(f"{located.name}, line {literal.line}: reads the shared library {file}")
                    continue
                self._check_size(file, place, reason)
                found[place] = (file, place, reason)
        if machine_code:
            raise SourceError(
                "a bundle carries no machine code",
                machine_code,
                hint="put the library into an installed distribution; if loading works without it: skip_data=[path]",
            )
        return tuple(found[place] for place in sorted(found))

    def skips(self, place: str) -> bool:
        """The author does not want the file to travel."""
        return any(fnmatchcase(place, pattern) for pattern in self._skip)

    def _check_size(self, file: Path, place: str, reason: str) -> None:
        size = self._sizes[place] = file.stat().st_size
        total = sum(self._sizes.values())
        for found, limit, what in (
            (size, LIMITS.data_file, "the data file is too large"),
            (total, LIMITS.data_total, "with this file, the data that the code names is too large"),
        ):
            if found > limit:
                raise PackError(
                    f"{what}; it would travel because of {reason}",
                    place=str(file),
                    expected=f"at most {limit} bytes",
                    found=found,
                    hint=f"leave it out: skip_data=[{place!r}] (--skip-data); or move the code that names it",
                )

    def _bases(self, located: Located, imports: Imports) -> list[_Base]:
        bases: list[_Base] = []
        if located.file is not None:
            package = located.name if located.is_package else located.name.rpartition(".")[0]
            top, parent = package, self._package(package)
            while parent is not None:
                top = package
                package = package.rpartition(".")[0]
                parent = self._package(package)
            own = located.name if located.is_package else located.name.rpartition(".")[0]
            deep = located.is_package or self._package(own) is not None
            bases.append(_Base(folder=located.file.parent, place=own.replace(".", "/"), deep=deep))
            if top != own and (root := self._package(top)) is not None and root.file is not None:
                bases.append(_Base(folder=root.file.parent, place=top.replace(".", "/"), deep=True))
            depth = own.count(".") + 1
            if own and located.distribution is None and depth < len(located.file.parents):
                # What lies beside the package: Path(__file__).parents[1] / "configs" / "base.json".
                bases.append(_Base(folder=located.file.parents[depth], place="", deep=False, exact=True))
        for name in imports.resources:
            package_named = self._locator.locate(name)
            if package_named.verdict is not ModuleVerdict.SOURCE or package_named.text is not None:
                continue
            bases += [_Base(folder=folder, place=name.replace(".", "/"), deep=True) for folder in package_named.search]
        return bases

    def _package(self, name: str) -> Located | None:
        located = self._locator.locate(name) if name else None
        if located is None or located.verdict is not ModuleVerdict.SOURCE or located.file is None:
            return None
        return located if located.is_package else None

    def _candidates(self, base: _Base, named: _Named) -> Iterator[str]:
        if base.deep:
            yield from self._listing(base.folder)
            return
        if base.exact:
            yield from _spelled(base.folder, named.plain)
            return
        # The folder of a lone module may be a whole home directory: look at what is named, walk nothing else.
        with os.scandir(base.folder) as entries:
            yield from sorted(entry.name for entry in entries if _is_candidate(Path(entry.path), base.folder))
        for text in sorted(named.plain):
            path = base.folder / text
            if path.is_dir() and not path.is_symlink():
                yield from (f"{text}/{relative}" for relative in self._listing(path))
            elif "/" in text and _is_candidate(path, base.folder):
                yield text

    def _listing(self, folder: Path) -> tuple[str, ...]:
        if folder not in self._listings:
            self._listings[folder] = tuple(sorted(_walk(folder)))
        return self._listings[folder]


class _Named:
    """The names that a module spells out, ready to be compared with paths."""

    def __init__(self, literals: tuple[Literal, ...], located: Located) -> None:
        self.plain: dict[str, Literal] = {}
        self._patterns: list[tuple[int, re.Pattern[str], Literal]] = []
        for literal in literals:
            parts = literal.text.replace("\\", "/").split("/")
            computed = literal.glob or "*" in literal.text
            while parts and (parts[0] in ("", ".", "..") or (computed and parts[0] == "*")):
                parts.pop(0)
            while parts and parts[-1] == "":
                parts.pop()
            if not parts or any(part in ("", ".", "..") for part in parts):
                continue
            text = "/".join(parts)
            if "*" in text:
                if _TELLING.search(parts[-1]):
                    pattern = "[^/]*".join(re.escape(piece) for piece in text.split("*"))
                    self._patterns.append((len(parts), re.compile(pattern), literal))
                continue
            self.plain.setdefault(text, literal)
            if text.startswith(".") and located.file is not None:
                # Path(__file__).with_suffix(".json")
                self.plain.setdefault(f"{located.file.stem}{text}", literal)

    def match(self, relative: str) -> tuple[Literal, bool] | None:
        """The string that names the file, and whether it names this very file rather than a folder or pattern."""
        parts = relative.split("/")
        for start in range(len(parts)):
            if (literal := self.plain.get("/".join(parts[start:]))) is not None:
                return literal, True
        for end in range(len(parts) - 1, 0, -1):
            for start in range(end):
                if (literal := self.plain.get("/".join(parts[start:end]))) is not None:
                    return literal, False
        for count, pattern, literal in self._patterns:
            for end in range(len(parts), count - 1, -1):
                if pattern.fullmatch("/".join(parts[end - count : end])):
                    return literal, False
        return None


def _spelled(folder: Path, names: Iterable[str]) -> Iterator[str]:
    """Yield the files below `folder` that `names` spell out, one folder a name."""
    before = [""]
    for _ in range(_DEEPEST):
        paths = [f"{start}{name}" for start in before for name in sorted(names)]
        yield from (path for path in paths if _is_candidate(folder / path, folder))
        before = [f"{path}/" for path in paths if (folder / path).is_dir() and not (folder / path).is_symlink()]


def _walk(folder: Path) -> Iterator[str]:
    for current, folders, files in os.walk(folder):
        here = Path(current)
        folders[:] = sorted(name for name in folders if not _is_skipped(here / name))
        for name in files:
            if _is_candidate(here / name, folder):
                yield (here / name).relative_to(folder).as_posix()


def _is_skipped(folder: Path) -> bool:
    # An environment inside the project is not part of it.
    return folder.name.startswith(".") or folder.name == "__pycache__" or (folder / "pyvenv.cfg").exists()


def _is_candidate(file: Path, folder: Path) -> bool:
    if file.name.startswith(".") or file.suffix in _CODE or not file.is_file():
        return False
    # A link that leads out of the folder would carry a file that nobody sees there.
    return not file.is_symlink() or file.resolve().is_relative_to(folder.resolve())
