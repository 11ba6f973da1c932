"""Import Keras on its TensorFlow backend, late and with a clear error.

Nothing in this room imports the framework at module level: a process that only inspects a bundle never pays the
seconds that the import costs.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType

from bundler.errors import MissingDependency

_OLDEST = (3, 10)


def require_installed() -> None:
    """Refuse a Python without Keras or TensorFlow; neither is imported.

    Raises:
        MissingDependency: one of them is not installed.
    """
    for name in ("tensorflow", "keras"):
        if name not in sys.modules and importlib.util.find_spec(name) is None:
            raise MissingDependency(
                f"{name} is not installed, and loading or packing a model needs it",
                hint='pip install "kbundle[tensorflow]" (or install tensorflow-cpu, or a vendor build, yourself)',
            )


def keras() -> ModuleType:
    """Return the `keras` module, imported at the first call.

    Raises:
        MissingDependency: Keras or TensorFlow is not installed, Keras is older than 3.10, or its backend is not
            TensorFlow.
    """
    require_installed()
    module = importlib.import_module("keras")
    version = str(module.__version__)
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
        raise MissingDependency(
            "this Keras is too old", expected="keras>=3.10", found=version, hint='pip install --upgrade "keras>=3.10"'
        )
    backend = module.config.backend()
    if backend != "tensorflow":
        raise MissingDependency(
            "Keras runs on another backend",
            expected="tensorflow",
            found=backend,
            hint="set KERAS_BACKEND=tensorflow before Keras is imported",
        )
    return module


def versions() -> tuple[str, str]:
    """Return the versions of Keras and of TensorFlow."""
    return str(keras().__version__), str(importlib.import_module("tensorflow").__version__)
