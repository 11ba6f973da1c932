"""Imported by the scripts of the tests of the same program: pack, train on, and compare what trains on elsewhere."""

import hashlib
import json
import os
import pathlib
import random
import sys
import warnings

import keras
import numpy as np
import quick_proof  # noqa: F401 - first, while the process is as good as new
import tensorflow as tf

from bundler import bundle, unbundle

FOLDER = pathlib.Path("../hand_over")
X = np.random.RandomState(0).normal(size=(12, 6)).astype("float32")
Y = np.random.RandomState(1).uniform(size=(12, 3)).astype("float32")


def pack(model, name="model", x=X, y=Y, **options):
    """Pack `model`, then note what it predicts, takes one step of training and predicts then."""
    packed = bundle(model, FOLDER / f"{name}.kbundle", offline=True, **options)
    # NumPy's files have no word for bfloat16.
    numbers = {"x": x, "y": y, "before": model.predict(x, verbose=0).astype("float64")}
    model.train_on_batch(x, y)
    numbers["after"] = model.predict(x, verbose=0).astype("float64")
    np.savez(FOLDER / f"{name}.npz", **numbers)
    return packed


def train_on(name="model", tolerance=1e-6, **options):
    """Load the model, and compare what it predicts before and after one step of training."""
    numbers = np.load(FOLDER / f"{name}.npz")
    model = unbundle(FOLDER / f"{name}.kbundle", **options)
    near(model.predict(numbers["x"], verbose=0), numbers["before"], tolerance, "predictions")
    model.train_on_batch(numbers["x"], numbers["y"])
    near(model.predict(numbers["x"], verbose=0), numbers["after"], tolerance, "predictions after one step")
    return model


def near(found, expected, tolerance, what):
    """Fail where numbers are further apart than `tolerance`."""
    gap = float(np.abs(np.asarray(found, "float64") - np.asarray(expected, "float64")).max())
    assert gap <= tolerance, f"{what}: apart by {gap}"


def process_digest(*models):
    """Return digests of what packing and loading must not change, by name."""
    state = keras.src.backend.common.global_state.GLOBAL_STATE_TRACKER
    context = tf.python.eager.context.context() if hasattr(tf, "python") else _context()
    generator = getattr(state, "global_seed_generator", None)
    config = keras.config
    facts = {
        "python": random.getstate(),
        "numpy": [str(part) for part in np.random.get_state()],
        "tensorflow": (context._seed, context._rng.getstate() if context._rng else None),
        "keras": None if generator is None else generator.state.numpy().tolist(),
        "names": sorted(getattr(state, "object_name_uids", {}).items()),
        "settings": (config.dtype_policy().name, config.floatx(), config.image_data_format(), config.epsilon()),
        "registry": sorted(key for key in keras.saving.get_custom_objects() if not key.startswith("_kbundle_")),
        "path": list(sys.path),
        "modules": sorted(name for name in sys.modules if not _ours(name)),
        "filters": [str(item) for item in warnings.filters],
        "environment": sorted(os.environ.items()),
        "folder": os.getcwd(),
        "files": sorted(os.listdir(".")),
    }
    for index, model in enumerate(models):
        facts[f"model {index}"] = _model_facts(model)
    return {name: _digest(value) for name, value in facts.items()}


def _digest(value):
    if "SHOW" in os.environ:
        return repr(value)
    return hashlib.sha256(repr(value).encode()).hexdigest()


def same(before, after):
    """Fail with the names of what has changed between two digests."""
    changed = [name for name in before if before[name] != after[name]]
    assert not changed, f"changed: {', '.join(changed)}"


def _ours(name):
    # What the work needs is imported once, and stays; the bundle's own modules are the loader's to keep.
    # TensorFlow makes a module of what it traces.
    return name.startswith(("_kbundle_", "__autograph_generated_file")) or name.partition(".")[0] in _LIBRARIES


_LIBRARIES = {*sys.stdlib_module_names, "bundler", "cloudpickle", "zstandard", "packaging", "keras", "tensorflow"} | {
    *("numpy", "h5py", "ml_dtypes", "optree", "google", "absl", "wrapt", "astunparse", "gast", "six", "opt_einsum"),
    *("quick_proof", "tomli_w", "importlib_metadata", "psutil"),
}


def _context():
    from tensorflow.python.eager import context

    return context.context()


def _model_facts(model):
    variables = list(model.variables)
    optimizer = getattr(model, "optimizer", None)
    variables += [] if optimizer is None else list(optimizer.variables)
    facts = [(variable.path, variable.trainable, variable.numpy().tobytes()) for variable in variables]
    seen, stack = set(), [model]
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, keras.random.SeedGenerator):
            facts.append(value.state.numpy().tobytes())
        if isinstance(
            value, (keras.layers.Layer, keras.Loss, keras.Metric, keras.Optimizer, keras.random.SeedGenerator)
        ):
            facts.append((type(value).__name__, sorted((name, _plain(item)) for name, item in vars(value).items())))
            stack += [item for name, item in sorted(vars(value).items())]
        elif isinstance(value, list | tuple):
            stack += list(value)
    return facts


def _plain(value):
    if isinstance(value, list | tuple | set | dict):
        return type(value).__name__, len(value)
    return value if isinstance(value, str | int | float | bool | None) else type(value).__name__


def dump(name, value):
    """Leave a JSON value for another script."""
    (FOLDER / name).write_text(json.dumps(value))
