"""SavedModel folders: what they say, the model around one, and back to a folder."""

from __future__ import annotations

import atexit
import importlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bundler.archive import scratch
from bundler.errors import BundleError, PackError, RebuildFailed
from bundler.keras_io.files import export_graph as tracing
from bundler.keras_io.files.canonical_graph import FINGERPRINT, canonicalise, write_saved_model
from bundler.keras_io.files.inference_model import inference_class
from bundler.keras_io.files.save_keras import DATATYPES
from bundler.keras_io.framework import keras, versions
from bundler.keras_io.native.python_calls import GRAPH, read_graph
from bundler.keras_io.selftest.model_call import told
from bundler.manifest import Parameters, Payload, TensorSpec
from bundler.manifest.codec import from_json, to_json

#: The first of these that a SavedModel has is called, unless the author says which.
_PREFERRED = (tracing.ENDPOINT, tracing.FLAT)
_INTERNAL = "__saved_model_init_op"
#: What `tf.saved_model.load` reads. Other files (Keras 2's metadata, debug information) stay behind.
_FOLDERS = ("variables", "assets")


def files_of(directory: Path) -> list[Path]:
    """Return the files of the SavedModel in `directory` that loading it takes, in order."""
    files = [directory / GRAPH, directory / FINGERPRINT]
    for folder in _FOLDERS:
        files += sorted(path for path in (directory / folder).rglob("*") if path.is_file())
    return [path for path in files if path.is_file()]


def is_saved_model(path: Path) -> bool:
    """Say whether `path` is a folder with a SavedModel."""
    return (path / GRAPH).is_file()


def read(directory: Path, member: str, signature: str | None = None) -> tuple[Any, Payload]:
    """Return the model of the SavedModel in `directory`, and what the manifest says about it.

    Args:
        directory: the folder; it is read, and not changed.
        member: the name of its graph in the bundle.
        signature: the signature to call, where there are several and none is called ``serve`` or
            ``serving_default``.

    Raises:
        PackError: there is no such signature, or more than one to choose from.
        SourceError: the graph cannot be read.
        RebuildFailed: TensorFlow cannot load it.
    """
    saved = read_graph(directory)
    if not saved.meta_graphs:
        raise PackError("the SavedModel holds no graph", place=str(directory), hint="export it again")
    meta = saved.meta_graphs[0]
    offered = {name: value for name, value in meta.signature_def.items() if name != _INTERNAL}
    name = _chosen(sorted(offered), signature, directory)
    facts = Payload(
        kind="saved_model",
        member=member,
        fidelity="inference",
        class_name="SavedModel",
        keras_version="unknown",
        tensorflow_version=meta.meta_info_def.tensorflow_version or versions()[1],
        backend="tensorflow",
        layers=0,
        parameters=Parameters(trainable=0, non_trainable=0),
        compiled=False,
        inputs=_specs(offered[name].inputs),
        outputs=_specs(offered[name].outputs),
        endpoint=name,
    )
    facts = _in_call_order(load(directory, facts), facts, sorted(offered))
    model = load(directory, facts)
    parameters = Parameters(trainable=0, non_trainable=model.count_params())
    return model, replace(facts, parameters=parameters)


def _in_call_order(model: Any, facts: Payload, offered: list[str]) -> Payload:
    """Return `facts` with the inputs in the order in which the model takes a list of them.

    A signature has names and no order, the function behind an attribute an order. Where its names are not those of
    the signature, the signature is called instead, lest two inputs be swapped.
    """
    names = model.argument_names
    inputs = {spec.name: spec for spec in facts.inputs or ()}
    if set(names) == set(inputs):
        return replace(facts, inputs=tuple(inputs[name] for name in names))
    if len(inputs) > 1 and facts.endpoint == tracing.ENDPOINT and tracing.FLAT in offered:
        return replace(facts, endpoint=tracing.FLAT)
    return facts


def load(directory: Path, facts: Payload) -> Any:
    """Return the `InferenceModel` of the SavedModel in `directory`, of which `facts` is the manifest's word.

    Raises:
        RebuildFailed: TensorFlow cannot load it.
    """
    tf = importlib.import_module("tensorflow")
    keras()
    try:
        graph = tf.saved_model.load(os.fspath(directory))
        endpoint = _endpoint(graph, facts)
        return inference_class()(graph=graph, facts=facts, endpoint=endpoint, reduce=pickled)
    except BundleError:
        raise
    except Exception as error:
        raise RebuildFailed(
            f"TensorFlow cannot load the graph of this bundle: {told(error)}",
            place=facts.member,
            hint=f"it was made with TensorFlow {facts.tensorflow_version}; this is {versions()[1]}",
        ) from error


