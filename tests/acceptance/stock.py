"""Every stock object of the installed Keras, saved in a model and audited: no finding at all.

::

    python -m tests.acceptance.stock        # prints what was covered, and what was found

Works with any Keras from 3.10 on, so that the oldest and the newest can both be asked.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bundler.audit.config import config_findings
from bundler.audit.finding import Finding
from bundler.audit.model_file import archive_findings
from bundler.audit.weights import weights_findings
from bundler.formats.hdf5 import read_hdf5
from bundler.formats.keras_archive import CONFIG, WEIGHTS, open_keras_file
from bundler.formats.keras_config import read_config

#: Arguments of what cannot be made without any.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "Activation": {"activation": "relu"},
    "AutoContrast": {},
    "CategoryEncoding": {"num_tokens": 4},
    "CenterCrop": {"height": 4, "width": 4},
    "ConvLSTM1D": {"filters": 2, "kernel_size": 3},
    "Discretization": {"bin_boundaries": [0.0, 1.0]},
    "Dot": {"axes": 1},
    "EinsumDense": {"equation": "ab,bc->ac", "output_shape": 3},
    "Embedding": {"input_dim": 5, "output_dim": 2},
    "FlaxLayer": {},
    "GroupNormalization": {"groups": 2},
    "GroupQueryAttention": {"head_dim": 2, "num_query_heads": 2, "num_key_value_heads": 1},
    "GroupedQueryAttention": {"head_dim": 2, "num_query_heads": 2, "num_key_value_heads": 1},
    "HashedCrossing": {"num_bins": 5},
    "Hashing": {"num_bins": 5},
    "IntegerLookup": {"vocabulary": [1, 2, 3]},
    "MaxNumBoundingBoxes": {"max_number": 4},
    "MultiHeadAttention": {"num_heads": 2, "key_dim": 2},
    "Normalization": {"mean": 0.0, "variance": 1.0},
    "Pipeline": {"layers": []},
    "RandomCrop": {"height": 4, "width": 4},
    "RepeatVector": {"n": 2},
    "Rescaling": {"scale": 2.0},
    "Resizing": {"height": 4, "width": 4},
    "Reshape": {"target_shape": (-1,)},
    "StringLookup": {"vocabulary": ["a", "b"]},
    "TextVectorization": {"vocabulary": ["a", "b"]},
    "RandomPosterization": {"factor": 4},
    "ReversibleEmbedding": {"input_dim": 5, "output_dim": 2},
    "Permute": {"dims": (2, 1)},
    "MeanIoU": {"num_classes": 2},
    "IoU": {"num_classes": 2, "target_class_ids": [0]},
    "OneHotMeanIoU": {"num_classes": 2},
    "OneHotIoU": {"num_classes": 2, "target_class_ids": [0]},
    "BinaryIoU": {},
    "MeanMetricWrapper": {"fn": "mean_squared_error"},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 5},
    "CosineDecayRestarts": {"initial_learning_rate": 0.1, "first_decay_steps": 5},
    "ExponentialDecay": {"initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.5},
    "InverseTimeDecay": {"initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.5},
    "PiecewiseConstantDecay": {"boundaries": [1, 2], "values": [0.3, 0.2, 0.1]},
    "PolynomialDecay": {"initial_learning_rate": 0.1, "decay_steps": 5},
    "MinMaxNorm": {},
    "SpectralNormalization": {},
}
#: More arguments that often make a layer that needs two dimensions or names a size.
_GUESSES: dict[str, Any] = {
    "units": 2, "filters": 2, "kernel_size": 3, "rate": 0.2, "stddev": 0.1, "factor": 0.2, "value_range": (0, 1),
    "pool_size": 2, "size": 2, "cropping": 1, "height_factor": 0.1, "width_factor": 0.1, "stride": 1, "output_size": 2,
}  # fmt: skip
SHAPES = ((4,), (8, 4), (1024, 1), (8, 8, 3), (8, 8, 8, 3), (4, 8, 8, 3), (4, 8, 8, 8, 3), (8, 8, 1))
#: Bases and abstractions, and what needs another backend.
SKIPPED = frozenset({
    "InputSpec", "JaxLayer", "FlaxLayer", "TFSMLayer", "TorchModuleWrapper", "Layer", "InputLayer", "Wrapper",
    "LSTMCell", "GRUCell", "SimpleRNNCell", "RNN", "StackedRNNCells", "AbstractRNNCell", "Loss",
    "Metric", "Optimizer", "LearningRateSchedule", "Initializer",
    "Regularizer", "Constraint", "Pipeline", "OptimizerMap",
})  # fmt: skip


def main() -> int:
    """Save, audit and count; returns 1 if anything was found or could not be made."""
    import keras

    counts: dict[str, int] = {}
    problems = []
    for kind, name, model in models(keras):
        if model is None:
            problems.append(f"{kind} {name}: no arguments are known for it")
            continue
        found = audited(model)
        counts[kind] = counts.get(kind, 0) + 1
        problems += [f"{kind} {name}: {item.rule.id} {item.place}: {item.what}" for item in found]
    print(f"Keras {keras.version()}: {', '.join(f'{count} {kind}' for kind, count in counts.items())}")
    print("\n".join(problems) or "no finding")
    return 1 if problems else 0


def audited(model: Any) -> list[Finding]:
    """Save `model`, read it back, and return what the audit says of the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        with path.open("rb") as file:
            archive = open_keras_file(file, path.stat().st_size)
            found = archive_findings(archive)
            config = read_config(archive.read(CONFIG, 1 << 24))
            size = archive.members[WEIGHTS].size
            found += config_findings(config, member="m", objects=(), weight_bytes=size)
            with archive.open(WEIGHTS) as weights:
                found += weights_findings(read_hdf5(weights, size), member="m", inside=WEIGHTS)
    return found


