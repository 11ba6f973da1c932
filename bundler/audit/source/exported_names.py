"""What the standard library and the frameworks export, by name: `names.json`."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from bundler.frameworks import LISTED
from bundler.generated import generated_table


def _data() -> Mapping[str, Mapping[str, frozenset[str]]]:
    table: Mapping[str, Mapping[str, frozenset[str]]] = generated_table(__package__, "names")
    return table


@functools.cache
def exported() -> Mapping[str, frozenset[str]]:
    """Return the public names of each known module: pure standard library, NumPy, TensorFlow, Keras."""
    data = _data()
    return {**data["stdlib"], **data["numpy"], **data["api"]}


def starred() -> Mapping[str, frozenset[str]]:
    """Return what star imports of sinks of the standard library bring, by module."""
    return _data()["stars"]


def standard_library() -> frozenset[str]:
    """Return the top-level names of the standard library, over the supported versions of Python."""
    return _data()["roots"]["stdlib"]


def keras_sources() -> frozenset[str]:
    """Return the names of the modules below ``keras.src``."""
    return _data()["keras.src"]["modules"]


def public_attributes() -> frozenset[str]:
    """Return the public attributes of what layer code holds: tensors, arrays, layers, models, built-in objects."""
    return _data()["attributes"]["public"]


def methods() -> frozenset[str]:
    """Return those attributes that are called; storing to one of a foreign object replaces code."""
    return _data()["attributes"]["methods"]


def private_attributes() -> frozenset[str]:
    """Return the private attributes that a class derived from one of Keras's may use of its base."""
    return _data()["attributes"]["private"]


@functools.cache
def power_names() -> frozenset[str]:
    """Return what modules like `os` and `subprocess` are called and have, less what tensors and layers have too."""
    # Names in capitals are constants (`pickle.FLOAT`, `errno.EPERM`): they do nothing.
    names = frozenset(name for name in _data()["power"]["names"] if not name.isupper())
    return names - _data()["attributes"]["public"]


@functools.cache
def computing_names(sinks: frozenset[str]) -> frozenset[str]:
    """Return what functions and classes of NumPy, TensorFlow and Keras are called, outside the modules in `sinks`."""
    return frozenset().union(
        *(
            names
            for module, names in exported().items()
            if module.partition(".")[0] in LISTED
            and not any(module == sink or module.startswith(sink + ".") for sink in sinks)
        )
    )
