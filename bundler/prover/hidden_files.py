"""Keeps TensorFlow's own ways to read a file from files that are hidden; for the interpreter that proves bundles.

TensorFlow opens files in compiled code, where no audit hook sees them. What Python code calls for that is public, and
is replaced here for the whole process; never call this in anybody else's.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Callable, Iterable
from typing import Any

#: Classes by what they read a file for; their first argument is one path or several.
_CLASSES = ("io.gfile.GFile", "lookup.TextFileInitializer", "data.TextLineDataset", "data.TFRecordDataset")
_READERS = ("io.read_file", "io.gfile.listdir", "io.gfile.copy")
_QUESTIONS = ("io.gfile.exists", "io.gfile.isdir")


def hide_from_tensorflow(is_hidden: Callable[[str], bool]) -> None:
    """Make TensorFlow answer as if the files of which `is_hidden` is true were not there."""
    tensorflow = importlib.import_module("tensorflow")

    def refuse(*arguments: Any, **named: Any) -> None:
        for path in _paths(arguments, named):
            if is_hidden(path):
                raise tensorflow.errors.NotFoundError(None, None, f"{path}: this file did not travel with the bundle")

    for name in _CLASSES:
        found = _find(tensorflow, name)
        if found is not None:
            kind = getattr(*found)
            kind.__init__ = _guarded(kind.__init__, refuse, skip=1)
    for name in _READERS:
        found = _find(tensorflow, name)
        if found is not None:
            setattr(*found, _guarded(getattr(*found), refuse))
    for name in _QUESTIONS:
        found = _find(tensorflow, name)
        if found is not None:
            setattr(*found, _denied(getattr(*found), is_hidden))


def _find(tensorflow: Any, name: str) -> tuple[Any, str] | None:
    """Return the module and the attribute of it that `name` means, or `None` where this TensorFlow has none."""
    *parts, last = name.split(".")
    module = functools.reduce(lambda owner, part: getattr(owner, part, None), parts, tensorflow)
    return (module, last) if hasattr(module, last) else None


def _guarded(function: Any, refuse: Callable[..., None], skip: int = 0) -> Any:
    @functools.wraps(function)
    def guarded(*arguments: Any, **named: Any) -> Any:
        refuse(*arguments[skip:], **named)
        return function(*arguments, **named)

    return guarded


def _denied(function: Any, is_hidden: Callable[[str], bool]) -> Any:
    @functools.wraps(function)
    def denied(*arguments: Any, **named: Any) -> Any:
        return not any(is_hidden(path) for path in _paths(arguments, named)) and function(*arguments, **named)

    return denied


def _paths(arguments: tuple[Any, ...], named: dict[str, Any]) -> Iterable[str]:
    """Return the paths in the first argument of a call; a tensor of a graph has none to tell yet."""
    first = arguments[0] if arguments else next(iter(named.values()), None)
    values = first if isinstance(first, list | tuple) else [first]
    for value in values:
        read = getattr(value, "numpy", None)
        plain = value if read is None else read()
        if isinstance(plain, str | bytes | os.PathLike):
            yield os.fsdecode(plain)