def models(keras: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield (kind, name, a model that holds it) for every stock object; `None` where it could not be made."""
    for name in classes(keras.layers):
        yield "layers", name, _layer_model(keras, name)
    for cell in ("LSTMCell", "GRUCell", "SimpleRNNCell"):
        cells = [getattr(keras.layers, cell)(2), getattr(keras.layers, cell)(3)]
        yield "layers", f"RNN of {cell}", _chain(keras, (8, 4), keras.layers.RNN(cells))
    for name in classes(keras.losses):
        yield "losses", name, _compiled(keras, loss=_make(getattr(keras.losses, name)))
    for name in classes(keras.metrics):
        yield "metrics", name, _compiled(keras, metrics=[_make(getattr(keras.metrics, name))])
    for name in classes(keras.optimizers):
        yield "optimizers", name, _compiled(keras, optimizer=_make(getattr(keras.optimizers, name)))
    for name in classes(keras.optimizers.schedules):
        schedule = _make(getattr(keras.optimizers.schedules, name))
        yield "schedules", name, _compiled(keras, optimizer=keras.optimizers.Adam(schedule))
    for name in classes(keras.initializers):
        yield "initializers", name, _dense(keras, kernel_initializer=_make(getattr(keras.initializers, name)))
    for name in classes(keras.regularizers):
        yield "regularizers", name, _dense(keras, kernel_regularizer=_make(getattr(keras.regularizers, name)))
    for name in classes(keras.constraints):
        yield "constraints", name, _dense(keras, kernel_constraint=_make(getattr(keras.constraints, name)))
    for name in functions(keras.activations):
        yield (
            "activations",
            name,
            _chain(keras, (4,), keras.layers.Dense(2, activation=getattr(keras.activations, name))),
        )
    for name in functions(keras.losses):
        yield "loss functions", name, _compiled(keras, loss=getattr(keras.losses, name))
    for name in ("float32", "float16", "mixed_float16", "mixed_bfloat16"):
        yield "policies", name, _chain(keras, (4,), keras.layers.Dense(2, dtype=keras.DTypePolicy(name)))
    for mode in ("int8", "float8", "int4"):
        model = _chain(keras, (4,), keras.layers.Dense(8), keras.layers.Dense(2))
        try:
            model.quantize(mode)
        except ValueError:
            # Keras 3.10 has no int4.
            continue
        yield "policies", mode, model
    # Their layers are Keras's own and exported nowhere.
    yield "applications", "ConvNeXtTiny", keras.applications.ConvNeXtTiny(weights=None, include_top=False)
    inception = importlib.import_module("keras.src.applications.inception_resnet_v2")
    x = keras.Input((4,))
    yield "applications", "InceptionResNetV2", keras.Model(x, inception.CustomScaleLayer(0.5)([x, x]))
    yield from operations(keras)


def operations(keras: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield a functional model for every operation of `keras.ops` that can be one on one or two images, or a vector.

    What cannot (loops, which take Python functions; random shapes) is left out: a model cannot hold it either.
    """
    spaces = (keras.ops, keras.ops.image, keras.ops.linalg, keras.ops.nn, keras.ops.numpy)
    found = {getattr(module, name): name for module in spaces for name in functions(module)}
    for function, name in found.items():
        model = _operation_model(keras, function)
        if model is not None:
            yield "operations", name, model
    # Keras loads no other function of `keras.ops` in a Lambda: it looks it up among the activations.
    for name in ("relu", "softmax"):
        layer = keras.layers.Lambda(getattr(keras.ops, name))
        yield "functions in Lambda", name, _chain(keras, (4,), layer)
    x = keras.Input((4, 4))
    import numpy

    yield "literals", "__slice__", keras.Model(x, x[:, 1:3])
    yield "literals", "__ellipsis__", keras.Model(x, x[..., 0])
    yield "literals", "__numpy__", keras.Model(x, keras.ops.add(x, numpy.ones((4,), "float32")))
    yield "literals", "__tensor__", keras.Model(x, keras.ops.add(x, keras.ops.ones((4,))))


def _operation_model(keras: Any, function: Any) -> Any:
    for shape in ((4, 4), (8, 8, 3), (4,)):
        for dtype in ("float32", "int32", "complex64"):
            for arguments in ((), (1,), ((1, 2),), ("x",), ("x", "x"), ("x", 1)):
                tensors = [keras.Input(shape, dtype=dtype)]
                more = []
                for item in arguments:
                    if item == "x":
                        tensors.append(keras.Input(shape, dtype=dtype))
                    more.append(tensors[-1] if item == "x" else item)
                try:
                    outputs = function(tensors[0], *more)
                    model = keras.Model(tensors, outputs)
                    json.dumps(model.get_config(), default=str)
                except Exception:  # the next guess
                    continue
                if isinstance(model, keras.Model) and len(model.operations) > len(tensors):
                    return model
    return None


def classes(module: Any) -> list[str]:
    """Return the public classes of a namespace, once each."""
    found = {
        value: name for name, value in sorted(vars(module).items()) if inspect.isclass(value) and name not in SKIPPED
    }
    return sorted(found.values())


def functions(module: Any) -> list[str]:
    """Return the public functions of a namespace that take tensors."""
    return sorted(
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value) and name not in ("get", "serialize", "deserialize") and not name.startswith("_")
    )


