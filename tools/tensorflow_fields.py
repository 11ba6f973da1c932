"""Write `bundler/formats/saved_model/message_fields.py`: the fields that the messages of a SavedModel may have.

Run it with the Python of an environment that has TensorFlow: ``python tools/tensorflow_fields.py``. The table is the
union over the TensorFlow versions that it was run with: what is there stays, and a field with another meaning is an
error. Read the difference before you commit it.
"""

from __future__ import annotations

import importlib
import sys
import textwrap
from pathlib import Path
from typing import Any

_TARGET = Path(__file__).parents[1] / "bundler" / "audit" / "graph" / "fields.py"
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


def main() -> None:
    """Write the table."""
    sys.path.insert(0, str(_TARGET.parents[3]))
    messages: dict[str, dict[int, str]] = {}
    enums: dict[str, set[int]] = {}
    for module, name in (*_ROOTS.items(), *_MORE.items()):
        _walk(getattr(importlib.import_module(module), name).DESCRIPTOR, messages, enums)
    if _TARGET.exists():
        present = importlib.import_module("bundler.formats.saved_model.message_fields")
        for name, lines in present.TEXT.items():
            for line in lines.strip().splitlines():
                number = int(line.split()[0])
                known = messages.setdefault(name, {}).setdefault(number, line.strip())
                if known != line.strip():
                    raise SystemExit(f"{name}: {line.strip()!r} is {known!r} here")
        for name, numbers in present.ENUMS.items():
            enums.setdefault(name, set()).update(map(int, numbers.split()))
    _TARGET.write_text(_rendered(messages, enums))


def _walk(descriptor: Any, messages: dict[str, dict[int, str]], enums: dict[str, set[int]]) -> None:
    name = _short(descriptor)
    if name in messages:
        return
    lines = messages[name] = {}
    for field in descriptor.fields:
        if name.startswith(_OPTIONS) and not _is_plain_option(field):
            continue
        words = [str(field.number), field.name, _KINDS[field.type]]
        if field.message_type is not None:
            words.append(_short(field.message_type))
            _walk(field.message_type, messages, enums)
        if field.enum_type is not None:
            words.append(_short(field.enum_type))
            enums[words[-1]] = {value.number for value in field.enum_type.values}
        if getattr(field, "is_repeated", None) or getattr(field, "label", 0) == 3:
            words.append("repeated")
        elif field.containing_oneof is not None:
            words.append(f"of:{field.containing_oneof.name.removesuffix('_hack')}")
        lines[field.number] = " ".join(words)


def _is_plain_option(field: Any) -> bool:
    if field.message_type is not None:
        return field.name in _OPTION_MESSAGES
    return _KINDS[field.type] not in ("string", "bytes") or field.containing_type.GetOptions().map_entry


def _short(descriptor: Any) -> str:
    return str(descriptor.full_name).removeprefix("tensorflow.").removeprefix("google.protobuf.")


def _rendered(messages: dict[str, dict[int, str]], enums: dict[str, set[int]]) -> str:
    text = [_HEAD, "\nTEXT: Mapping[str, str] = {\n"]
    for name in sorted(messages):
        lines = "".join(f"\n{messages[name][number]}" for number in sorted(messages[name]))
        text.append(f'    "{name}": """{lines}\n""",\n' if lines else f'    "{name}": "",\n')
    text.append("}\n\nENUMS: Mapping[str, str] = {\n")
    for name in sorted(enums):
        lines = textwrap.fill(" ".join(map(str, sorted(enums[name]))), 110)
        text.append(f'    "{name}": """\n{lines}\n""",\n')
    text.append("}\n")
    return "".join(text)


_HEAD = '''"""The fields that a SavedModel's messages have. Nothing else is read. Made by tools/tensorflow_fields.py.

A line is: number, name, kind, the message or the enumeration where the kind is one, and then ``repeated``, or
``of:NAME`` for one of several fields of which a message has at most one. An enumeration is its numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
'''


if __name__ == "__main__":
    main()
