import tensorflow as tf
from tensorflow.keras.layers import BatchNormalization, Conv2D, Conv2DTranspose, Dense, Dropout, Layer

from settings import config


class ControlNet(Layer):
    """instrument one-hot -> conditioning vector"""

    def __init__(self, neurons):
        super().__init__(name="control")
        self._layers = [Dense(n, activation="relu", name=f"ctrl_{i}") for i, n in enumerate(neurons)]

    def call(self, cond):
        for layer in self._layers:
            cond = layer(cond)
        return cond


class FiLM(Layer):
    def __init__(self, film_type):
        super().__init__()
        self.film_type = film_type

    def build(self, shapes):
        feat, _ = shapes
        n = feat[-1] if self.film_type == "complex" else 1
        self._heads = {
            "gamma": Dense(n, bias_initializer="ones", name="gamma"),
            "beta": Dense(n, name="beta"),
        }

    def call(self, inputs):
        x, cond = inputs
        g = self._heads["gamma"](cond)[:, None, None, :]
        b = self._heads["beta"](cond)[:, None, None, :]
        return g * x + b


class HyperDense(Layer):
    """Low-rank kernel written by a hyper-network from the condition, over the last axis."""

    def __init__(self, units, rank, activation=None):
        super().__init__()
        self.units, self.rank = units, rank
        self.act = tf.keras.activations.get(activation)

    def build(self, shapes):
        (self.n_in, _) = shapes[0][-1], shapes[1]
        self._hyper = [
            Dense(12, activation="tanh"),
            {
                "left": Dense(self.n_in * self.rank, kernel_initializer="he_normal"),
                "right": Dense(self.rank * self.units, kernel_initializer="he_normal"),
                "bias": Dense(self.units),
            },
        ]
        self.base = self.add_weight(name="base", shape=(self.n_in, self.units), initializer="glorot_uniform")

    def call(self, inputs):
        x, cond = inputs
        trunk, out = self._hyper
        h = trunk(cond)
        left = tf.reshape(out["left"](h), [-1, self.n_in, self.rank])
        right = tf.reshape(out["right"](h), [-1, self.rank, self.units])
        kernel = self.base + left @ right / float(self.rank)
        y = tf.einsum("bftc,bcu->bftu", x, kernel) + out["bias"](h)[:, None, None, :]
        return self.act(y)


class ConvBlock(Layer):
    """conv -> BN -> FiLM -> activation, down or up"""

    def __init__(self, filters, up=False, film=True, dropout=0.0, **kw):
        super().__init__(**kw)
        conv = Conv2DTranspose if up else Conv2D
        self._blocks = {
            "conv": conv(filters, 5, strides=2, padding="same"),
            "bn": BatchNormalization(momentum=0.9, scale=True),
        }
        if film:
            self._blocks["film"] = FiLM(config.film_type)
        if dropout:
            self._blocks["drop"] = Dropout(dropout)
        self.act = tf.nn.relu if up else (lambda t: tf.nn.leaky_relu(t, 0.2))

    def call(self, inputs, training=False):
        x, cond = inputs
        x = self._blocks["bn"](self._blocks["conv"](x), training=training)
        if "film" in self._blocks:
            x = self._blocks["film"]([x, cond])
        x = self.act(x)
        return self._blocks["drop"](x, training=training) if "drop" in self._blocks else x


class CUNet(tf.keras.Model):
    def __init__(self):
        super().__init__(name="cunet_hyper")
        self._control = ControlNet(config.control_neurons)
        self._blocks = {"down": [], "up": []}
        for i, f in enumerate(config.filters):
            self._blocks["down"].append(ConvBlock(f, name=f"down_{i}"))
        for i, f in enumerate(reversed([4] + config.filters[:-1])):
            self._blocks["up"].append(ConvBlock(f, up=True, film=False, name=f"up_{i}"))
        self._mid = HyperDense(config.filters[-1], config.hyper_rank, "tanh")
        self._mask = Conv2D(1, 3, padding="same", activation="sigmoid", name="mask")

    def call(self, inputs, training=False):
        mix, instrument = inputs["mix"], inputs["instrument"]
        cond = self._control(instrument)
        x, skips = mix, []
        for block in self._blocks["down"]:
            x = block([x, cond], training=training)
            skips.append(x)
        x = x + self._mid([x, cond])
        for block, skip in zip(self._blocks["up"], reversed(skips)):
            x = block([tf.concat([x, skip], -1), cond], training=training)
        return mix * self._mask(x)
