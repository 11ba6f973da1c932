"""From a SavedModel folder (Keras's export, `tf.saved_model.save`, Keras 2) to a bundle that predicts."""

from __future__ import annotations

from pathlib import Path

from bundler.keras_io.files import saved_model
from bundler.keras_io.native.python_calls import python_calls, refuse_python_calls
from bundler.packing.compose import Found
from bundler.packing.inference_graph import GRAPH_MEMBER, found_graph, members_below
from bundler.packing.search import Step


def from_saved_model(directory: Path, step: Step, signature: str | None = None) -> Found:
    """Load the SavedModel in `directory` once, and take its files as they are.

    Raises:
        PackError: it has no signature that could be called, or several to choose from.
        SourceError: its graph calls back into Python, or cannot be read.
        RebuildFailed: TensorFlow cannot load it.
    """
    step("reading the graph")
    refuse_python_calls(python_calls(directory), f"the SavedModel {directory.name!r}")
    step("loading the model once")
    model, facts = saved_model.read(directory, GRAPH_MEMBER, signature)
    return found_graph(model, members_below(directory), facts)
