import tensorflow as tf
from tensorflow.keras import activations, initializers, layers
from tensorflow.keras.utils import register_keras_serializable


class ChronoBias(initializers.Initializer):
    """Forget gate bias log U(1, T-1), input gate bias its negative."""

    def __init__(self, t_max, seed=13):
        self.t_max = t_max
        self.seed = seed

    def __call__(self, shape, dtype=None):
        units = shape[0] // 4
        u = tf.random.stateless_uniform((units,), (self.seed, units), 1.0, self.t_max - 1.0)
        forget = tf.math.log(u)
        return tf.concat([-forget, forget, tf.zeros(2 * units)], 0)

    def get_config(self):
        return {"t_max": self.t_max, "seed": self.seed}


@register_keras_serializable(package="sensors")
class LayerNormLSTMCell(layers.Layer):
    def __init__(self, units, t_max=20, activation="tanh", **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.t_max = t_max
        self.activation = activations.get(activation)
        self.state_size = [units, units]
        self.output_size = units
        self.kernel_norm = layers.LayerNormalization(center=False)
        self.recurrent_norm = layers.LayerNormalization(center=False)
        self.state_norm = layers.LayerNormalization()

    def build(self, input_shape):
        u = self.units
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], 4 * u))
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel", shape=(u, 4 * u), initializer="orthogonal"
        )
        self.bias = self.add_weight(name="bias", shape=(4 * u,), initializer=ChronoBias(self.t_max))
        self.kernel_norm.build((None, 4 * u))
        self.recurrent_norm.build((None, 4 * u))
        self.state_norm.build((None, u))

    def call(self, inputs, states, training=None):
        h, c = states
        z = self.kernel_norm(tf.matmul(inputs, self.kernel))
        z += self.recurrent_norm(tf.matmul(h, self.recurrent_kernel))
        z += self.bias
        i, f, g, o = tf.split(z, 4, axis=-1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * self.activation(g)
        c = self.state_norm(c)
        h = tf.sigmoid(o) * self.activation(c)
        return h, [h, c]

    def get_initial_state(self, batch_size=None):
        return [tf.zeros((batch_size, self.units)) for _ in self.state_size]

    def get_config(self):
        config = super().get_config()
        config["units"] = self.units
        config["t_max"] = self.t_max
        config["activation"] = activations.serialize(self.activation)
        return config


class MinimalCell(layers.Layer):
    """One gate; its rest value (how much of the old state stays) is learned."""

    def __init__(self, units):
        super().__init__()
        self.units = units
        self.state_size = units
        self.candidate = layers.Dense(units, activation="tanh")
        self.gate = layers.Dense(units, activation="sigmoid", bias_initializer="ones")

    def build(self, input_shape):
        both = (None, input_shape[-1] + self.units)
        self.candidate.build(both)
        self.gate.build(both)

    def call(self, inputs, states):
        (h,) = states
        keep = self.gate(tf.concat([inputs, h], -1))
        new = self.candidate(tf.concat([inputs, keep * h], -1))
        h = keep * h + (1.0 - keep) * new
        return h, (h,)
