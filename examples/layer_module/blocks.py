"""The layers of this project in a module of their own, as most projects have them."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="demo")
class LayerScale(keras.layers.Layer):
    """Scales features by a learned vector that starts small. Input and output: (batch, ..., features)."""

    def __init__(self, start=1e-2, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        self.scale = self.add_weight(
            name="scale", shape=(input_shape[-1],), initializer=keras.initializers.Constant(self.start)
        )

    def call(self, inputs):
        return inputs * self.scale

    def get_config(self):
        return {**super().get_config(), "start": self.start}


@keras.saving.register_keras_serializable(package="demo")
class ResidualBlock(keras.layers.Layer):
    """Two dense layers beside a shortcut. The inner layers are made here, so no config ever names LayerScale."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.inner = keras.layers.Dense(units, activation=squared_relu)
        self.outer = keras.layers.Dense(units)
        self.scale = LayerScale()

    def build(self, input_shape):
        self.inner.build(input_shape)
        self.outer.build(input_shape)
        self.scale.build(input_shape)

    def call(self, inputs):
        return inputs + self.scale(self.outer(self.inner(inputs)))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(package="demo")
def squared_relu(x):
    """Return max(x, 0) squared."""
    return ops.square(ops.relu(x))
