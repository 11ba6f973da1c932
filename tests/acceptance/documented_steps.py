"""What happens to one documented model in one process; `documented.py` says which process and prints the table.

Three sides: the author, who has the code and packs; a consumer that has never seen it; and for comparison Keras alone
in a process that can import the code. They hand arrays over in ``.npz`` files and everything else as JSON.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import re
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

SEED = 11
#: Calls of a model that is random at inference and whose generators cannot be set, as in a graph.
DRAWS = 64
WAYS = ("full", "builder", "inference")

Facts = dict[str, Any]


def attempt(step: Callable[[], Facts | None]) -> Facts:
    """Run `step`; whatever it raises is the result too."""
    try:
        return {"ok": True, **(step() or {})}
    except Exception as error:
        return {"ok": False, "error": describe(error), "trace": traceback.format_exc()[-4000:]}


def describe(error: BaseException) -> str:
    """Return one line for `error`, from its innermost cause as Keras nests them."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    inner = re.split(r"(?:Exception encountered|Error encountered during deserialization):", text)[-1]
    lines = [line.strip() for line in inner.splitlines() if line.strip()]
    if not lines and error.__context__ is not None:
        return describe(error.__context__)
    return f"{type(error).__name__}: {' '.join(lines[:3])[:300]}"


def answer(folder: Path, name: str, facts: Facts) -> None:
    """Leave `facts` for the runner."""
    (folder / f"{name}.json").write_text(json.dumps(facts, indent=1, default=str))


# --- arrays ----------------------------------------------------------------------------------------------------------


def keep(path: Path, value: Any) -> None:
    """Write a nest of dicts, lists and arrays: the arrays as .npz, the nest beside it as JSON."""
    import numpy as np

    arrays: dict[str, Any] = {}

    def shape(part: Any) -> Any:
        if isinstance(part, dict):
            return {"dict": {key: shape(item) for key, item in part.items()}}
        if isinstance(part, list | tuple):
            return {type(part).__name__ if type(part) in (list, tuple) else "list": [shape(item) for item in part]}
        arrays[f"a{len(arrays)}"] = np.asarray(part)
        return {"array": f"a{len(arrays) - 1}"}

    path.with_suffix(".nest").write_text(json.dumps(shape(value)))
    np.savez(path, **arrays)


def kept(path: Path) -> Any:
    """Return what `keep` wrote."""
    import numpy as np

    with np.load(path) as file:
        arrays = dict(file)

    def value(part: Any) -> Any:
        ((kind, content),) = part.items()
        if kind == "dict":
            return {key: value(item) for key, item in content.items()}
        if kind == "array":
            return arrays[content]
        items = [value(item) for item in content]
        return tuple(items) if kind == "tuple" else items

    return value(json.loads(path.with_suffix(".nest").read_text()))


def gap(found: list[Any], expected: list[Any]) -> float:
    """Return the largest absolute difference; infinity where number, shape, kind or the places of NaN differ."""
    import numpy as np

    if [(a.shape, a.dtype.kind) for a in found] != [(a.shape, a.dtype.kind) for a in expected]:
        return float("inf")
    worst = 0.0
    for ours, theirs in zip(found, expected, strict=True):
        if ours.dtype.kind in "fc" and np.array_equal(np.isnan(ours), np.isnan(theirs)):
            worst = max(worst, float(np.nanmax(np.abs(ours - theirs), initial=0.0)))
        elif not np.array_equal(ours, theirs):
            return float("inf")
    return worst


# --- a model ---------------------------------------------------------------------------------------------------------


def seed(model: Any) -> None:
    """Set every generator that a model may draw from: Keras does not save their states."""
    import keras

    from bundler.keras_io.private import keras_globals

    keras.utils.set_random_seed(SEED)
    # Keras 3.10 goes on with the generator that it has; the next draw makes one of the seed.
    vars(keras_globals()).pop("global_seed_generator", None)
    layers = model._flatten_layers() if hasattr(model, "_flatten_layers") else ()
    for layer in layers:
        for generator in getattr(layer, "_seed_generators", ()):
            generator.state.assign([SEED, 0])


