"""Every kind of custom object in a Keras model, one small model each, and what becomes of it.

Run as a program this prints `docs/object-kinds.md`. `test_object_kinds.py` runs every row, so the page cannot claim
what does not happen.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "object-kinds.md"
TEST = "tests/models/test_object_kinds.py::test_row"

_LAYER = "import keras\nfrom keras import ops\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One kind of object.

    Attributes:
        kind: the row's name.
        script: the author's script; it leaves `model` and the inputs `x`.
        files: the author's modules beside it.
        works: it travels; otherwise it is refused.
        options: more arguments for `bundle`, as written in a call.
        adaptations: the adaptation kinds that the manifest records.
        extracted: some of its code comes from a script, a notebook or the inside of a function.
        fidelity: what the loaded model can do.
        remedy: what the refusal says, word for word.
        how: a note for the page.
    """

    kind: str
    script: str
    files: Mapping[str, str] = field(default_factory=dict)
    works: bool = True
    options: str = ""
    adaptations: frozenset[str] = frozenset()
    extracted: bool = False
    fidelity: str = "full"
    remedy: str = ""
    how: str = ""

    @property
    def slug(self) -> str:
        """The row's name in the name of its test."""
        return re.sub(r"[^a-z0-9]+", "-", self.kind.lower()).strip("-")


def _one_layer(kind: str, text: str, use: str = "Mine()", **facts: object) -> Row:
    """A row whose model is an input, the layer `use` of the module ``mine``, and a Dense layer."""
    script = f"""
        from mine import *
        import mine
        model = keras.Sequential([keras.Input((4,)), {use}, keras.layers.Dense(2)])
        x = np.linspace(-1, 1, 12).reshape(3, 4).astype("float32")
    """
    return Row(kind=kind, files={"mine.py": _LAYER + text}, script=script, **facts)  # type: ignore[arg-type]


def _compiled(kind: str, text: str, use: str, **facts: object) -> Row:
    """A row whose model is one Dense layer, compiled with `use` of the module ``mine``."""
    script = f"""
        from mine import *
        import mine
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        model.compile({use})
        x = np.linspace(-1, 1, 12).reshape(3, 4).astype("float32")
        model.fit(x, np.ones((3, 2), "float32"), verbose=0)
    """
    return Row(kind=kind, files={"mine.py": _LAYER + text}, script=script, **facts)  # type: ignore[arg-type]


def _scripted(kind: str, script: str, **facts: object) -> Row:
    """A row of which all code is in the author's script."""
    text = f"""{script}
        x = np.linspace(-1, 1, 12).reshape(3, 4).astype("float32")
    """
    return Row(kind=kind, script=text, **facts)  # type: ignore[arg-type]


_SIMPLE = "class Mine(keras.layers.Layer):\n    def call(self, x):\n        return x * 2\n"

