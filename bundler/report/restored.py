"""What loading restores beside Keras's own file, for people: adaptations, values, settings, states of generators."""

from __future__ import annotations

import json

from bundler.manifest import Adaptation, Manifest, Settings
from bundler.report.terminal_text import shown, table

#: Letters of a recorded value that are shown.
_LONGEST_VALUE = 120
#: What Keras has where nobody has set anything.
_USUAL = Settings(dtype_policy="float32", floatx="float32", image_data_format="channels_last", epsilon=1e-7)
_SETTINGS = ("dtype_policy", "floatx", "image_data_format", "epsilon", "flash_attention")


def adaptation_lines(manifest: Manifest) -> list[str]:
    """Return what loading does for classes that Keras alone does not bring back."""
    rows = [
        (f"{item.module}.{item.qualname}", item.kind.replace("_", " "), ", ".join(item.arguments) or "-")
        for item in manifest.adaptations
        if not item.values
    ]
    if not rows:
        return []
    heading = f"Adaptations: {len(rows)}, what loading does for classes that Keras alone does not bring back"
    return [heading, *table(rows)]


def state_lines(manifest: Manifest) -> list[str]:
    """Return the settings that were not Keras's usual ones, the values that were set, the number of generators."""
    rows = [
        (_holder(item), name, _cut(json.dumps(value, ensure_ascii=False, sort_keys=True)))
        for item in manifest.adaptations
        for name, value in item.values.items()
    ]
    if manifest.settings is not None:
        rows += [
            ("keras.config", name, repr(value))
            for name in _SETTINGS
            if (value := getattr(manifest.settings, name)) != getattr(_USUAL, name)
        ]
    if manifest.seeds:
        rows.append(("random generators", "states", str(len(manifest.seeds))))
    return ["Set while the author's program ran, and again when it is loaded", *table(rows)] if rows else []


def _holder(item: Adaptation) -> str:
    if item.kind == "object_values":
        return shown(f"model/{item.place}".rstrip("/"))
    return shown(f"{item.module}.{item.qualname}".rstrip("."))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."
