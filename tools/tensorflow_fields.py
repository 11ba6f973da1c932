"""Which fields and enumerations the messages of a SavedModel have, in the TensorFlow of this environment.

A field stands under the name of its message and its number: its name, its kind, the message or the enumeration where
the kind is one, and then ``repeated``, or ``of:NAME`` for one of several fields of which a message has at most one.
"""

from __future__ import annotations

import importlib
from typing import Any

_ROOTS = {
    "tensorflow.core.protobuf.saved_model_pb2": "SavedModel",
    "tensorflow.core.protobuf.fingerprint_pb2": "FingerprintDef",
    "tensorflow.core.protobuf.trackable_object_graph_pb2": "TrackableObjectGraph",
    "tensorflow.core.protobuf.tensor_bundle_pb2": "BundleHeaderProto",
    "tensorflow.core.protobuf.config_pb2": "ConfigProto",
}
_MORE = {"tensorflow.core.protobuf.tensor_bundle_pb2": "BundleEntryProto"}
#: Of the options of a call, numbers and switches are in the table, and of the messages in them those that every
#: export has. Texts name plug-ins, files and other machines, so they are not.
_OPTIONS = ("ConfigProto", "GPUOptions", "GraphOptions", "OptimizerOptions", "RewriterConfig")
_OPTION_MESSAGES = {"device_count", "gpu_options", "pluggable_device_options", "experimental", "graph_options",
                    "optimizer_options", "rewrite_options"}  # fmt: skip
_KINDS = {
    1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 6: "fixed64", 7: "fixed32", 8: "bool", 9: "string",
    11: "message", 12: "bytes", 13: "uint32", 14: "enum", 18: "sint64",
}  # fmt: skip


def fields() -> dict[str, Any]:
    """Return the tree of the table `fields`."""
    messages: dict[str, dict[str, str]] = {}
    enums: dict[str, set[str]] = {}
    for module, name in (*_ROOTS.items(), *_MORE.items()):
        _walk(getattr(importlib.import_module(module), name).DESCRIPTOR, messages, enums)
    return {"messages": messages, "enums": enums}


def _walk(descriptor: Any, messages: dict[str, dict[str, str]], enums: dict[str, set[str]]) -> None:
    name = _short(descriptor)
    if name in messages:
        return
    lines = messages[name] = {}
    for field in descriptor.fields:
        if name.startswith(_OPTIONS) and not _is_plain_option(field):
            continue
        words = [field.name, _KINDS[field.type]]
        if field.message_type is not None:
            words.append(_short(field.message_type))
            _walk(field.message_type, messages, enums)
        if field.enum_type is not None:
            words.append(_short(field.enum_type))
            enums[words[-1]] = {str(value.number) for value in field.enum_type.values}
        if getattr(field, "is_repeated", None) or getattr(field, "label", 0) == 3:
            words.append("repeated")
        elif field.containing_oneof is not None:
            words.append(f"of:{field.containing_oneof.name.removesuffix('_hack')}")
        lines[str(field.number)] = " ".join(words)


def _is_plain_option(field: Any) -> bool:
    if field.message_type is not None:
        return field.name in _OPTION_MESSAGES
    return _KINDS[field.type] not in ("string", "bytes") or field.containing_type.GetOptions().map_entry


def _short(descriptor: Any) -> str:
    return str(descriptor.full_name).removeprefix("tensorflow.").removeprefix("google.protobuf.")
