"""`pathlib.Path` as a bundle has it: a path whose methods that touch files come tagged.

A path is a value that code hands around, and so are its methods: one that somebody else calls must still be the
bundle's. What looks at a file without an event of the interpreter (`stat`, `exists`) asks like ``os.path.exists``.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bundler.namespace.folders import plain_path
from bundler.namespace.guard import Guard

if TYPE_CHECKING:
    from bundler.namespace.reach import Reach

#: Methods whose effects the hook sees.
_ACTS = (
    "open read_text read_bytes write_text write_bytes mkdir rmdir unlink rename replace touch"
    " chmod lchmod symlink_to hardlink_to link_to iterdir glob rglob walk copy copy_into move"
    " move_into"
).split()
#: Methods that ask the system about a file, and raise no event.
_LOOKS = (
    "stat lstat exists is_file is_dir is_symlink is_mount is_socket is_fifo is_block_device"
    " is_char_device is_junction owner group readlink resolve samefile info"
).split()


def path_class(reach: Reach, looked_at: Callable[[Guard, object], None]) -> type[pathlib.Path]:
    """Return the class that one bundle finds as `pathlib.Path`."""
    guard = reach.guard
    real = type(pathlib.Path())

    class PathKind(type):
        def __instancecheck__(cls, instance: Any) -> bool:
            return type.__instancecheck__(cls, instance) or (cls is path and isinstance(instance, pathlib.Path))

        def __subclasscheck__(cls, subclass: Any) -> bool:
            return type.__subclasscheck__(cls, subclass) or (cls is path and issubclass(subclass, pathlib.Path))

    class Path(real, metaclass=PathKind):  # type: ignore[misc, valid-type]
        __slots__ = ()

        def absolute(self) -> Any:
            if not self.is_absolute():
                guard.require("environment", "reads the working folder")
            return super().absolute()

        def expanduser(self) -> Any:
            # What ``~`` stands for is the user's.
            return self

        @classmethod
        def home(cls) -> Any:
            guard.require("environment", "reads where the user's folder is")
            return cls(os.path.expanduser("~"))

        @classmethod
        def cwd(cls) -> Any:
            guard.require("environment", "reads the working folder")
            return cls(os.getcwd())

        def __reduce__(self) -> Any:
            return pathlib.Path, (str(self),)

        def __copy__(self) -> Any:
            return self

        def __deepcopy__(self, memo: Any) -> Any:
            return self

    for name in _ACTS:
        method = getattr(real, name, None)
        if method is not None:
            setattr(Path, name, reach.tagged(method))
    for name in _LOOKS:
        method = getattr(real, name, None)
        if callable(method):
            setattr(Path, name, _looking(guard, method, looked_at))
    Path.__module__, Path.__qualname__ = "pathlib", "Path"
    path = Path
    return path


def _looking(
    guard: Guard, method: Callable[..., Any], looked_at: Callable[[Guard, object], None]
) -> Callable[..., Any]:
    def looking(self: Any, *args: Any, **kwargs: Any) -> Any:
        # As text: the class of a bundle's path may be one that it derived, with answers of its own.
        looked_at(guard, pathlib.PurePath.__str__(self))
        for other in args:
            if plain_path(other) is not None or isinstance(other, os.PathLike):
                looked_at(guard, other)
        return method(self, *args, **kwargs)

    looking.__name__ = looking.__qualname__ = getattr(method, "__name__", "")
    return looking
