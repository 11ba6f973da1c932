"""h5py: files that HDF5 opens by a name, and data that it fetches from other files.

A file in memory is none: a Python file object (``io.BytesIO``), or the core driver without a file behind it. But an
object in such a file can lie elsewhere: a dataset in external files, a virtual dataset, an external link. So opening
and making objects looks at that too; the ways to them are in `h5py.h5o`, `h5d`, `h5g` and `h5r`.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

from bundler.keras_io.native.native_calls import Replacements, Tell, announced, dress, exact
from bundler.keras_io.native.native_entries import HDF5_ENTRIES

#: HDF5 follows so many soft links and then gives up.
_LINKS = 16
#: Functions that take a place and names below it; what they make or open may be elsewhere.
_BY_NAME = {
    "h5py.h5d": ("open",),
    "h5py.h5g": ("open", "create", "get_objinfo", "iterate", "_path_valid"),
    "h5py.h5o": ("open", "copy", "link", "get_info", "exists_by_name", "get_comment", "set_comment", "visit"),
    "h5py.h5r": ("create", "dereference", "get_region"),
    # Names of attributes are not paths, but a name of an object may be given.
    "h5py.h5a": ("open", "create", "exists", "rename", "delete", "get_info", "iterate", "get_num_attrs"),
}
#: Methods of `h5py.Group` that hand a name to methods of Cython types, which nothing can replace.
_OF_GROUPS = ("__contains__", "__delitem__", "__setitem__", "move")


def watch_hdf5(tell: Tell, replacements: Replacements) -> None:
    """Replace what opens files in h5py, and what reaches objects that may lie in other files."""
    replacements.entries(tell, HDF5_ENTRIES)
    files, drivers = replacements.module("h5py.h5f"), replacements.module("h5py.h5fd")
    if files is not None and drivers is not None:
        replacements.add(files, "open", functools.partial(_opening, tell, files, drivers, create=False))
        replacements.add(files, "create", functools.partial(_opening, tell, files, drivers, create=True))
        replacements.add(
            files,
            "is_hdf5",
            announced(lambda name: tell("filesystem", f"h5py looks at {exact(name)!r}", exact(name), "r")),
        )
    datasets, groups = replacements.module("h5py.h5d"), replacements.module("h5py._hl.group")
    if datasets is None or groups is None:
        return
    look = _Elsewhere(tell)
    replacements.add(datasets, "create", look.making)
    for module_name, names in _BY_NAME.items():
        module = replacements.module(module_name)
        for name in names if module is not None else ():
            assert module is not None  # noqa: S101 - the loop has no turns otherwise
            make = announced(look.by_object_name) if module_name == "h5py.h5a" else look.by_name
            replacements.add(module, name, make)
    for name in _OF_GROUPS:
        if hasattr(groups.Group, name):
            setattr(groups.Group, name, announced(look.of_group)(getattr(groups.Group, name)))
        else:
            replacements.missing.append(f"h5py.Group.{name}")
    look.links_made(groups.ExternalLink)


def _opening(
    tell: Tell, h5f: ModuleType, h5fd: ModuleType, original: Callable[..., Any], *, create: bool
) -> Callable[..., Any]:
    writing, truncate = h5f.ACC_RDWR, h5f.ACC_TRUNC
    plain, core, of_python = h5fd.SEC2, h5fd.CORE, h5fd.fileobj_driver
    remote = getattr(h5fd, "ROS3D", None)

    def look(name: Any, fapl: Any, *, writes: bool) -> None:
        driver = plain if fapl is None else fapl.get_driver()
        path = exact(name)
        if driver == of_python:
            return
        if driver == core and not fapl.get_fapl_core()[1]:
            # Nothing is written. What is not on the disk is an image in memory.
            if create or (path is not None and not os.path.lexists(path)):
                return
            writes = False
        capability = "network" if remote is not None and driver == remote else "filesystem"
        # The other drivers open files of other names too.
        known = path if driver in (plain, core) else None
        what = f"h5py opens {path!r}" + (" for writing" if writes else "")
        tell(capability, what, known, "w" if writes or known is None else "r")

    def opened(name: Any, flags: Any = writing, fapl: Any = None) -> Any:
        look(name, fapl, writes=bool(flags & writing))
        return original(name, flags, fapl)

    def created(name: Any, flags: Any = truncate, fcpl: Any = None, fapl: Any = None) -> Any:
        look(name, fapl, writes=True)
        return original(name, flags, fcpl, fapl)

    return dress(created if create else opened, original)


class _Elsewhere:
    """Raises the events of datasets whose data, and of links whose targets, are in other files."""

    def __init__(self, tell: Tell) -> None:
        load = importlib.import_module
        self._tell = tell
        h5d, h5g, h5i, h5l, h5o = (load(f"h5py.{name}") for name in ("h5d", "h5g", "h5i", "h5l", "h5o"))
        self._dataset, self._group, self._object = h5d.DatasetID, h5g.GroupID, load("h5py._objects").ObjectID
        self._file_of, self._virtual = h5i.get_file_id, h5d.VIRTUAL
        self._external, self._soft = h5l.TYPE_EXTERNAL, h5l.TYPE_SOFT
        self._copying, self._expand = load("h5py.h5p").PropCopyID, h5o.COPY_EXPAND_EXT_LINK_FLAG

    def making(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap what makes a dataset."""

        def call(loc: Any, name: Any, tid: Any, space: Any, dcpl: Any = None, *rest: Any, **given: Any) -> Any:
            if dcpl is not None:
                self._look_at_settings(dcpl)
            self._look_at_path(loc, name)
            return original(loc, name, tid, space, dcpl, *rest, **given)

        return dress(call, original)

    def by_name(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap what takes places and names in them, in any order and number."""

        def call(*arguments: Any, **given: Any) -> Any:
            self._look_at(arguments, given)
            made = original(*arguments, **given)
            if isinstance(made, self._dataset):
                self._look_at_settings(made.get_create_plist())
            return made

        return dress(call, original)

    def by_object_name(self, *arguments: Any, **given: Any) -> None:
        """Look at what takes a place, and the name of an object in it as `obj_name`."""
        if "obj_name" in given:
            self._look_at(arguments[:1] or tuple(given.values())[:1], {"obj_name": given["obj_name"]})

    def of_group(self, group: Any, *arguments: Any, **given: Any) -> None:
        """Look at what a method of `h5py.Group` was given."""
        self._look_at((group.id, *arguments), given)

    def links_made(self, link: Any) -> None:
        """Let making an external link raise the event."""
        original, tell = link.__init__, self._tell

        def made(self: Any, filename: Any, path: Any) -> None:
            tell("filesystem", f"h5py makes a link to {filename!r}", None, "w")
            original(self, filename, path)

        link.__init__ = dress(made, original)

    def _look_at(self, arguments: tuple[Any, ...], given: dict[str, Any]) -> None:
        place = None
        for value in (*arguments, *given.values()):
            if isinstance(value, self._copying):
                if value.get_copy_object() & self._expand:
                    self._tell("filesystem", "h5py copies what external links lead to", None, "w")
            elif isinstance(value, self._object):
                place = value
            elif place is not None and isinstance(value, str | bytes):
                self._look_at_path(place, value)

    def _look_at_settings(self, settings: Any) -> None:
        for number in range(settings.get_external_count()):
            self._tell("filesystem", f"h5py uses data in {exact(settings.get_external(number)[0])!r}", None, "w")
        if settings.get_layout() == self._virtual:
            for number in range(settings.get_virtual_count()):
                name = exact(settings.get_virtual_filename(number))
                if name != ".":  # The same file.
                    self._tell("filesystem", f"h5py uses data in {name!r}", None, "w")

    def _look_at_path(self, place: Any, name: Any) -> None:
        """Raise the events of the external links on a path; soft links are followed."""
        text = exact(name)
        if text is None:
            return
        inside = isinstance(place, self._group) and not text.startswith("/")
        links = (place if inside else self._file_of(place)).links
        parts = _parts(text)
        at, followed = "", 0
        while parts:
            at = f"{at}/{parts.pop(0)}".lstrip("/")
            where = at.encode("utf-8", "surrogateescape")
            if not links.exists(where):
                return
            kind = links.get_info(where).type
            if kind == self._external:
                shown = exact(links.get_val(where)[0])
                self._tell("filesystem", f"h5py follows a link to {shown!r}", None, "w")
                return
            if kind == self._soft:
                followed += 1
                if followed > _LINKS:
                    return
                target = exact(links.get_val(where)) or ""
                parts = _parts(target) + parts
                at = at.rpartition("/")[0]
                if target.startswith("/"):
                    at, links = "", self._file_of(place).links


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]
