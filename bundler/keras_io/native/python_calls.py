"""Operations of a graph that call back into the Python process that traced it.

`tf.py_function` and `tf.numpy_function` leave a node with the key of a table in that process. The graph loads
anywhere and then fails when it is called: "Could not find callback with key=pyfunc_0". So it is not packed.
"""

from __future__ import annotations

import importlib
import os
import re
import site
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bundler.errors import SourceError

GRAPH = "saved_model.pb"
_DEBUG = "debug/saved_model_debug_info.pb"
_OPERATIONS = frozenset({"PyFunc", "EagerPyFunc", "PyFuncStateless"})
_NAMES = {"EagerPyFunc": "tf.py_function", "PyFunc": "tf.numpy_function", "PyFuncStateless": "tf.numpy_function"}
#: TensorFlow's name of a function: a prefix, the name in Python, a number of the process.
_FUNCTION = re.compile(r"^(?:__(?:inference|forward|backward)_)?(?P<name>.+?)_\d+$")


def read_graph(directory: Path) -> Any:
    """Return the ``SavedModel`` protocol buffer of the SavedModel in `directory`.

    Raises:
        SourceError: the file is not one.
    """
    message = importlib.import_module("tensorflow.core.protobuf.saved_model_pb2").SavedModel()
    errors = importlib.import_module("google.protobuf.message")
    try:
        message.ParseFromString((directory / GRAPH).read_bytes())
    except (errors.DecodeError, OSError) as error:
        raise SourceError(
            "this SavedModel cannot be read:",
            [f"{directory / GRAPH}: {error}"],
            hint="export it again: model.export(folder)",
        ) from error
    return message


def python_calls(directory: Path) -> list[str]:
    """Return a line for every node of the SavedModel in `directory` that calls Python, also in nested functions.

    The line has the operation, the node with the layers on the way to it, the function of the graph, and file and
    line where the SavedModel has debug information.
    """
    traces = _traces(directory)
    lines = []
    for function, node in _nodes(read_graph(directory)):
        if node.op not in _OPERATIONS:
            continue
        matched = _FUNCTION.match(function)
        inside = f" in the function {matched['name'] if matched else function}" if function else ""
        place = traces.get(f"{node.name}@{function}")
        lines.append(
            f"{node.op} ({_NAMES[node.op]}), node {node.name}{inside}" + (f", made at {place}" if place else "")
        )
    return sorted(set(lines))


def refuse_python_calls(lines: list[str], what: str) -> None:
    """Raise `SourceError` if there are any `lines` of `python_calls`."""
    if lines:
        raise SourceError(
            f"{what} calls back into Python, so its graph works in no other process:",
            lines,
            hint="write these operations with tf or keras.ops, or pack the model as a full model (without fallback=)",
        )


def _nodes(saved: Any) -> Iterator[tuple[str, Any]]:
    """Yield (name of the function, node) for every node; the main graph's function is the empty string."""
    for meta in saved.meta_graphs:
        for node in meta.graph_def.node:
            yield "", node
        for function in meta.graph_def.library.function:
            for node in function.node_def:
                yield function.signature.name, node


def _traces(directory: Path) -> dict[str, str]:
    """Return "file:line" of the nearest line outside of Python, Keras and TensorFlow by ``node@function``."""
    if not (directory / _DEBUG).is_file():
        return {}
    message = importlib.import_module("tensorflow.core.framework.graph_debug_info_pb2").GraphDebugInfo()
    message.ParseFromString((directory / _DEBUG).read_bytes())
    places = {}
    for key, frames in _frames(message):
        files = [(message.files[frame.file_index], frame.line) for frame in frames]
        outside = [place for place in files if not _is_installed(place[0])]
        if outside:
            places[key] = "{}:{}".format(*outside[-1])
    return places


def _frames(message: Any) -> Iterator[tuple[str, list[Any]]]:
    """Yield the frames of each node, outermost first; newer TensorFlow keeps every frame and trace once."""
    for key, trace in message.traces.items():
        yield key, list(trace.file_line_cols)
    for key, number in message.name_to_trace_id.items():
        trace = message.traces_by_id[number]
        numbered = [message.frames_by_id[frame] for frame in trace.frame_id]
        yield key, numbered or list(trace.file_line_cols)


def _is_installed(file: str) -> bool:
    own = os.fspath(Path(__file__).resolve().parents[2])
    folders = (*site.getsitepackages(), *(sysconfig.get_path(name) for name in ("stdlib", "purelib")), own)
    return any(file.startswith(folder + os.sep) for folder in folders) or file.startswith("<frozen")
