"""Make the installed Keras look like a later one, which exports a layer that no list of this kbundle has.

Import this before any bundle is made or loaded, and before `quick_proof`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import keras
from keras.src.api_export import keras_export

VERSION = "3.99.0"


def export(cls: type, name: str) -> None:
    """Let Keras export `cls` as `name`, in the way in which its own sources do."""
    namespace, _, last = name.rpartition(".")
    cls.__module__ = f"keras.src.later.{last.lower()}"
    keras_export(name)(cls)
    vars(sys.modules[namespace])[last] = cls


class Swell(keras.layers.Layer):
    def __init__(self, factor: float = 2.0, **options: object) -> None:
        super().__init__(**options)
        self.factor = factor

    def call(self, x: object) -> object:
        return x * self.factor

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "factor": self.factor}


def pretend(version: str = VERSION, *, exports: bool = True) -> None:
    """Be Keras `version`, for `keras.__version__` and for who reads what is installed."""
    keras.__version__ = version
    folder = Path(tempfile.mkdtemp())
    metadata = folder / f"keras-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: keras\nVersion: {version}\n")
    (metadata.parent / "top_level.txt").write_text("keras\n")
    sys.path.insert(0, str(folder))
    if exports:
        export(Swell, "keras.layers.Swell")
