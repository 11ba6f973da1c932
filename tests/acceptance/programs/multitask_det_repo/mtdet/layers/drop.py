import keras
from keras import ops


class DropPath(keras.layers.Layer):
    """Stochastic depth per sample."""

    def __init__(self, rate=0.0, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate
        self.seed_gen = keras.random.SeedGenerator(1337)

    def call(self, x, training=None):
        if not training or self.rate == 0.0:
            return x
        keep = 1.0 - self.rate
        shape = (ops.shape(x)[0],) + (1,) * (len(x.shape) - 1)
        mask = ops.floor(keep + keras.random.uniform(shape, seed=self.seed_gen))
        return x / keep * mask

    def get_config(self):
        return {"rate": self.rate, **super().get_config()}