def load_and_tidy(directory: Path, facts: Payload) -> Any:
    """Load as `load` does from a folder of our own, and remove of it what TensorFlow does not open again.

    The assets (vocabularies that tables were made from) stay until the process ends: saving the model again reads them.
    """
    try:
        model = load(directory, facts)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    if any((directory / "assets").rglob("*")):
        shutil.rmtree(directory / "variables", ignore_errors=True)
        # TensorFlow also reads a graph under another name.
        (directory / GRAPH).unlink(missing_ok=True)
        atexit.register(remove, directory, os.getpid())
    else:
        shutil.rmtree(directory, ignore_errors=True)
    return model


def private_folder() -> Path:
    """Return a new folder for a graph that only this user can read; raises as `scratch.written_below`."""
    return scratch.private_folder("kbundle-graph-")


def save(model: Any, directory: Path) -> Payload:
    """Write the SavedModel of an `InferenceModel` to the new folder `directory`, and return its facts.

    Raises:
        PackError: TensorFlow cannot save it.
    """
    try:
        write_saved_model(model.graph, directory, model.signatures)
    except Exception as error:
        raise PackError(
            f"TensorFlow cannot save this graph again: {told(error)}",
            place=model.name,
            hint="copy the bundle that it came from",
        ) from error
    canonicalise(directory)
    facts: Payload = model.facts
    return facts


def pickled(model: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return how an `InferenceModel` is pickled: with its graph, so that it needs no bundle where it arrives."""
    with tempfile.TemporaryDirectory(prefix="kbundle-") as folder:
        directory = Path(folder) / "graph"
        facts = save(model, directory)
        files = {path.relative_to(directory).as_posix(): path.read_bytes() for path in files_of(directory)}
    return _from_pickle, (files, to_json(facts))


def unpacked(files: Mapping[str, bytes]) -> Path:
    """Write `files` by their name below a new folder, which stays until the process ends, and return it."""
    directory = private_folder()
    atexit.register(remove, directory, os.getpid())
    _write(files, directory)
    return directory


def _from_pickle(files: Mapping[str, bytes], facts: Any) -> Any:
    directory = private_folder()
    _write(files, directory)
    return load_and_tidy(directory, from_json(Payload, facts))


def _write(files: Mapping[str, bytes], directory: Path) -> None:
    for name, content in files.items():
        path = directory / name
        with scratch.written_below(directory):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def remove(directory: Path, owner: int) -> None:
    """Remove a folder when the process `owner` ends."""
    # A forked child runs the same exit handlers; the files are its parent's.
    if os.getpid() == owner:
        shutil.rmtree(directory, ignore_errors=True)


def _chosen(offered: list[str], wanted: str | None, directory: Path) -> str:
    if wanted is not None:
        if wanted in offered:
            return wanted
        raise PackError(
            "the SavedModel has no such signature",
            place=str(directory),
            expected=f"one of {', '.join(offered) or '(none)'}",
            found=wanted,
            hint="pass signature= (--signature) with one of these names",
        )
    for name in _PREFERRED:
        if name in offered:
            return name
    if len(offered) == 1:
        return offered[0]
    if not offered:
        raise PackError(
            "the SavedModel has no signature, so nothing says how to call it",
            place=str(directory),
            hint="save it again with signatures=, or with model.export(folder)",
        )
    raise PackError(
        f"the SavedModel has {len(offered)} signatures",
        place=str(directory),
        found=", ".join(offered),
        hint="say which with signature= (--signature)",
    )


def _specs(infos: Mapping[str, Any]) -> tuple[TensorSpec, ...]:
    tf = importlib.import_module("tensorflow")
    specs = []
    for name, info in sorted(infos.items()):
        dtype = tf.dtypes.as_dtype(info.dtype).name
        shape = tuple(-1 if dim.size < 0 else int(dim.size) for dim in info.tensor_shape.dim)
        specs.append(TensorSpec(name=name, shape=shape, datatype=DATATYPES.get(dtype, dtype.upper())))
    return tuple(specs)


def _endpoint(graph: Any, facts: Payload) -> Any:
    """Return the function that `facts` names: an attribute keeps the structure of inputs and outputs."""
    tf = importlib.import_module("tensorflow")
    name = facts.endpoint or tracing.FLAT
    attribute = getattr(graph, name, None)
    concrete: list[Any] = list(getattr(attribute, "concrete_functions", None) or ())
    if len(concrete) == 1:
        positional, named = concrete[0].structured_input_signature
        leaves = tf.nest.flatten(positional)
        # A trace may have bound plain values (training=False); then only the signature can be called by tensors.
        if leaves and not named and all(isinstance(leaf, tf.TypeSpec) for leaf in leaves):
            return attribute
    if name not in graph.signatures:
        raise RebuildFailed(
            "the graph does not have the function that the manifest names",
            place=facts.member,
            expected=name,
            found=", ".join(graph.signatures),
            hint="ask the author for a new bundle",
        )
    return graph.signatures[name]
