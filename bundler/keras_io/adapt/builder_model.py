"""A model that a function of the author's makes (``builder=``): Keras gives it its compile state and its weights."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bundler.errors import BundleError, RebuildFailed
from bundler.keras_io.adapt.adapters import CALL
from bundler.keras_io.adapt.build_by_call import call_once, call_signature
from bundler.keras_io.adapt.graphs import stand_in
from bundler.keras_io.adapt.tags import TAG
from bundler.keras_io.framework import keras
from bundler.manifest import Builder
from bundler.namespace import IMPORT_LOCK

#: How many weights the author's model has.
COUNT = f"{TAG}weights"


def adapter_of(function: Callable[..., Any], builder: Builder) -> Any:
    """Return an object whose ``from_config`` is the builder, as `adapters.adapter_of` does for a class."""

    def made(config: dict[str, Any]) -> Any:
        model = call_builder(function, builder.arguments, f"{builder.module}.{builder.qualname}")
        signature = config.get(CALL)
        if signature is not None and len(model.weights) != config.get(COUNT):
            try:
                call_once(model, signature)
            except Exception as error:
                raise _failure(
                    f"the model of the builder cannot be called: {type(error).__name__}: {error}",
                    f"{builder.module}.{builder.qualname}",
                ) from error
        return model

    return stand_in(keras().Model, made)


def call_builder(function: Callable[..., Any], arguments: Mapping[str, Any], place: str) -> Any:
    """Return the model that the builder makes.

    Raises:
        RebuildFailed: it raises, or returns something else than a model.
    """
    try:
        # The manifest keeps the arguments as they are, and a builder may change what it is given.
        model = function(**copy.deepcopy(dict(arguments)))
    except BundleError:
        raise
    except Exception as error:
        failure = _failure(f"the builder raises {type(error).__name__}: {error}", place)
        failure.hint = "mend the builder, or the arguments that it is called with: builder_kwargs= (--builder-arg)"
        raise failure from error
    if not isinstance(model, keras().Model):
        failure = _failure("the builder returns no model", place)
        failure.expected, failure.found = "a keras.Model", type(model).__qualname__
        raise failure
    return model


@contextlib.contextmanager
def saved_for_builder(model: Any) -> Iterator[None]:
    """Save `model` without asking its class for a config: the builder knows how to make it."""
    signature = call_signature(model)
    config = {COUNT: len(model.weights)} | ({} if signature is None else {CALL: signature})
    with IMPORT_LOCK:
        object.__setattr__(model, "get_config", lambda: config)
        try:
            yield
        finally:
            vars(model).pop("get_config", None)


def stock_root(config: dict[str, Any]) -> None:
    """Name Keras's own `Model` at the root of `config`: the class behind it is the builder's business."""
    config.update({"module": "keras", "class_name": "Model", "registered_name": None})


def _failure(message: str, place: str) -> RebuildFailed:
    return RebuildFailed(
        message, place=place, hint="the builder must return the untrained model that the weights were saved from"
    )
