"""The tables that ``python -m tools.refresh`` makes: JSON beside the module that asks for it, read once, when asked.

A table is the union over the versions of Python, NumPy, TensorFlow and Keras that ``from`` names. A list in it holds
lines of words, and is a set of words here. A name that is not in a table is a finding, also where a newer version has
it: it was not reviewed.
"""

from __future__ import annotations

import functools
import json
import pkgutil
from collections.abc import Mapping
from typing import Any


def generated_table(package: str, name: str) -> Any:
    """Return what the table `name` of `package` holds."""
    return _read(package, name)[1]


def made_from(package: str, name: str) -> Mapping[str, tuple[str, ...]]:
    """Return the versions that a table was made from, oldest first, by what they are versions of."""
    return _read(package, name)[0]


@functools.cache
def _read(package: str, name: str) -> tuple[Mapping[str, tuple[str, ...]], Any]:
    # Not importlib.resources, which takes longer to import than a table to read.
    content = pkgutil.get_data(package, f"{name}.json")
    if content is None:
        raise FileNotFoundError(f"{package}/{name}.json: the loader of {package} reads no files; install kbundle anew")
    file = json.loads(content)
    return {of: tuple(versions) for of, versions in file["from"].items()}, _sets(file["table"])


def _sets(value: Any) -> Any:
    if isinstance(value, list):
        return frozenset(" ".join(value).split())
    return {key: _sets(item) for key, item in value.items()} if isinstance(value, dict) else value
