"""Variables that Keras does not save: the states of a recurrent layer, a `tf.Variable` that an author's layer holds.

They are not weights. What they hold is the state of the program all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bundler.keras_io.adapt.arguments import is_variable
from bundler.keras_io.framework import keras

#: Bytes of the numbers of one attribute; longer states are left as they are made.
_MOST = 32 << 10


def saved_variables(model: Any) -> frozenset[int]:
    """Return the ids of the variables that the file of `model` holds, or that start anew with every fit."""
    optimizers = [item for item in vars(model).values() if isinstance(item, keras().optimizers.Optimizer)]
    everything = [*model.weights, *model.metrics_variables]
    everything += [variable for optimizer in optimizers for variable in optimizer.variables]
    # The same variable has two wrappers where TensorFlow made it and Keras adopted it.
    values = [getattr(variable, "value", None) for variable in everything]
    return frozenset(map(id, (*everything, *values)))


def held(value: Any, saved: frozenset[int]) -> list[Any] | None:
    """Return the numbers of an attribute that is a variable, or a list of them, that nothing saves; else `None`."""
    variables = [value] if is_variable(value) else list(value) if isinstance(value, list | tuple) else []
    if not variables or not all(is_variable(item) and id(item) not in saved for item in variables):
        return None
    arrays = [item.numpy() for item in variables]
    if any(array.dtype.hasobject for array in arrays) or sum(array.nbytes for array in arrays) > _MOST:
        return None
    return arrays


def assign(there: Any, arrays: Any) -> bool:
    """Give the variables of an attribute these numbers; return whether it holds variables."""
    variables = [there] if is_variable(there) else list(there) if isinstance(there, list | tuple) else []
    if not variables or not all(map(is_variable, variables)):
        return False
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
    return True


def with_arrays(values: Mapping[str, Any], saved: frozenset[int]) -> dict[str, Any]:
    """Return the attributes `values` with arrays in the place of such variables."""
    return {name: arrays if (arrays := held(item, saved)) is not None else item for name, item in values.items()}