def _make(cls: Any) -> Any:
    if cls.__name__ == "LossScaleOptimizer":
        import keras

        return cls(keras.optimizers.SGD())
    if cls.__name__ == "MultiOptimizer":
        import keras

        return cls(keras.optimizers.OptimizerMap(keras.optimizers.SGD()))
    if cls.__name__ in ARGUMENTS:
        return cls(**ARGUMENTS[cls.__name__])
    parameters = inspect.signature(cls.__init__).parameters
    return cls(**{name: value for name, value in _GUESSES.items() if name in parameters})


def _layer_model(keras: Any, name: str) -> Any:
    cls = getattr(keras.layers, name)
    for make in _ways(keras, cls, name):
        for shape in SHAPES:
            for dtype in ("float32", "int64", "string"):
                for count in (1, 2):
                    try:
                        inputs = [keras.Input(shape, dtype=dtype) for _ in range(count)]
                        layer = make()
                        if name in ("MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention"):
                            outputs = layer(inputs[0], inputs[0])
                        else:
                            outputs = layer(inputs if count > 1 else inputs[0])
                        return keras.Model(inputs, outputs)
                    except Exception:  # the next guess
                        continue
    try:
        # Keras cannot make a graph of every layer of its own (Equalization in 3.15): saved before it is built.
        return keras.Sequential([_make(cls)])
    except TypeError:
        return None


def _ways(keras: Any, cls: Any, name: str) -> Iterator[Callable[[], Any]]:
    if name in ("TimeDistributed", "SpectralNormalization"):
        yield lambda: cls(keras.layers.Dense(2))
    elif name == "Bidirectional":
        yield lambda: cls(keras.layers.LSTM(2))
    elif name == "Lambda":
        yield lambda: cls(keras.activations.relu)
    else:
        yield lambda: _make(cls)


def _chain(keras: Any, shape: tuple[int, ...], *layers: Any) -> Any:
    return keras.Sequential([keras.Input(shape), *layers])


def _dense(keras: Any, **options: Any) -> Any:
    try:
        return _chain(keras, (4,), keras.layers.Dense(4, **options))
    except Exception:
        # Some want the kernel of a convolution, and one that of a spectrum: it is saved before it is built.
        try:
            return _chain(keras, (8, 8, 4), keras.layers.Conv2D(4, 3, **options))
        except ValueError:
            return keras.Sequential([keras.layers.Dense(4, **options)])


def _compiled(keras: Any, **options: Any) -> Any:
    model = _chain(keras, (4,), keras.layers.Dense(2))
    model.compile(**{"loss": "mse", **options})
    return model


if __name__ == "__main__":
    sys.exit(main())
