"""Operations of TensorFlow where they run at once, and where they become part of a graph or of a function.

Eager: ``TFE_Py_FastPathExecute`` (the generated modules), ``TFE_Py_Execute`` and ``TFE_Py_ExecuteCancelable``
(`tensorflow.python.eager.execute`) are all that runs an operation by its name. Graphs: ``TF_NewOperation`` begins every
node that Python makes; graphs and functions that are data come in through the functions of `_watch_imports`. Running a
function or a session is not an event: what is in it was looked at when it was made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from bundler.keras_io.native import native_kinds
from bundler.keras_io.native.native_calls import Replacements, Tell, announced, dress, exact, local_path


def tell_of(tell: Tell, effect: native_kinds.OperationEffect | None) -> None:
    """Raise the event of an effect, if it is one."""
    if effect is not None:
        path, remote = local_path(effect.path)
        tell("network" if remote else effect.capability, effect.what, path, effect.mode)


def watch_eager(tell: Tell, kinds: native_kinds.Kinds, replacements: Replacements, module: ModuleType) -> None:
    """Replace what runs operations at once."""
    from tensorflow.python.framework import ops

    eager = ops.EagerTensor
    read: Callable[[Any], Any] = eager._numpy_internal
    #: Grows by what was found to be harmless, and only by names that TensorFlow has.
    plain: set[str] = set()

    def text_of(value: object) -> str | None:
        """Return the text in an input, if it is one."""
        if type(value) is eager:
            value = read(value)
        return exact(value)

    def look(op: str, inputs: Sequence[Any], attributes: Sequence[Any]) -> None:
        if kinds.is_plain(op):
            if kinds.is_registered(op):
                plain.add(op)
            return
        if op in native_kinds.CACHES:
            tell_of(tell, native_kinds.cache_effect(op, text_of(inputs[1]) if len(inputs) > 1 else None))
            return
        position = kinds.path_input(op)
        path = text_of(inputs[position]) if position is not None and position < len(inputs) else None
        tell_of(tell, kinds.effect(op, path))
        for key, value in zip(attributes[::2], attributes[1::2], strict=False):
            name = exact(key)
            if name in native_kinds.ATTRIBUTES:
                tell_of(
                    tell, native_kinds.attribute_effect(name, value if isinstance(value, list | tuple) else (value,))
                )

    def fast(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            op = arguments[1] if len(arguments) > 1 else None
            if type(op) is not str or op not in plain:
                name = exact(op)
                if name is not None:
                    rest = arguments[3:]
                    count = kinds.inputs(name)
                    look(name, rest[:count], rest[count:])
            return original(*arguments)

        return dress(call, original)

    def general(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            op = arguments[2] if len(arguments) > 2 else None
            if type(op) is not str or op not in plain:
                name = exact(op)
                if name is not None and name not in plain and len(arguments) > 4:
                    # What was looked at is what is used, whatever kind of sequence it was.
                    inputs, attributes = list(arguments[3]), tuple(arguments[4] or ())
                    look(name, inputs, attributes)
                    arguments = (*arguments[:3], inputs, attributes, *arguments[5:])
            return original(*arguments)

        return dress(call, original)

    replacements.add(module, "TFE_Py_FastPathExecute", fast)
    for name in ("TFE_Py_Execute", "TFE_Py_ExecuteCancelable"):
        replacements.add(module, name, general)


def watch_graphs(tell: Tell, kinds: native_kinds.Kinds, replacements: Replacements, module: ModuleType) -> None:
    """Replace what makes and changes the nodes of graphs, one by one."""
    plain: set[str] = set()
    #: Caches in the making: the description, its graph, and the inputs so far. Kept until the name is known.
    caches: dict[int, tuple[Any, Any, list[Any]]] = {}
    evaluate, text_in, type_of = module.TF_TryEvaluateConstant_wrapper, module.TF_GetBuffer, module.TF_OperationOpType
    from tensorflow.core.framework import attr_value_pb2

    value_of = attr_value_pb2.AttrValue.FromString

    def new(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(graph: Any, op: Any, name: Any) -> Any:
            if type(op) is not str or op not in plain:
                shown = exact(op) or ""
                if kinds.is_plain(shown):
                    if kinds.is_registered(shown):
                        plain.add(shown)
                else:
                    tell_of(tell, kinds.effect(shown))
                if shown in native_kinds.CACHES:
                    made = original(graph, op, name)
                    caches[id(made)] = (made, graph, [])
                    return made
            return original(graph, op, name)

        return dress(call, original)

    def add_input(description: Any, value: Any) -> None:
        if caches and id(description) in caches:
            _, graph, before = caches[id(description)]
            if before:
                found = evaluate(graph, value)
                known = exact(found.item()) if getattr(found, "size", 0) == 1 else exact(found)
                tell_of(tell, native_kinds.cache_effect("CacheDataset", known))
                del caches[id(description)]
            before.append(value)

    def add_inputs(description: Any, _: Any) -> None:
        if id(description) in caches:
            tell_of(tell, native_kinds.cache_effect("CacheDataset", None))

    def look_at_attribute(name: str, serialized: bytes) -> None:
        value = value_of(serialized)
        values = value.list.s if value.HasField("list") else [value.s if value.HasField("s") else None]
        tell_of(tell, native_kinds.attribute_effect(name, values))

    def set_attribute(_: Any, name: Any, serialized: Any) -> None:
        if type(name) is not str or name in native_kinds.ATTRIBUTES or "\0" in name:
            shown = exact(name)
            if shown in native_kinds.ATTRIBUTES:
                look_at_attribute(shown, serialized)

    def change_attribute(_: Any, __: Any, name: Any, buffer: Any) -> None:
        shown = exact(name)
        if shown in native_kinds.ATTRIBUTES:
            look_at_attribute(shown, text_in(buffer))

    def change_input(_: Any, __: Any, target: Any) -> None:
        if type_of(target.oper) in native_kinds.CACHES:
            tell_of(tell, native_kinds.cache_effect("CacheDataset", None))

    replacements.add(module, "TF_NewOperation", new)
    replacements.add(module, "TF_AddInput", announced(add_input))
    replacements.add(module, "TF_AddInputList", announced(add_inputs))
    replacements.add(module, "TF_SetAttrValueProto", announced(set_attribute))
    replacements.add(module, "SetAttr", announced(change_attribute))
    replacements.add(module, "UpdateEdge", announced(change_input))