def tensors(value: Any) -> Any:
    """Return `value` as tensors: Keras converts numbers but no strings, and refuses both in one call."""
    import keras
    import tensorflow as tf

    return keras.tree.map_structure(tf.constant, value)


def predict(model: Any, use: str, inputs: Any) -> list[Any]:
    """Return the flat outputs of the model, or of its part `use`, not training."""
    import keras

    part = getattr(model, use) if use else model
    return [keras.ops.convert_to_numpy(a) for a in keras.tree.flatten(part(tensors(inputs), training=False))]


def average(model: Any, use: str, inputs: Any) -> list[Any]:
    """Return mean and standard error of `DRAWS` calls, by output."""
    import numpy as np

    draws = [predict(model, use, inputs) for _ in range(DRAWS)]
    columns = [np.stack(column) for column in zip(*draws, strict=True)]
    return [(c.mean(0), c.std(0) / DRAWS**0.5) for c in columns]


def state(model: Any) -> Facts:
    """Return what a model holds besides its behaviour: weights, and the optimizers with their steps."""
    import keras

    optimizers = {
        name: int(keras.ops.convert_to_numpy(value.iterations))
        for name, value in sorted(vars(model).items())
        if isinstance(value, keras.optimizers.Optimizer)
    }
    weights = sorted((list(w.shape), float(keras.ops.sum(keras.ops.cast(w, "float32")))) for w in model.weights)
    return {"weights": weights, "optimizers": optimizers, "compiled": bool(getattr(model, "compiled", False))}


def trained(model: Any, use: str, folder: Path) -> list[Any]:
    """Return the outputs after one more epoch on the stored data."""
    data = kept(folder / "training.npz")
    seed(model)
    model.fit(*[tensors(part) for part in data], epochs=1, batch_size=64, shuffle=False, verbose=0)
    return predict(model, use, kept(folder / "inputs.npz"))


def compared(model: Any, folder: Path, *, train: bool) -> Facts:
    """Compare `model` with what the author's process left in `folder`."""
    import numpy as np

    author = json.loads((folder / "author.json").read_text())
    inputs, use = kept(folder / "inputs.npz"), author["use"]
    if author["random"] and not train:
        expected = kept(folder / "average.npz")
        ours = average(model, use, inputs)
        far = [np.abs(m - e) - 6 * np.sqrt(s**2 + t**2) for (m, s), (e, t) in zip(ours, expected, strict=True)]
        facts: Facts = {"difference": max(0.0, *(float(f.max()) for f in far))}
    else:
        seed(model)
        facts = {"difference": gap(predict(model, use, inputs), kept(folder / "expected.npz"))}
    ours_state = state(model)
    facts["weights"] = len(ours_state["weights"])
    facts["same_weights"] = alike(ours_state["weights"], author["state"]["weights"])
    facts["same_optimizers"] = ours_state["optimizers"] == author["state"]["optimizers"]
    facts["optimizers"] = ours_state["optimizers"]
    if train and not author["random"] and (folder / "trained.npz").exists():
        facts["train"] = attempt(lambda: {"difference": gap(trained(model, use, folder), kept(folder / "trained.npz"))})
    return facts


def alike(found: list[Any], expected: list[Any]) -> bool:
    """Say whether two sorted lists of (shape, sum) name the same weights."""
    return len(found) == len(expected) and all(
        list(a[0]) == list(b[0]) and abs(a[1] - b[1]) <= 1e-4 * (1 + abs(b[1]))
        for a, b in zip(found, expected, strict=True)
    )


# --- the three sides -------------------------------------------------------------------------------------------------


