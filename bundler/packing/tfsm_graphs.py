"""The SavedModel folders of the `TFSMLayer`s in a model: found, checked, and taken along."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bundler.archive.writer import NewMember
from bundler.errors import SourceError
from bundler.keras_io.files import tfsm
from bundler.keras_io.files.saved_model import files_of, is_saved_model
from bundler.keras_io.native.python_calls import python_calls


def graph_folders(config: Any, near: Sequence[Path] = ()) -> dict[str, Path]:
    """Return the folder of each path in `config` that a `TFSMLayer` names.

    A relative path is looked up in the working folder, as Keras does, and then in the folders `near`.

    Raises:
        SourceError: a folder is gone, or its graph calls back into Python; all of them are listed.
    """
    folders: dict[str, Path] = {}
    problems: list[str] = []
    for path, pointers in tfsm.graph_paths(config).items():
        where = ", ".join(pointers)
        found = next((item for item in (Path(path), *(folder / path for folder in near)) if is_saved_model(item)), None)
        if found is None:
            problems.append(
                f"{where}: the TFSMLayer loads {path!r}, where there is no SavedModel; put the folder back there"
            )
            continue
        folders[path] = found
        problems += [f"{where}: the graph in {path!r} calls back into Python: {line}" for line in python_calls(found)]
    if problems:
        raise SourceError("the graphs of this model cannot travel:", problems, hint="mend them and pack again")
    return folders


def embed(config: Any, folders: dict[str, Path]) -> tuple[NewMember, ...]:
    """Return the members of the graphs in `folders`, and write their places in the bundle into `config`."""
    places = {path: f"{tfsm.PLACE}/{number}" for number, path in enumerate(folders, 1)}
    tfsm.point_to(config, places)
    return tuple(
        NewMember(name=f"{places[path]}/{file.relative_to(folder).as_posix()}", content=file)
        for path, folder in folders.items()
        for file in files_of(folder)
    )
