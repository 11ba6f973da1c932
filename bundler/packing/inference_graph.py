"""The graph of a live model: beside the full model, or in its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from bundler.archive.writer import NewMember
from bundler.keras_io import framework
from bundler.keras_io.files import export_graph, saved_model
from bundler.keras_io.native.python_calls import GRAPH
from bundler.manifest import Parameters, Payload
from bundler.packing.compose import Found
from bundler.packing.search import Step
from bundler.sources.closure import close
from bundler.sources.locate import Locator

FOLDER = "model/saved_model"
GRAPH_MEMBER = f"{FOLDER}/{GRAPH}"


def from_graph(model: Any, scratch: Path, step: Step, example_inputs: Any = None) -> Found:
    """Trace `model` below the folder `scratch`; the bundle holds its graph and none of its code.

    Raises:
        PackError: it cannot be traced, or its graph gives other outputs.
        SourceError: the graph calls back into Python.
    """
    members, facts = _graph_of(model, scratch, step, example_inputs)
    return found_graph(model, members, facts)


def with_graph(found: Found, scratch: Path, step: Step, example_inputs: Any = None) -> Found:
    """Add the graph of its model to the full payload in `found`; raises as `from_graph` does."""
    members, facts = _graph_of(found.model, scratch, step, example_inputs)
    return replace(found, payload=(*found.payload, *members), inference=facts)


def from_inference_model(model: Any, scratch: Path, step: Step) -> Found:
    """Write the graph of a model that came out of a bundle as a graph; raises `PackError`."""
    step("saving the graph")
    directory = scratch / "saved_model"
    facts = saved_model.save(model, directory)
    return found_graph(model, members_below(directory), replace(facts, member=GRAPH_MEMBER))


def found_graph(model: Any, members: tuple[NewMember, ...], facts: Payload) -> Found:
    """Return a payload that needs no source."""
    locator = Locator(roots=())
    closure = close({}, locator)
    return Found(model=model, payload=members, objects=(), entries=(), closure=closure, facts=facts, packed={})


def members_below(directory: Path) -> tuple[NewMember, ...]:
    """Return the members for the files of the SavedModel in `directory`."""
    return tuple(
        NewMember(name=f"{FOLDER}/{path.relative_to(directory).as_posix()}", content=path)
        for path in saved_model.files_of(directory)
    )


def _graph_of(model: Any, scratch: Path, step: Step, example_inputs: Any) -> tuple[tuple[NewMember, ...], Payload]:
    step("tracing the model")
    traced = export_graph.save_graph(model, scratch / "saved_model", example_inputs)
    keras_version, tensorflow_version = framework.versions()
    facts = Payload(
        kind="saved_model",
        member=GRAPH_MEMBER,
        fidelity="inference",
        class_name=type(model).__name__,
        keras_version=keras_version,
        tensorflow_version=tensorflow_version,
        backend="tensorflow",
        layers=len(model.layers),
        parameters=Parameters(trainable=0, non_trainable=traced.weights),
        compiled=False,
        inputs=traced.inputs,
        outputs=traced.outputs,
        agreement=traced.agreement,
        endpoint=export_graph.ENDPOINT,
    )
    return members_below(traced.directory), facts
