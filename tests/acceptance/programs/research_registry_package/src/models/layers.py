import tensorflow as tf

from ..registry import get, register

L = tf.keras.layers


@register("rms", kind="norm")
class RMSNorm(L.Layer):
    def __init__(self, eps=1e-6):
        super().__init__()
        self.eps = eps

    def build(self, shape):
        self.gain = self.add_weight(name="gain", shape=(shape[-1],), initializer="ones")

    def call(self, x):
        return x * tf.math.rsqrt(tf.reduce_mean(x * x, axis=-1, keepdims=True) + self.eps) * self.gain


register("layer", kind="norm")(L.LayerNormalization)
register("mean", kind="pool")(lambda cfg: L.GlobalAveragePooling1D())


@register("attention", kind="pool")
class AttentionPool(L.Layer):
    """A learned query looks at all the points."""

    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.key = L.Dense(cfg.dim, use_bias=False)

    def build(self, shape):
        self.query = self.add_weight(name="query", shape=(self.cfg.dim, 1), initializer="glorot_uniform")
        self.key.build(shape)

    def call(self, x):
        scores = tf.matmul(self.key(x), self.query) * self.cfg.dim**-0.5
        return tf.reduce_sum(tf.nn.softmax(scores, axis=1) * x, axis=1)


class MixBlock(L.Layer):
    """Every point hears the mean and the maximum of all, then a channel MLP. Order does not matter."""

    def __init__(self, cfg, index):
        super().__init__(name=f"block{index}")
        norm = get("norm", cfg.norm)
        self.norms = [norm(), norm()]
        self.token = L.Dense(cfg.dim)
        self.mlp = tf.keras.Sequential([L.Dense(int(cfg.dim * cfg.expansion), activation=tf.nn.gelu), L.Dense(cfg.dim)])
        self.scales = [
            self.add_weight(name=f"gamma{i}", shape=(cfg.dim,), initializer=tf.keras.initializers.Constant(cfg.layer_scale))
            for i in range(2)
        ]

    def call(self, x):
        h = self.norms[0](x)
        pooled = tf.concat([tf.reduce_mean(h, 1, keepdims=True), tf.reduce_max(h, 1, keepdims=True)], axis=-1)
        pooled = tf.repeat(pooled, tf.shape(x)[1], axis=1)
        x = x + self.scales[0] * self.token(tf.concat([h, pooled], axis=-1))
        return x + self.scales[1] * self.mlp(self.norms[1](x))
