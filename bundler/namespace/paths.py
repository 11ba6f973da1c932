"""`pathlib.Path` as a bundle has it: a pure path, with the methods that touch files added one by one.

A path is a value that code hands around, and so are its methods: one that somebody else calls must still be the
bundle's. What an event tells of comes tagged; what looks at a file without one asks like ``os.path.exists``.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from bundler.namespace.folders import PATH_KINDS
from bundler.namespace.guard import Guard

if TYPE_CHECKING:
    from bundler.namespace.reach import Reach

#: Methods whose effects the hook sees.
_ACTS = (
    "open read_text read_bytes write_text write_bytes mkdir rmdir unlink rename replace touch chmod lchmod symlink_to"
    " hardlink_to iterdir glob rglob walk"
).split()
#: Methods that ask the system about a file, and raise no event.
_LOOKS = (
    "stat lstat exists is_file is_dir is_symlink is_mount is_socket is_fifo is_block_device is_char_device is_junction"
    " owner group readlink resolve samefile"
).split()


def path_class(
    reach: Reach,
    looked_at: Callable[[Guard, object], None],
    followed: Callable[[Guard, object, object], None],
) -> type[pathlib.PurePath]:
    """Return the class that one bundle finds as `pathlib.Path`."""
    guard = reach.guard

    class PathKind(type):
        def __instancecheck__(cls, instance: Any) -> bool:
            return type.__instancecheck__(cls, instance) or (cls is path and isinstance(instance, pathlib.Path))

        def __subclasscheck__(cls, subclass: Any) -> bool:
            return type.__subclasscheck__(cls, subclass) or (cls is path and issubclass(subclass, pathlib.Path))

    class Path(type(pathlib.PurePath()), metaclass=PathKind):  # type: ignore[misc]
        __slots__ = ()

        def absolute(self) -> Any:
            if not self.is_absolute():
                guard.require("environment", "reads the working folder")
            return path(os.path.join(os.getcwd(), text(self)))

        def expanduser(self) -> Any:
            # What ``~`` stands for is the user's.
            return self

        @classmethod
        def home(cls) -> Any:
            guard.require("environment", "reads where the user's folder is")
            return path(os.path.expanduser("~"))

        @classmethod
        def cwd(cls) -> Any:
            guard.require("environment", "reads the working folder")
            return path(os.getcwd())

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: Any) -> None:
            """As `pathlib.Path` has it, for ``with``."""

        def __reduce__(self) -> Any:
            return pathlib.Path, (text(self),)

        def __copy__(self) -> Any:
            return self

        def __deepcopy__(self, memo: Any) -> Any:
            return self

    def text(own: Any) -> str:
        # The class may be one that the bundle derived, with answers of its own.
        return pathlib.PurePath.__str__(own)

    def own(result: Any) -> Any:
        if isinstance(result, pathlib.Path):
            return path(os.fspath(result))
        # A generator: its tag runs it with the bundle's frame.
        return (own(item) for item in result) if isinstance(result, Iterator) else result

    def acting(name: str) -> Callable[..., Any]:
        def act(self: Any, *args: Any, **kwargs: Any) -> Any:
            return own(getattr(pathlib.Path(text(self)), name)(*args, **kwargs))

        act.__name__ = act.__qualname__ = name
        return act

    def looking(name: str) -> Callable[..., Any]:
        def look(self: Any, *args: Any, **kwargs: Any) -> Any:
            looked_at(guard, text(self))
            for other in (*args, *kwargs.values()):
                if isinstance(other, str | bytes | os.PathLike):
                    looked_at(guard, other)
            found = getattr(pathlib.Path(text(self)), name)(*args, **kwargs)
            if name == "resolve":
                followed(guard, text(self), found)
            return own(found)

        look.__name__ = look.__qualname__ = name
        return look

    for name in _ACTS:
        if hasattr(pathlib.Path, name):
            setattr(Path, name, reach.tagged(acting(name)))
    for name in _LOOKS:
        if hasattr(pathlib.Path, name):
            setattr(Path, name, looking(name))
    Path.__module__, Path.__qualname__ = "pathlib", "Path"
    PATH_KINDS.add(Path)
    path = Path
    return path
