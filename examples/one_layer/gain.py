"""A custom layer with a weight of its own."""

import keras


class PixelGain(keras.layers.Layer):
    """Multiplies every feature by a learned gain.

    Input and output: (batch, features), float.
    """

    def __init__(self, initial=1.0, **kwargs):
        super().__init__(**kwargs)
        self.initial = initial

    def build(self, input_shape):
        self.gain = self.add_weight(
            name="gain", shape=(input_shape[-1],), initializer=keras.initializers.Constant(self.initial)
        )

    def call(self, inputs):
        return inputs * self.gain

    def get_config(self):
        return {**super().get_config(), "initial": self.initial}