ROWS: tuple[Row, ...] = (
    _one_layer("Layer, unregistered", _SIMPLE),
    _one_layer("Layer, registered", f"@keras.saving.register_keras_serializable()\n{_SIMPLE}"),
    _one_layer(
        "Layer, registered with package and name",
        f"@keras.saving.register_keras_serializable(package='shop', name='Fancy')\n{_SIMPLE}",
    ),
    _one_layer(
        "Layer without get_config, constructor without **kwargs",
        """
class Mine(keras.layers.Layer):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor
    def call(self, x):
        return x * self.factor
""",
        "Mine(3.0)",
        adaptations=frozenset({"surplus_arguments"}),
    ),
    _one_layer(
        "Layer with get_config, constructor without name or **kwargs",
        """
class Mine(keras.layers.Layer):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor
    def call(self, x):
        return x * self.factor
    def get_config(self):
        return {**super().get_config(), "factor": self.factor}
""",
        "Mine(3.0)",
        adaptations=frozenset({"surplus_arguments"}),
    ),
    _one_layer(
        "Layer with arguments that are not plain, without get_config",
        """
class Mine(keras.layers.Layer):
    def __init__(self, inner, table, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner
        self.table = table
    def call(self, x):
        return self.inner(x) + ops.convert_to_tensor(self.table)
""",
        'Mine(keras.layers.Dense(4), np.arange(4, dtype="float32"))',
        adaptations=frozenset({"constructor_arguments"}),
    ),
    _one_layer(
        "Layer with *args, without get_config",
        """
class Mine(keras.layers.Layer):
    def __init__(self, *factors, **kwargs):
        super().__init__(**kwargs)
        self.factors = factors
    def call(self, x):
        for factor in self.factors:
            x = x * factor
        return x
""",
        "Mine(2.0, 3.0)",
        adaptations=frozenset({"constructor_arguments"}),
    ),
    _one_layer(
        "Layers made inside the constructor of another",
        """
class Inner(keras.layers.Layer):
    def build(self, shape):
        self.bias = self.add_weight(shape=(shape[-1],), initializer="ones")
    def call(self, x):
        return x + self.bias
class Mine(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.parts = [Inner(), Inner()]
    def call(self, x):
        for part in self.parts:
            x = part(x)
        return x
""",
    ),
    _one_layer(
        "Layer passed to a layer, serialised by get_config",
        """
class Mine(keras.layers.Layer):
    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner
    def call(self, x):
        return self.inner(x)
    def get_config(self):
        return {**super().get_config(), "inner": keras.saving.serialize_keras_object(self.inner)}
    @classmethod
    def from_config(cls, config):
        inner = keras.saving.deserialize_keras_object(config.pop("inner"))
        return cls(inner, **config)
""",
        "Mine(keras.layers.Dense(3))",
    ),
    _one_layer(
        "Layer passed to a layer, raw in get_config",
        """
class Mine(keras.layers.Layer):
    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner
    def call(self, x):
        return self.inner(x)
    def get_config(self):
        return {**super().get_config(), "inner": self.inner}
""",
        "Mine(keras.layers.Dense(3))",
        adaptations=frozenset({"restored_values"}),
    ),
    _one_layer(
        "from_config that opens a scope of its own",
        """
class Inner(keras.layers.Layer):
    def call(self, x):
        return x * 5
class Mine(keras.layers.Layer):
    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner
    def call(self, x):
        return self.inner(x)
    def get_config(self):
        return {**super().get_config(), "inner": keras.saving.serialize_keras_object(self.inner)}
    @classmethod
    def from_config(cls, config):
        with keras.saving.custom_object_scope({"Unrelated": Mine}):
            inner = keras.saving.deserialize_keras_object(config.pop("inner"))
        return cls(inner, **config)
""",
        "Mine(Inner())",
    ),
    Row(
        kind="RNN with a custom cell, TimeDistributed of a custom layer",
        files={
            "mine.py": _LAYER
            + """
class Cell(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = units
    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units))
    def call(self, x, states):
        out = ops.tanh(ops.matmul(x, self.kernel) + states[0])
        return out, [out]
    def get_config(self):
        return {**super().get_config(), "units": self.units}
class Double(keras.layers.Layer):
    def call(self, x):
        return x * 2
    def compute_output_shape(self, shape):
        return shape
"""
        },
        script="""
            from mine import Cell, Double
            i = keras.Input((5, 3))
            h = keras.layers.TimeDistributed(Double())(keras.layers.RNN(Cell(4), return_sequences=True)(i))
            model = keras.Model(i, keras.layers.Dense(1)(h))
            x = np.ones((2, 5, 3), "float32")
        """,
    ),
    Row(
        kind="Subclassed model with get_config",
        files={
            "mine.py": _LAYER
            + """
class Net(keras.Model):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = keras.layers.Dense(units)
    def call(self, x):
        return self.dense(x)
    def get_config(self):
        return {**super().get_config(), "units": self.units}
"""
        },
        script="""
            from mine import Net
            x = np.ones((2, 4), "float32")
            model = Net(3)
            model(x)
        """,
    ),
    Row(
        kind="Subclassed model with constructor arguments, without get_config",
        files={
            "mine.py": _LAYER
            + """
class Net(keras.Model):
    def __init__(self, hidden, classes, body, rate):
        super().__init__()
        self.first = keras.layers.Dense(hidden, activation="relu")
        self.body = body
        self.drop = keras.layers.Dropout(rate)
        self.last = keras.layers.Dense(classes)
    def call(self, x, training=False):
        return self.last(self.drop(self.body(self.first(x)), training=training))
"""
        },
        script="""
            from mine import Net
            x = np.ones((2, 4), "float32")
            model = Net(5, 3, keras.Sequential([keras.layers.Dense(6), keras.layers.ReLU()]), 0.25)
            model(x)
        """,
        adaptations=frozenset({"constructor_arguments", "surplus_arguments"}),
    ),
    Row(
        kind="Functional subclass with a constructor of its own",
        files={
            "mine.py": _LAYER
            + """
class Scaled(keras.Model):
    def __init__(self, inputs, outputs, factor):
        super().__init__(inputs=inputs, outputs=outputs)
        self.factor = factor
    def call(self, x, training=None, mask=None):
        return super().call(x, training=training, mask=mask) * self.factor
"""
        },
        script="""
            from mine import Scaled
            x = np.ones((2, 4), "float32")
            i = keras.Input((4,))
            model = Scaled(i, keras.layers.Dense(3)(i), 2.5)
        """,
        adaptations=frozenset({"constructor_arguments", "functional_graph", "surplus_arguments"}),
    ),
    Row(
        kind="Functional subclass that builds its graph in the constructor",
        files={
            "mine.py": _LAYER
            + """
class Net(keras.Model):
    def __init__(self, units):
        i = keras.Input((4,))
        super().__init__(i, keras.layers.Dense(units)(i))
        self.units = units
    def get_config(self):
        return {"units": self.units}
"""
        },
        script="""
            from mine import Net
            x = np.ones((2, 4), "float32")
            model = Net(3)
        """,
    ),
    Row(
        kind="Model with a train_step and compile of its own",
        files={
            "mine.py": _LAYER
            + """
class Net(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(2)
        self.tracker = keras.metrics.Mean(name="loss")
    def compile(self, optimizer, weight=1.0):
        super().compile(optimizer=optimizer)
        self.weight = weight
    def call(self, x):
        return self.dense(x)
    def train_step(self, data):
        import tensorflow as tf
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.weight * ops.mean((self(x, training=True) - y) ** 2)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        self.tracker.update_state(loss)
        return {"loss": self.tracker.result()}
    def get_compile_config(self):
        return {"optimizer": keras.saving.serialize_keras_object(self.optimizer), "weight": self.weight}
    def compile_from_config(self, config):
        self.compile(keras.saving.deserialize_keras_object(config["optimizer"]), config["weight"])
        self.optimizer.build(self.trainable_variables)
"""
        },
        script="""
            from mine import Net
            x = np.ones((2, 4), "float32")
            model = Net()
            model.compile(keras.optimizers.Adam(0.01), weight=2.0)
            model.fit(x, np.ones((2, 2)), verbose=0)
        """,
    ),
    _compiled(
        "Functions as loss and metric",
        "def my_loss(y, p):\n    return ops.mean((y - p) ** 2, axis=-1)\n"
        "def my_metric(y, p):\n    return ops.mean(ops.abs(y - p), axis=-1)\n",
        'optimizer="sgd", loss=my_loss, metrics=[my_metric]',
    ),
    _one_layer(
        "Functions as activation, initialiser, regulariser",
        "def act(x):\n    return ops.tanh(x) * 1.5\n"
        "def init(shape, dtype=None):\n    return ops.ones(shape, dtype) * 0.5\n"
        "def regular(w):\n    return 0.01 * ops.sum(w ** 4)\n",
        "keras.layers.Dense(3, activation=act, kernel_initializer=init, kernel_regularizer=regular)",
    ),
    _compiled(
        "Loss, metric, optimizer and schedule classes",
        """
class L(keras.losses.Loss):
    def call(self, y, p):
        return ops.mean(ops.abs(y - p) ** 3, axis=-1)
class M(keras.metrics.Mean):
    def update_state(self, y, p, sample_weight=None):
        return super().update_state(ops.abs(y - p))
class O(keras.optimizers.SGD):
    pass
class S(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, start):
        self.start = start
    def __call__(self, step):
        return self.start / (1 + ops.cast(step, "float32"))
    def get_config(self):
        return {"start": self.start}
""",
        "optimizer=O(S(0.1)), loss=L(), metrics=[M()]",
    ),
    _one_layer(
        "Initialiser, regulariser and constraint classes",
        """
class I(keras.initializers.Initializer):
    def __call__(self, shape, dtype=None):
        return ops.ones(shape, dtype) * 0.3
class R(keras.regularizers.Regularizer):
    def __init__(self, strength):
        self.strength = strength
    def __call__(self, w):
        return self.strength * ops.sum(w ** 4)
    def get_config(self):
        return {"strength": self.strength}
class C(keras.constraints.Constraint):
    def __call__(self, w):
        return ops.clip(w, -1, 1)
""",
        "keras.layers.Dense(3, kernel_initializer=I(), kernel_regularizer=R(0.1), kernel_constraint=C())",
    ),
    _compiled(
        "Schedule without get_config",
        """
class S(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, start):
        super().__init__()
        self.start = start
    def __call__(self, step):
        return self.start / (1 + ops.cast(step, "float32"))
""",
        'optimizer=keras.optimizers.SGD(S(0.1)), loss="mse"',
        adaptations=frozenset({"constructor_arguments"}),
    ),
    _compiled(
        "Closure that a factory made",
        "def pinball(q):\n    def loss(y, p):\n        e = y - p\n"
        "        return ops.mean(ops.maximum(q * e, (q - 1) * e), axis=-1)\n    return loss\n",
        'optimizer="sgd", loss=pinball(0.9)',
        extracted=True,
    ),
    _compiled(
        "Closure over a small array",
        "def weighted(table):\n    def loss(y, p):\n"
        "        return ops.mean(ops.convert_to_tensor(table) * (y - p) ** 2, axis=-1)\n    return loss\n",
        'optimizer="sgd", loss=weighted(np.ones(2, "float32"))',
        extracted=True,
    ),
    _compiled(
        "Closure over a settings object",
        "import argparse\ndef weighted(cfg):\n    def loss(y, p):\n"
        "        return ops.mean(cfg.scale * (y - p) ** 2, axis=-1)\n    return loss\n",
        'optimizer="sgd", loss=weighted(__import__("argparse").Namespace(scale=2.0))',
        extracted=True,
    ),
    _one_layer(
        "Settings object as an argument",
        "import argparse\nclass Mine(keras.layers.Layer):\n    def __init__(self, cfg, **options):\n"
        "        super().__init__(**options)\n        self.cfg = cfg\n"
        "    def call(self, x):\n        return x * self.cfg.scale\n",
        "Mine(mine.argparse.Namespace(scale=2.0, sizes=[1, (2, 3)]))",
        adaptations=frozenset({"constructor_arguments"}),
    ),
    _compiled(
        "Closure over a variable",
        "def weighted(table):\n    def loss(y, p):\n"
        "        return ops.mean(ops.convert_to_tensor(table) * (y - p) ** 2, axis=-1)\n    return loss\n",
        'optimizer="sgd", loss=weighted(keras.Variable([1.0, 1.0]))',
        extracted=True,
    ),
    _compiled(
        "Closure over what is not plain",
        "import threading\ndef weighted(table):\n    def loss(y, p):\n        with table:\n"
        "            return ops.mean((y - p) ** 2, axis=-1)\n    return loss\n",
        'optimizer="sgd", loss=weighted(threading.Lock())',
        works=False,
        remedy="table",
        how="the error names the captured value",
    ),
    _one_layer(
        "functools.partial as activation",
        "import functools\ndef scaled(x, by):\n    return x * by\nact = functools.partial(scaled, by=3.0)\n",
        "keras.layers.Dense(3, activation=act)",
    ),
    _scripted(
        "Lambda as loss",
        """
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        model.compile("sgd", loss=lambda y, p: keras.ops.mean((y - p) ** 2, axis=-1) * 3)
        """,
        extracted=True,
    ),
    _scripted(
        "Lambda as activation",
        """
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation=lambda t: t * 0.5)])
        """,
        extracted=True,
    ),
    _scripted(
        "Lambda layer of a lambda",
        """
        from keras import ops
        scale = 3.0
        model = keras.Sequential(
            [keras.Input((4,)), keras.layers.Lambda(lambda t, k=2: ops.tanh(t) * scale + k), keras.layers.Dense(2)])
        """,
        extracted=True,
    ),
    _one_layer("Lambda layer of a named function", "def f(x):\n    return ops.tanh(x)\n", "keras.layers.Lambda(f)"),
    Row(
        kind="Operation subclass in a functional model",
        files={
            "mine.py": _LAYER
            + """
class Plus(keras.Operation):
    def __init__(self, n, name=None):
        super().__init__(name=name)
        self.n = n
    def call(self, x):
        return x + self.n
    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, dtype=x.dtype)
"""
        },
        script="""
            from mine import Plus
            i = keras.Input((4,))
            model = keras.Model(i, keras.layers.Dense(2)(Plus(2)(i)))
            x = np.ones((2, 4), "float32")
        """,
    ),
    _scripted(
        "Calls of keras.ops in a functional model",
        """
        i = keras.Input((4,))
        model = keras.Model(i, keras.ops.tanh(keras.layers.Dense(2)(i)) * 2)
        """,
    ),
    _one_layer(
        "Enum, class object and partial in get_config",
        """
import enum, functools
class Mode(enum.Enum):
    UP = 1
    DOWN = 2
def times(x, by):
    return x * by
class Mine(keras.layers.Layer):
    def __init__(self, mode, layer_class, act, **kwargs):
        super().__init__(**kwargs)
        self.mode = mode
        self.layer_class = layer_class
        self.act = act
        self.inner = layer_class(4)
    def call(self, x):
        return self.act(self.inner(x)) * (1 if self.mode is Mode.UP else -1)
    def get_config(self):
        return {**super().get_config(), "mode": self.mode, "layer_class": self.layer_class, "act": self.act}
""",
        "Mine(Mode.DOWN, keras.layers.Dense, mine.functools.partial(times, by=2.0))",
        adaptations=frozenset({"restored_values"}),
    ),
    _one_layer(
        "Plain object in get_config",
        """
class Settings:
    def __init__(self, factor):
        self.factor = factor
class Mine(keras.layers.Layer):
    def __init__(self, settings, **kwargs):
        super().__init__(**kwargs)
        self.settings = settings
    def call(self, x):
        return x * self.settings.factor
    def get_config(self):
        return {**super().get_config(), "settings": self.settings}
""",
        "Mine(Settings(3.0))",
        adaptations=frozenset({"restored_values"}),
    ),
    _one_layer(
        "Config object with get_config and from_config",
        """
class Settings:
    def __init__(self, factor):
        self.factor = factor
    def get_config(self):
        return {"factor": self.factor}
    @classmethod
    def from_config(cls, config):
        return cls(**config)
class Mine(keras.layers.Layer):
    def __init__(self, settings, **kwargs):
        super().__init__(**kwargs)
        self.settings = settings
    def call(self, x):
        return x * self.settings.factor
    def get_config(self):
        return {**super().get_config(), "settings": keras.saving.serialize_keras_object(self.settings)}
    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config.pop("settings")), **config)
""",
        "Mine(Settings(3.0))",
    ),
    _one_layer(
        "Tuple in get_config",
        """
class Mine(keras.layers.Layer):
    def __init__(self, factors, **kwargs):
        super().__init__(**kwargs)
        assert isinstance(factors, tuple), f"factors must be a tuple, not {type(factors).__name__}"
        self.factors = factors
    def call(self, x):
        return x * self.factors[0] + self.factors[1]
    def get_config(self):
        return {**super().get_config(), "factors": tuple(self.factors)}
""",
        "Mine((2.0, 1.0))",
        adaptations=frozenset({"restored_values"}),
    ),
    _one_layer(
        "NumPy array in get_config",
        """
class Mine(keras.layers.Layer):
    def __init__(self, table, **kwargs):
        super().__init__(**kwargs)
        self.table = table
        self.width = table.shape[0]
    def call(self, x):
        return x * ops.convert_to_tensor(self.table)
    def get_config(self):
        return {**super().get_config(), "table": self.table}
""",
        'Mine(np.arange(4, dtype="float32"))',
        adaptations=frozenset({"restored_values"}),
    ),
    Row(
        kind="build with several arguments",
        files={
            "mine.py": _LAYER
            + """
class Mix(keras.layers.Layer):
    def build(self, left_shape, right_shape):
        self.left = self.add_weight(shape=(left_shape[-1], 3))
        self.right = self.add_weight(shape=(right_shape[-1], 3))
    def call(self, left, right):
        return ops.matmul(left, self.left) + ops.matmul(right, self.right)
"""
        },
        script="""
            from mine import Mix
            a, b = keras.Input((4,)), keras.Input((2,))
            model = keras.Model([a, b], Mix()(a, b))
            x = [np.ones((2, 4), "float32"), np.ones((2, 2), "float32")]
        """,
    ),
    _one_layer(
        "build that tells one shape from several",
        """
class Mine(keras.layers.Layer):
    def build(self, shape):
        if isinstance(shape, list):
            shape = shape[0]
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones")
    def call(self, x):
        return (x[0] if isinstance(x, list) else x) * self.scale
""",
        adaptations=frozenset({"restored_shapes"}),
    ),
    _one_layer(
        "save_own_variables, save_assets",
        """
import json, os
class Mine(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.words = []
    def build(self, shape):
        self.scale = self.add_weight(shape=(), initializer="ones")
    def call(self, x):
        return x * self.scale * (1 + len(self.words))
    def save_own_variables(self, store):
        store["scale"] = self.scale.numpy() + 1
    def load_own_variables(self, store):
        self.scale.assign(store["scale"][()] - 1)
    def save_assets(self, folder):
        with open(os.path.join(folder, "words.json"), "w") as file:
            json.dump(self.words, file)
    def load_assets(self, folder):
        with open(os.path.join(folder, "words.json")) as file:
            self.words = json.load(file)
""",
        "Mine()",
    ),
    Row(
        kind="TextVectorization with a function",
        files={"mine.py": "import keras\ndef shout(s):\n    return keras.tree.map_structure(lambda t: t, s)\n"},
        script="""
            from mine import shout
            import tensorflow as tf
            layer = keras.layers.TextVectorization(standardize=shout, output_sequence_length=3)
            layer.adapt(["one two three", "two three"])
            i = keras.Input((1,), dtype="string")
            model = keras.Model(i, keras.layers.Embedding(10, 2)(layer(i)))
            x = tf.constant([["one two"], ["three"]])
        """,
    ),
    _one_layer(
        "Dtype policy subclass",
        """
class Policy(keras.dtype_policies.DTypePolicy):
    @classmethod
    def from_config(cls, config):
        return cls(**config)
""",
        'keras.layers.Dense(3, dtype=mine.Policy("mixed_float16"))',
    ),
    Row(
        kind="int8 quantisation beside a custom layer",
        files={"mine.py": _LAYER + _SIMPLE},
        script="""
            from mine import Mine
            x = np.linspace(-1, 1, 12).reshape(3, 4).astype("float32")
            model = keras.Sequential([keras.Input((4,)), Mine(), keras.layers.Dense(8), keras.layers.Dense(2)])
            model.quantize("int8")
        """,
    ),
    Row(
        kind="DTypePolicyMap",
        files={"mine.py": _LAYER + _SIMPLE},
        script="""
            from mine import Mine
            x = np.linspace(-1, 1, 12).reshape(3, 4).astype("float32")
            policies = keras.dtype_policies.DTypePolicyMap()
            policies["mixed"] = keras.dtype_policies.DTypePolicy("mixed_bfloat16")
            model = keras.Sequential(
                [keras.Input((4,)), Mine(), keras.layers.Dense(8, dtype=policies, name="mixed"), keras.layers.Dense(2)])
        """,
    ),
    _one_layer(
        "Quantizer class",
        """
class Steps(keras.quantizers.Quantizer):
    def __init__(self, steps=4):
        super().__init__(output_dtype="float32")
        self.steps = steps
    def __call__(self, x):
        return ops.round(x * self.steps) / self.steps
    def get_config(self):
        return {"steps": self.steps}
class Mine(keras.layers.Layer):
    def __init__(self, quantizer, **kwargs):
        super().__init__(**kwargs)
        self.quantizer = keras.quantizers.get(quantizer)
    def call(self, x):
        return self.quantizer(x)
    def get_config(self):
        return {**super().get_config(), "quantizer": keras.quantizers.serialize(self.quantizer)}
""",
        "Mine(Steps(2))",
    ),
    _scripted(
        "Class in a script (__main__)",
        """
        from keras import ops
        FACTOR = 2.5
        def bend(t):
            return ops.tanh(t) * FACTOR
        class Mine(keras.layers.Layer):
            def call(self, x):
                return bend(x)
        model = keras.Sequential([keras.Input((4,)), Mine(), keras.layers.Dense(2)])
        """,
        extracted=True,
        how="notebooks with a real kernel: tests/models/test_notebook.py",
    ),
    _one_layer(
        "Class inside a function",
        """
def make(factor):
    class Mine(keras.layers.Layer):
        def call(self, x):
            return x * factor
    return Mine()
""",
        "make(4.0)",
        extracted=True,
    ),
    _scripted(
        "Class made by type()",
        """
        Made = type("Made", (keras.layers.Layer,), {"call": lambda self, x: x * 2})
        model = keras.Sequential([keras.Input((4,)), Made(), keras.layers.Dense(2)])
        """,
        works=False,
        remedy="Made",
        how="write it as a class, or by_value=[Made]",
    ),
    _scripted(
        "Class made by type(), stored by value",
        """
        Made = type("Made", (keras.layers.Layer,), {"call": lambda self, x: x * 2})
        model = keras.Sequential([keras.Input((4,)), Made(), keras.layers.Dense(2)])
        """,
        options="by_value=[Made]",
        how='opaque: loads with allow=["opaque-code"]',
    ),
    _one_layer(
        "Class that a decorator wraps",
        """
def doubled(cls):
    class Wrapper(cls):
        def call(self, x):
            return super().call(x) * 2
    Wrapper.__name__ = cls.__name__
    Wrapper.__qualname__ = cls.__qualname__
    Wrapper.__module__ = cls.__module__
    return Wrapper
@doubled
class Mine(keras.layers.Layer):
    def call(self, x):
        return x + 1
""",
    ),
    _scripted(
        "Class made by exec",
        """
        space = {"keras": keras, "__name__": "nowhere"}
        exec("class Made(keras.layers.Layer):\\n    def call(self, x):\\n        return x * 2\\n", space)
        model = keras.Sequential([keras.Input((4,)), space["Made"](), keras.layers.Dense(2)])
        """,
        works=False,
        remedy="Made",
        how="write it in a module, or by_value=[Made]",
    ),
    _one_layer(
        "Class named like one of Keras",
        "class Dense(keras.layers.Layer):\n    def call(self, x):\n        return x * 7\n",
        "mine.Dense()",
    ),
    Row(
        kind="Late imports, tables filled at import, data files",
        files={
            "pack/__init__.py": "",
            "pack/late.py": "FACTOR = 3.0\n",
            "pack/table.py": "TABLE = {}\ndef enter(f):\n    TABLE[f.__name__] = f\n    return f\n",
            "pack/entries.py": "from pack.table import enter\n@enter\ndef triple(x):\n    return x * 3\n",
            "pack/words.txt": "a b c",
            "pack/layers.py": _LAYER
            + """
from pathlib import Path
from pack import entries
from pack.table import TABLE
class Mine(keras.layers.Layer):
    def call(self, x):
        from pack.late import FACTOR
        words = (Path(__file__).parent / "words.txt").read_text().split()
        return TABLE["triple"](x) * FACTOR + len(words)
""",
        },
        script="""
            from pack.layers import Mine
            model = keras.Sequential([keras.Input((4,)), Mine(), keras.layers.Dense(2)])
            x = np.ones((2, 4), "float32")
        """,
    ),
    _scripted(
        "Model that cannot be rebuilt, as inference",
        """
        space = {"keras": keras, "__name__": "nowhere"}
        exec("class Made(keras.layers.Layer):\\n    def call(self, x):\\n        return x * 2\\n", space)
        model = keras.Sequential([keras.Input((4,)), space["Made"](), keras.layers.Dense(2)])
        """,
        options='fallback="inference"',
        fidelity="inference",
    ),
    _compiled(
        "Loss that compares the features of a network",
        """
from keras import layers
def features_of(network):
    def features(wanted, got):
        return ops.mean(ops.square(network(wanted) - network(got)))
    return features
""",
        '"sgd", features_of(keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)]))',
        extracted=True,
        how="the network as the calls that make it",
    ),
    _scripted(
        "Layer put in the place of another one (LoRA)",
        """
        class Wrapped(keras.layers.Layer):
            def __init__(self, inner, **options):
                super().__init__(**options)
                self.inner = inner
                self.more = keras.layers.Dense(4)
            def call(self, x):
                return self.inner(x) + self.more(x)
        class Block(keras.layers.Layer):
            def __init__(self, **options):
                super().__init__(**options)
                self.up = keras.layers.Dense(4)
            def build(self, shape):
                self.up.build(shape)
            def call(self, x):
                return self.up(x)
        block = Block()
        model = keras.Sequential([keras.Input((4,)), block, keras.layers.Dense(2)])
        block._tracker.unlock()
        block.up = Wrapped(block.up)
        block._tracker.lock()
        model = keras.Sequential([keras.Input((4,)), block, keras.layers.Dense(2)])
        """,
        extracted=True,
        adaptations=frozenset({"built_by_call", "constructor_arguments", "every_weight", "replaced_parts"}),
    ),
    _one_layer(
        "Layers in self._layers, which Keras does not track",
        """
class Mine(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._layers = [keras.layers.Dense(4)]
    def build(self, shape):
        self._layers[0].build(shape)
    def call(self, x):
        return self._layers[0](x)
""",
        adaptations=frozenset({"every_weight"}),
    ),
    _one_layer(
        "Long array as an argument, without get_config",
        """
class Mine(keras.layers.Layer):
    def __init__(self, table, **kwargs):
        super().__init__(**kwargs)
        self.table = table
    def call(self, x):
        return x * ops.convert_to_tensor(self.table)[0, :4]
""",
        'Mine(np.arange(90000, dtype="float32").reshape(300, 300))',
        adaptations=frozenset({"constructor_arguments"}),
        how="the array in a file beside the config",
    ),
    _one_layer(
        "Callbacks",
        "class Watch(keras.callbacks.Callback):\n    pass\n" + _SIMPLE,
        how="never part of a saved model",
    ),
)


def page() -> str:
    """The text of `docs/object-kinds.md`."""
    lines = [
        "# What becomes of every kind of custom object",
        "",
        "Made by `python -m tests.models.object_kinds`. Each row is a small model in `tests/models/object_kinds.py`;",
        f"its test, `{TEST}[NAME]`, packs it in one process and loads it in another that has never seen the code.",
        "",
        "| kind | outcome | how | test |",
        "|---|---|---|---|",
    ]
    for row in ROWS:
        outcome = "refused with a remedy" if not row.works else "works"
        if row.fidelity != "full":
            outcome += ", predicts only"
        how = [*sorted(row.adaptations), *(["source extracted into a module"] if row.extracted else [])]
        how += [f"`{row.options}`"] if row.options else []
        how += [row.how] if row.how else []
        lines.append(f"| {row.kind} | {outcome} | {'; '.join(how) or 'as it is'} | `{row.slug}` |")
    return "\n".join(lines).replace("**", r"\*\*").replace("*args", r"\*args") + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