def author(names: dict[str, Any], folder: Path, ways: tuple[str, ...] = WAYS, every: bool = False) -> None:
    """Make the model that the namespace `names` defines, keep what it does, save it with Keras and bundle it.

    The `ways` are tried in order until one gives a bundle, or all of them where `every` is true.
    """
    import keras

    keras.utils.set_random_seed(SEED)
    model, inputs, use = names["make"](), names["inputs"](), names.get("USE", "")
    keep(folder / "inputs.npz", inputs)
    first, second = predict(model, use, inputs), predict(model, use, inputs)
    facts: Facts = {"use": use, "random": gap(first, second) > 1e-6, "state": state(model)}
    if facts["random"]:
        keep(folder / "average.npz", average(model, use, inputs))
    seed(model)
    keep(folder / "expected.npz", predict(model, use, inputs))
    answer(folder, "author", facts)

    facts["keras"] = attempt(lambda: model.save(folder / "plain.keras"))
    facts["ways"] = {}
    for way in ways:
        facts["ways"][way] = attempt(functools.partial(pack, model, names, folder, way))
        if "fidelity" in facts["ways"][way] and not every:
            break
    facts["unchanged"] = alike(state(model)["weights"], facts["state"]["weights"])
    if "training_data" in names:
        keep(folder / "training.npz", tuple(names["training_data"]()))
        facts["train"] = attempt(lambda: keep(folder / "trained.npz", trained(model, use, folder)))
    answer(folder, "author", facts)


def pack(model: Any, names: dict[str, Any], folder: Path, way: str) -> Facts:
    """Bundle the model one way and return what the manifest records about it."""
    from bundler import BundleError, bundle

    options: dict[str, Any] = {}
    if way == "builder":
        if "BUILDER" not in names:
            return {"refused": "the author has no builder"}
        function, arguments = names["BUILDER"]
        options = {"builder": names[function], "builder_kwargs": arguments}
    elif way == "inference":
        options = {"fallback": "inference"}
    if unknown := options.keys() - inspect.signature(bundle).parameters.keys():
        return {"refused": f"this kbundle has no {', '.join(sorted(unknown))}"}
    try:
        packed = bundle(model, folder / f"{way}.kbundle", overwrite=True, **options)
    except BundleError as error:
        return {"refused": describe(error), "message": str(error)}
    document = packed.manifest
    adaptations = [f"{item.kind}: {item.qualname}({', '.join(item.arguments)})" for item in document.adaptations]
    return {
        "fidelity": document.payload.fidelity,
        "payload": document.payload.kind,
        "adaptations": adaptations,
        "size": packed.path.stat().st_size,
        "no_self_test": packed.no_self_test,
    }


def consumer(folder: Path, way: str) -> None:
    """Load one bundle where the code has never been, and compare."""
    from bundler import unbundle

    found: list[Any] = []
    facts = {"load": attempt(lambda: found.append(unbundle(folder / f"{way}.kbundle")))}
    if found:
        full = getattr(found[0], "optimizer", None) is not None
        facts["compare"] = attempt(lambda: compared(found[0], folder, train=full and way != "inference"))
    answer(folder, f"consumer-{way}", facts)


def keras_alone(names: dict[str, Any], folder: Path) -> None:
    """Load the .keras file with everything that the module defines given by its name."""
    import keras

    own = {
        name: value
        for name, value in names.items()
        if (isinstance(value, type) or callable(value)) and getattr(value, "__module__", "") == names["__name__"]
    }
    found: list[Any] = []

    def load(**options: Any) -> Facts:
        found.append(keras.saving.load_model(folder / "plain.keras", custom_objects=own, **options))
        return {"options": options}

    facts = {"load": attempt(load)}
    if not found:
        again = attempt(lambda: load(safe_mode=False))
        facts["load"] = again if found else facts["load"]
    if found:
        facts["compare"] = attempt(lambda: compared(found[0], folder, train=True))
    answer(folder, "keras", facts)


def of_module(name: str) -> dict[str, Any]:
    """Return the namespace of the author's module `name`."""
    return vars(importlib.import_module(name))
