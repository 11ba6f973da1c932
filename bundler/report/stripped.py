"""Text and configs without what is only the author's: for reports that are sent to strangers.

A message keeps its words, names, shapes and line numbers. It loses paths, addresses, the user's name, lines of source,
quoted texts that are not names, and whatever stands in brackets, since Keras quotes whole configs in its messages.
"""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_CUT = "..."
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_ADDRESS = re.compile(r"\b[A-Za-z][\w+.-]*://\S+|[\w.+-]+@[\w-]+\.[\w.-]+")
# A JSON pointer into a config is not a path.
_PATH = re.compile(
    r"(?<![\w.~/\\])(?:~|[A-Za-z]:)?[/\\](?!(?:config|build_config|compile_config|model|training)\b)"
    r"(?:[^\s'\"`:,;()<>|\[\]{}/\\]+[/\\]+)*([^\s'\"`:,;()<>|\[\]{}/\\]+)"
)
_QUOTED = re.compile(r"(?<!\w)(['\"`])((?:(?!\1)[^\\\n]|\\.)*)\1(?!\w)")
_NAME = re.compile(r"[\w.>:-]{1,100}")
_SHAPE = re.compile(r"[\[({](?:None|\d{1,7}|[\s,()\[\]*-]){0,80}[\])}]|\[Errno \d+\]")
# The lines of source below it are indented deeper.
_FRAME = re.compile(r'^(\s*)File "(.*)", line \d+')
_SHORTEST_USER = 3

#: Keys of Keras's own in a config, beside the arguments of constructors.
_KEYS = (
    *("module", "class_name", "registered_name", "config", "build_config", "compile_config", "inbound_nodes"),
    *("args", "kwargs", "shape", "dtype", "input_shape", "keras_history"),
)
_NAMED = ("module", "class_name", "registered_name")
_ARGUMENTS = ("config", "build_config", "compile_config", "model", "training")
_DTYPE = re.compile(r"(?:mixed_)?(?:bfloat16|float(?:8\w*|16|32|64)|u?int(?:8|16|32|64)|bool|string|complex(?:64|128))")


def stripped(text: str) -> str:
    """Return `text` without paths, addresses, the user's name, source, quoted texts and what brackets hold."""
    lines: list[str] = []
    below: int | None = None
    for line in _COLOUR.sub("", text).split("\n"):
        frame = _FRAME.match(line)
        if frame is None and below is not None and line.strip() and len(line) - len(line.lstrip()) > below:
            continue
        below = len(frame[1]) if frame else None
        lines.append(line.replace(frame[2], place_of(frame[2])) if frame else line)
    text = _ADDRESS.sub(_CUT, "\n".join(lines))
    for folder in _folders():
        text = text.replace(folder, "/")
    text = _PATH.sub(r"\1", text)
    text = _QUOTED.sub(lambda match: match[0] if _NAME.fullmatch(match[2]) else f"{match[1]}{_CUT}{match[1]}", text)
    text = _without_groups(text)
    for user in _users():
        text = re.sub(rf"(?<!\w){re.escape(user)}(?!\w)", "USER", text)
    return text


def place_of(filename: str) -> str:
    """Return what of the name of a source file says nothing about the machine."""
    parts = re.split(r"[/\\]+", filename)
    for folder in ("site-packages", "dist-packages"):
        if folder in parts:
            return "/".join(parts[len(parts) - parts[::-1].index(folder) :])
    return parts[-1]


def config_outline(config: Any) -> Any:
    """Return a Keras config with class names, names of arguments, shapes and dtypes, and no other value."""
    return _outline(config, "")


def _outline(value: Any, key: str, *, is_arguments: bool = False) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        is_name = key in _NAMED and _NAME.fullmatch(value) is not None
        return value if is_name or _DTYPE.fullmatch(value) else "str"
    if isinstance(value, list):
        if "shape" in key and all(item is None or type(item) is int for item in value):
            return value
        has_parts = any(isinstance(item, dict | list) for item in value)
        return [_outline(item, key) for item in value] if has_parts else f"list of {len(value)}"
    if not isinstance(value, dict):
        return type(value).__name__
    is_function = value.get("class_name") == "function"
    kept: dict[str, Any] = {}
    for name, item in value.items():
        if name in _KEYS or (is_arguments and name.isidentifier()):
            # A function has its name where a class has its arguments.
            word = "class_name" if is_function and name == "config" else name
            kept[name] = _outline(item, word, is_arguments=name in _ARGUMENTS and not is_arguments)
    left = len(value) - len(kept)
    if not kept:
        return f"dict of {left}"
    return {**kept, _CUT: f"{left} more"} if left else kept


def _without_groups(text: str) -> str:
    """Cut what stands in brackets and braces, unless it is a shape; one that does not end is cut to the end."""
    result, start, depth = "", 0, 0
    for index, char in enumerate(text):
        if char in "[{":
            if depth == 0:
                result, start = result + text[start:index], index
            depth += 1
        elif char in "]}" and depth:
            depth -= 1
            if depth == 0:
                group, start = text[start : index + 1], index + 1
                result += group if _SHAPE.fullmatch(group) else f"{group[0]}{_CUT}{group[-1]}"
    return result + (text[start:] if depth == 0 else text[start] + _CUT)


def _folders() -> Iterable[str]:
    """Yield the folders whose names may hold spaces, longest first."""
    folders = {str(path) for folder in (Path.home(), Path.cwd()) for path in (folder, folder.resolve())}
    return sorted((f"{folder}/" for folder in folders if folder != "/"), key=len, reverse=True)


def _users() -> set[str]:
    try:
        names = {getpass.getuser(), Path.home().name}
    except (OSError, KeyError):  # Nobody with this number is known here.
        names = {Path.home().name}
    return {name for name in names if len(name) >= _SHORTEST_USER and name != "root"}
