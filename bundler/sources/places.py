"""Where one step of a module search leads, without importing anything.

`importlib.machinery.PathFinder` cannot be asked for a namespace package whose parent is not imported: it looks the
parent up in `sys.modules`. So the folders of a path are asked one by one, as it would do itself.
"""

from __future__ import annotations

import importlib.machinery
import pkgutil
import sys
import zipimport
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from importlib.machinery import ModuleSpec


#: What the running script is called: in its own process, and in one that `multiprocessing` has spawned.
SCRIPTS = frozenset({"__main__", "__mp_main__"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """What a search found: a file, or the folders of a namespace package. `search` is empty for plain modules."""

    file: Path | None
    search: tuple[Path, ...]
    is_namespace: bool


def find(name: str, search: Sequence[Path] | None) -> Place | None:
    """Ask the finders of this process for a module: a top-level one, or one in the folders `search`."""
    if search is not None and not search:
        return None
    path = None if search is None else [str(entry) for entry in search]
    for finder in list(sys.meta_path):
        if finder is importlib.machinery.PathFinder:
            if (place := find_in_folders(name, sys.path if path is None else path)) is not None:
                return place
            continue
        find_spec = getattr(finder, "find_spec", None)
        if find_spec is None:
            continue
        try:
            spec = find_spec(name, path)
        except Exception:  # noqa: BLE001, S112 - finders are other people's code, and the next one may know
            continue
        if spec is not None:
            return place_of(spec)
    return None


def find_in_folders(name: str, entries: Iterable[str]) -> Place | None:
    """Look for a module in the entries of a path; the first one with a file wins over all namespace portions."""
    portions: list[Path] = []
    for entry in entries:
        importer = pkgutil.get_importer(entry or ".")
        find_spec = getattr(importer, "find_spec", None)
        spec = find_spec(name) if find_spec is not None else None
        if spec is None:
            continue
        if spec.loader is not None:
            return place_of(spec)
        portions += [Path(portion).absolute() for portion in spec.submodule_search_locations or ()]
    return Place(file=None, search=tuple(portions), is_namespace=True) if portions else None


def place_of(spec: ModuleSpec) -> Place | None:
    """What a spec says; `None` for modules that are built in or made in memory."""
    search = tuple(Path(entry).absolute() for entry in spec.submodule_search_locations or ())
    if spec.has_location and isinstance(spec.origin, str):
        return Place(file=Path(spec.origin).absolute(), search=search, is_namespace=False)
    if search and spec.origin in (None, "namespace"):
        return Place(file=None, search=search, is_namespace=True)
    return None


def loaded_as(name: str) -> Place | None:
    """What this process has imported under the name, if that is a file or a namespace package.

    Modules that load on first use are left asleep: their attributes are read past their own `__getattribute__`.
    """
    try:
        namespace = object.__getattribute__(sys.modules.get(name), "__dict__")
    except (AttributeError, TypeError):
        return None
    spec = namespace.get("__spec__")
    search = namespace.get("__path__")
    paths = tuple(Path(entry) for entry in search if isinstance(entry, str)) if _is_path_list(search) else ()
    if isinstance(spec, importlib.machinery.ModuleSpec) and (place := place_of(spec)) is not None:
        return Place(file=place.file, search=paths or place.search, is_namespace=place.is_namespace)
    file = namespace.get("__file__")
    if isinstance(file, str) and Path(file).is_file():
        return Place(file=Path(file).absolute(), search=paths, is_namespace=False)
    return None


def text_in_archive(file: Path) -> bytes | None:
    """Return the text of a module inside a zip file, such as a zipapp; `None` where `file` is in none."""
    archive = next((above for above in file.parents if above.is_file()), None)
    if archive is None or file.suffix != ".py":
        return None
    try:
        return zipimport.zipimporter(str(archive)).get_data(str(file))
    except (OSError, zipimport.ZipImportError):
        return None


def modules_below(name: str, folders: Iterable[Path]) -> Iterator[str]:
    """The names of all modules in the folders of the package `name`, by their files alone."""
    for folder in folders:
        try:
            entries = sorted(folder.iterdir())
        except OSError:
            continue
        for entry in entries:
            if entry.suffix == ".py" and entry.stem.isidentifier() and entry.stem not in ("__init__", "__main__"):
                yield f"{name}.{entry.stem}"
            elif entry.name.isidentifier() and (entry / "__init__.py").is_file():
                yield f"{name}.{entry.name}"
                yield from modules_below(f"{name}.{entry.name}", [entry])


def _is_path_list(search: object) -> bool:
    return search is not None and not isinstance(search, str | bytes) and hasattr(type(search), "__iter__")
