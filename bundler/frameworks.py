"""Keras and what it stands on, by top-level name: one set for each question that is asked about them."""

from __future__ import annotations

from typing import Any

#: An author's classes derive from theirs, and a config finds their classes by name.
MODELS = frozenset({"keras", "tensorflow"})
#: The audit has closed lists of their public names. Of the others below it knows sinks only.
LISTED = MODELS | {"numpy"}
#: Code of a bundle imports them where its lock says nothing: they are wherever Keras is. `tf_keras` is a distribution
#: of its own, which the lock must have, and nobody imports `ml_dtypes`.
WITH_KERAS = LISTED | {"h5py"}
#: Never packed and never an author's: a module, a declared object, an entry of ``include=``.
STACK = WITH_KERAS | {"tf_keras", "ml_dtypes"}
#: Their objects need no source: the framework's, Python's own, of what wraps the framework's containers, and what
#: `unbundle` puts on a model so that it can be pickled.
NO_SOURCE = STACK | {"builtins", "bundler", "optree", "wrapt"}


def root_of(value: Any) -> str:
    """Return the top-level name of the module that a class or function says it is of."""
    return str(getattr(value, "__module__", "")).partition(".")[0]


def makes_models(value: Any) -> bool:
    """Say whether a class or function says it is of Keras or TensorFlow."""
    return root_of(value) in MODELS
