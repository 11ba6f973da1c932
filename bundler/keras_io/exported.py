"""Hold the classes that a config names as Keras's own to what the installed Keras exports under these names.

The audit knows the classes of some versions and, where its caller accepts that, lets those of a newer one pass by the
name of their namespace alone. Keras would take whatever it finds there, a function or a helper class too.
"""

from __future__ import annotations

import importlib
from typing import Any

from bundler.errors import RebuildFailed
from bundler.formats import keras_config
from bundler.keras_io.framework import versions

#: What the classes of a namespace derive from; not every version has all of these.
_KINDS = {
    "keras.constraints": ("Constraint",),
    "keras.dtype_policies": ("DTypePolicy", "DTypePolicyMap"),
    "keras.initializers": ("Initializer",),
    "keras.layers": ("Layer", "InputSpec"),
    "keras.losses": ("Loss",),
    "keras.metrics": ("Metric",),
    "keras.optimizers": ("Optimizer", "OptimizerMap"),
    "keras.optimizers.schedules": ("LearningRateSchedule",),
    "keras.quantizers": ("Quantizer", "QuantizationConfig", "AWQConfig", "GPTQConfig"),
    "keras.regularizers": ("Regularizer",),
}


def require_exported(config: Any) -> None:
    """Refuse a config that names a class of Keras's which the installed Keras does not export, or as another kind.

    Raises:
        RebuildFailed: it does.
    """
    for pointer, node in keras_config.nodes(config):
        module, name = node.get("module"), node["class_name"]
        if (
            module not in _KINDS
            or node.get("registered_name") not in (None, "", name)
            or keras_config.is_function(node)
        ):
            continue
        public = importlib.import_module(module)
        found = vars(public).get(name)
        kinds = tuple(vars(public)[kind] for kind in _KINDS[module] if kind in vars(public))
        if not (isinstance(found, type) and issubclass(found, kinds)):
            raise RebuildFailed(
                "the installed Keras does not export this class",
                place=f"config.json: {pointer or '/'}: {module}.{name}"[:1_000],
                expected=f"a {_KINDS[module][0]} of this name",
                found=f"nothing, in Keras {versions()[0]}" if found is None else f"{found!r}"[:200],
                hint="install the Keras that saved the model, which kbundle inspect shows",
            )
