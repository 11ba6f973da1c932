"""Graphs and functions of TensorFlow that are data, and sessions: looked at where C code takes them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from bundler.keras_io.native import native_kinds
from bundler.keras_io.native.native_calls import Replacements, Tell, announced, exact
from bundler.keras_io.native.native_ops import tell_of

_UNREADABLE = native_kinds.OperationEffect("native-code", "TensorFlow takes a graph that cannot be read")
_PY = "tensorflow.python."


class _Graphs:
    """Raises the events of every node of a graph or function, each once."""

    def __init__(self, tell: Tell, kinds: native_kinds.Kinds) -> None:
        from tensorflow.core.framework import function_pb2, graph_pb2
        from tensorflow.core.protobuf import meta_graph_pb2

        self._tell, self._kinds = tell, kinds
        self._damaged: type[Exception] = importlib.import_module("google.protobuf.message").DecodeError
        self._graph, self._function = graph_pb2.GraphDef, function_pb2.FunctionDef
        self._meta = meta_graph_pb2.MetaGraphDef

    def graph(self, value: Any) -> None:
        """Look at a GraphDef, or its bytes."""
        self._look(self._graph, value)

    def function(self, value: Any) -> None:
        """Look at a FunctionDef, or its bytes."""
        self._look(self._function, value)

    def meta(self, value: Any) -> None:
        """Look at a MetaGraphDef, or its bytes."""
        self._look(self._meta, value)

    def _look(self, kind: Any, value: Any) -> None:
        effects = self._effects(kind, value)
        for effect in dict.fromkeys(effects):
            tell_of(self._tell, effect)

    def _effects(self, kind: Any, value: Any) -> list[native_kinds.OperationEffect]:
        if isinstance(value, bytes):
            try:
                value = kind.FromString(value)
            except self._damaged:
                return [_UNREADABLE]
        if type(value) is not kind:
            return [_UNREADABLE]
        if kind is self._function:
            return self._in_function(value)
        graph = value.graph_def if kind is self._meta else value
        # An import can put other inputs in the place of constants, so no name of a cache in it is known.
        effects = self._in_nodes(graph.node, {})
        for function in graph.library.function:
            effects += self._in_function(function)
        return effects

    def _in_function(self, function: Any) -> list[native_kinds.OperationEffect]:
        constants = {
            f"{node.name}:output:0": exact(node.attr["value"].tensor.string_val[0])
            for node in function.node_def
            if node.op == "Const" and len(node.attr["value"].tensor.string_val) == 1
        }
        return self._in_nodes(function.node_def, constants)

    def _in_nodes(self, nodes: Iterable[Any], constants: dict[str, str | None]) -> list[native_kinds.OperationEffect]:
        effects: list[native_kinds.OperationEffect | None] = []
        for node in nodes:
            op = node.op
            if op in native_kinds.CACHES:
                name = constants.get(node.input[1]) if len(node.input) > 1 else None
                effects.append(native_kinds.cache_effect(op, name))
            elif not self._kinds.is_plain(op):
                effects.append(self._kinds.effect(op))
                for key in node.attr.keys() & native_kinds.ATTRIBUTES.keys():
                    value = node.attr[key]
                    values = value.list.s if value.HasField("list") else [value.s if value.HasField("s") else None]
                    effects.append(native_kinds.attribute_effect(key, values))
        return [effect for effect in effects if effect is not None]


def watch_imports(
    tell: Tell, kinds: native_kinds.Kinds, replacements: Replacements, session: ModuleType, eager: ModuleType
) -> None:
    """Replace what takes graphs and functions that are data."""
    graphs = _Graphs(tell, kinds)
    text_in = session.TF_GetBuffer

    def taking(position: int, look: Callable[[Any], None]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def look_at(*arguments: Any, **given: Any) -> None:
            look(arguments[position] if len(arguments) > position else next(iter(given.values()), None))

        return announced(look_at)

    replacements.add(session, "TF_GraphImportGraphDefWithResults", taking(1, lambda data: graphs.graph(text_in(data))))
    replacements.add(session, "TF_GraphImportGraphDefWithResultsNoSerialization", taking(1, graphs.graph))
    replacements.add(session, "TF_FunctionImportFunctionDef", taking(0, graphs.function))
    replacements.add(session, "TF_FunctionImportFunctionDefNoSerialization", taking(0, graphs.function))
    replacements.add(eager, "TFE_ContextAddFunctionDef", taking(1, graphs.function))
    replacements.add(eager, "TFE_ContextAddFunctionDefNoSerialization", taking(1, graphs.function))
    # Optimizers run what they can fold into a constant.
    for name, of_module, position in (
        ("TF_NewItem", f"{_PY}grappler._pywrap_tf_item", 0),
        ("TF_OptimizeGraph", f"{_PY}grappler._pywrap_tf_optimizer", 2),
        ("TF_OptimizeGraphSerialized", f"{_PY}grappler._pywrap_tf_optimizer", 2),
    ):
        module = replacements.module(of_module)
        if module is not None:
            replacements.add(module, name, taking(position, graphs.meta))


def watch_sessions(tell: Tell, replacements: Replacements, session: ModuleType) -> None:
    """Replace what connects a session to another machine, or makes it dump what it computes."""
    from tensorflow.core.protobuf import config_pb2

    text_in = session.TF_GetBuffer

    def target(_: Any, name: Any) -> None:
        shown = exact(name)
        if shown not in ("", "local"):
            tell("network", f"TensorFlow's session of {shown!r}", None, None)

    def look_at_options(options: Any) -> None:
        watched = options.debug_options.debug_tensor_watch_opts
        urls = [url for watch in watched for url in watch.debug_urls]
        tell_of(tell, native_kinds.attribute_effect("debug_urls", urls))

    def running(_: Any, options: Any, *__: Any) -> None:
        if options is not None:
            look_at_options(config_pb2.RunOptions.FromString(text_in(options)))

    def preparing(_: Any, options: Any) -> None:
        look_at_options(config_pb2.CallableOptions.FromString(text_in(options)).run_options)

    replacements.add(session, "_TF_SetTarget", announced(target))
    replacements.add(session, "TF_SessionRun_wrapper", announced(running))
    replacements.add(session, "TF_SessionMakeCallable", announced(preparing))
