"""Open the author's ``.keras`` file, or a folder with the files of one.

Keras reads the same files from a folder too, and then opens the weights where they lie; from a ZIP it reads all of
them into memory first.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bundler.archive.scratch import written_below
from bundler.errors import InvalidBundle, LimitExceeded
from bundler.formats import keras_config
from bundler.formats.keras_archive import CONFIG, METADATA, KerasArchive, open_keras_file
from bundler.formats.problem import Problem
from bundler.formats.strict_zip import Unreadable
from bundler.limits import LIMITS


def read_config(path: Path) -> Any:
    """Return ``config.json`` of the ``.keras`` file at `path`, or of a folder with its files, as a JSON value.

    Raises:
        InvalidBundle: it is not a ``.keras`` file.
        LimitExceeded: the config is larger than `LIMITS.keras_config`.
    """
    return _value(path, CONFIG)


def read_metadata(path: Path) -> dict[str, Any]:
    """Return ``metadata.json`` of the ``.keras`` file at `path`, or of a folder; raises as `read_config`."""
    return dict(_value(path, METADATA))


def write_config(directory: Path, config: Any) -> None:
    """Replace ``config.json`` in a folder with the files of a ``.keras`` file."""
    with written_below(directory):
        (directory / CONFIG).write_text(json.dumps(config))


def unpack_keras_file(path: Path, directory: Path) -> None:
    """Write the files in the ``.keras`` file at `path` below `directory`, which is made.

    Raises:
        InvalidBundle: it is not a ``.keras`` file, holds a file that Keras does not write, or unpacks to far more than
            it is (CWE-409).
        RebuildFailed: the files cannot be written.
    """
    with _opened(path) as archive:
        archive.unpacked(directory)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[KerasArchive]:
    """Open the ``.keras`` file at `path`; raises `InvalidBundle` for what is wrong with it, then and later."""
    try:
        with path.open("rb") as file:
            archive = open_keras_file(file, path.stat().st_size)
            for problem in archive.problems:
                raise Unreadable(problem.what, problem.place or None)
            yield archive
    except (Unreadable, OSError) as error:
        raise _not_keras(path, str(error), error.name if isinstance(error, Unreadable) else None) from error


def _not_keras(path: Path, what: str, name: str | None = None) -> InvalidBundle:
    return InvalidBundle(
        f"this is not a .keras file that Keras could open: {what}",
        place=path.name if name is None else f"{path.name}: {name[:200]!r}",
        hint="save the model again with model.save('model.keras')",
    )


def _value(path: Path, name: str) -> Any:
    if path.is_dir():
        try:
            size = (path / name).stat().st_size
            if size > LIMITS.keras_config:
                raise LimitExceeded(
                    f"{name} of the model is too large", place=path.name, expected=LIMITS.keras_config, found=size
                )
            text = (path / name).read_bytes()
        except OSError as error:
            raise _not_keras(path, str(error), name) from error
    else:
        with _opened(path) as archive:
            try:
                text = archive.read(name, LIMITS.keras_config)
            except LimitExceeded:
                raise
            except InvalidBundle as error:
                raise _not_keras(path, error.message, name) from error
    value = keras_config.read_config(text)
    if isinstance(value, Problem):
        raise _not_keras(path, value.what, name)
    return value
