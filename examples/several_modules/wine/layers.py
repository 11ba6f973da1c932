"""Two layers, one on top of a mixin."""

import keras
from keras import ops

from .common import unit


class Temperature:
    """A mixin: classes with it divide their scores by `temperature`."""

    temperature = 1.0

    def soften(self, scores):
        """Return `scores` divided by the temperature."""
        return scores / self.temperature


class Prototypes(Temperature, keras.layers.Layer):
    """Cosine similarity of the input to learned prototypes: (batch, features) -> (batch, count)."""

    def __init__(self, count, temperature=0.2, **kwargs):
        super().__init__(**kwargs)
        self.count = count
        self.temperature = temperature

    def build(self, input_shape):
        self.points = self.add_weight(name="points", shape=(self.count, input_shape[-1]))

    def call(self, inputs):
        return self.soften(ops.matmul(unit(inputs), ops.transpose(unit(self.points))))

    def get_config(self):
        return {**super().get_config(), "count": self.count, "temperature": self.temperature}


class FeatureGate(keras.layers.Layer):
    """Switches features on and off softly, per feature: (batch, features) -> the same."""

    def build(self, input_shape):
        self.gate = self.add_weight(name="gate", shape=(input_shape[-1],), initializer="zeros")

    def call(self, inputs):
        return inputs * 2 * ops.sigmoid(self.gate)
