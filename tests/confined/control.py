"""Modules that do nothing but compute: whatever is seen while these are used is the harness's and the framework's."""

COMPUTES = """
import math
import numpy as np
import keras
import tensorflow as tf
from keras import layers, ops


@keras.saving.register_keras_serializable("control")
class Scale(layers.Layer):
    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones")

    def call(self, x):
        return x * self.scale

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Net(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(4)

    def call(self, x):
        return self.dense(x)


class Own(keras.losses.Loss):
    def call(self, y, p):
        return ops.mean((y - p) ** 2)


class Count(keras.metrics.Metric):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.n = self.add_weight(name="n", initializer="zeros")

    def update_state(self, y, p, sample_weight=None):
        self.n.assign_add(1.0)

    def result(self):
        return self.n


class Quiet(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.seen = epoch


class Ones(keras.initializers.Initializer):
    def __call__(self, shape, dtype=None):
        return ops.ones(shape, dtype)


class Plain:
    def __init__(self, x=1):
        self.x = x

    def double(self):
        return self.x * 2


class Sequence(keras.utils.PyDataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        return np.ones((2, 4)), np.ones((2, 1))


def f(x):
    return x * math.pi


def g():
    return "computed"


def two(x, n):
    return tf.nn.relu(x)


def numbers():
    yield 1


@tf.function
def outer(x):
    return tf.cond(tf.reduce_sum(x) > 0, lambda: two(x, 1), lambda: x)


class Traces(layers.Layer):
    def call(self, x):
        return tf.function(f)(x)


data = [float(item) for item in tf.data.Dataset.range(2).map(lambda item: tf.cast(item, tf.float32) * 2)]
called = outer(np.ones(2, "float32"))
trained = keras.Sequential([keras.Input((4,)), Scale()])
trained.compile("sgd", "mse")
trained.fit(np.ones((2, 4)), np.ones((2, 4)), verbose=0)
copied = keras.models.clone_model(trained)
lookup = layers.StringLookup(vocabulary=["a", "b"])
vectors = layers.TextVectorization(vocabulary=["a", "b"])
"""

CONTROL = {"pack.__init__": "", "pack.m": COMPUTES}
FAILS = {
    "pack.__init__": "",
    "pack.m": "import keras\n\ndef f(x):\n    raise ValueError('no')\n\n\nclass A(keras.layers.Layer):\n"
    "    def call(self, x):\n        raise TypeError('never')\n\n\nclass B(keras.layers.Lambda): pass\n\n1 / 0\n",
}

#: For modules that are used briefly.
BRIEF = {
    "pack.__init__": "",
    "pack.m": "import keras\nimport numpy as np\nimport tensorflow as tf\nlayer = keras.layers.Dense(4)\ndef f(x):\n"
    "    return tf.nn.relu(x)\nclass A:\n    def double(self):\n        return 2\na = A()\n"
    "l = keras.layers.StringLookup(vocabulary=['a'])\n_p = tf.print('x')\n",
    "pack.n": "1 / 0\n",
}
