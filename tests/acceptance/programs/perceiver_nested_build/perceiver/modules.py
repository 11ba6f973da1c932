import numpy as np
import tensorflow as tf
from tensorflow.keras import layers
from tensorflow import keras

from .config import PerceiverConfig


class FourierEncode(layers.Layer):
    """Concatenates fixed fourier position features to every pixel."""

    def __init__(self, cfg):
        super().__init__(name="fourier")
        self.cfg = cfg

    def build(self, input_shape):
        _, h, w, _ = input_shape
        axes = np.meshgrid(np.linspace(-1, 1, h), np.linspace(-1, 1, w), indexing="ij")
        pos = np.stack(axes, -1).reshape(-1, 2)
        freqs = np.geomspace(1.0, self.cfg.max_freq / 2, self.cfg.num_bands)
        ang = pos[..., None] * freqs * np.pi
        ang = ang.reshape(len(pos), -1)
        # numpy, not tf.constant: build() may run inside fit's graph
        self.table = np.concatenate([np.sin(ang), np.cos(ang), pos], -1).astype("float32")

    def call(self, images):
        b = tf.shape(images)[0]
        pixels = tf.reshape(images, [b, -1, images.shape[-1]])
        enc = tf.tile(tf.constant(self.table)[None], [b, 1, 1])
        return tf.concat([pixels, enc], -1)


class GEGLU(layers.Layer):
    def call(self, x):
        x, gate = tf.split(x, 2, axis=-1)
        return x * tf.nn.gelu(gate)


class FeedForward(layers.Layer):
    def __init__(self, cfg: PerceiverConfig):
        super().__init__()
        self.cfg = cfg

    def build(self, input_shape):
        dim = input_shape[-1]
        self.net = keras.Sequential(
            [
                layers.Dense(dim * self.cfg.widening * 2),
                GEGLU(),
                layers.Dropout(self.cfg.dropout),
                layers.Dense(dim),
            ]
        )
        self.net.build(input_shape)

    def call(self, x, training=None):
        return self.net(x, training=training)


class PreNormResidual(layers.Layer):
    """x + f(LN(x)); `make` is called in build to create f."""

    def __init__(self, make, **kw):
        super().__init__(**kw)
        self.make = make

    def build(self, input_shape):
        self.norm = layers.LayerNormalization(epsilon=1e-6)
        self.fn = self.make()

    def call(self, x, training=None):
        return x + self.fn(self.norm(x), training=training)


class SelfAttention(layers.Layer):
    def __init__(self, heads):
        super().__init__()
        self.heads = heads

    def build(self, input_shape):
        dim = input_shape[-1]
        self.to_qkv = layers.Dense(dim * 3, use_bias=False)
        self.to_out = layers.Dense(dim)
        self.scale = (dim // self.heads) ** -0.5

    def call(self, x, training=None):
        b, n, d = tf.shape(x)[0], x.shape[1], x.shape[2]
        qkv = tf.reshape(self.to_qkv(x), [b, n, 3, self.heads, d // self.heads])
        q, k, v = tf.unstack(tf.transpose(qkv, [2, 0, 3, 1, 4]))
        attn = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) * self.scale)
        out = tf.reshape(tf.transpose(attn @ v, [0, 2, 1, 3]), [b, n, d])
        return self.to_out(out)


class CrossAttend(layers.Layer):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg

    def build(self, input_shape):
        self.norm_latent = layers.LayerNormalization()
        self.norm_data = layers.LayerNormalization()
        self.attn = layers.MultiHeadAttention(
            self.cfg.cross_heads, self.cfg.latent_dim // self.cfg.cross_heads
        )
        self.ff = PreNormResidual(lambda: FeedForward(self.cfg))

    def call(self, inputs, training=None):
        latents, data = inputs
        latents = latents + self.attn(self.norm_latent(latents), self.norm_data(data))
        return self.ff(latents, training=training)


class LatentTransformer(layers.Layer):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg

    def build(self, input_shape):
        self.stack = []
        for i in range(self.cfg.blocks):
            self.stack.append(
                [
                    PreNormResidual(lambda: SelfAttention(self.cfg.latent_heads), name=f"sa{i}"),
                    PreNormResidual(lambda: FeedForward(self.cfg), name=f"ff{i}"),
                ]
            )

    def call(self, x, training=None):
        for attn, ff in self.stack:
            x = ff(attn(x, training=training), training=training)
        return x


class Iteration(layers.Layer):
    """cross attention followed by a latent transformer"""

    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg

    def build(self, shapes):
        self.cross = CrossAttend(self.cfg)
        self.process = LatentTransformer(self.cfg)

    def call(self, inputs, training=None):
        return self.process(self.cross(inputs, training=training), training=training)


class Perceiver(keras.Model):
    def __init__(self, cfg: PerceiverConfig):
        super().__init__()
        self.cfg = cfg

    def build(self, input_shape):
        cfg = self.cfg
        self.latents = self.add_weight(
            shape=(cfg.num_latents, cfg.latent_dim),
            initializer=keras.initializers.TruncatedNormal(stddev=0.02),
            name="latents",
        )
        self.encode = FourierEncode(cfg.fourier)
        if cfg.share_weights:
            self.iterations = [Iteration(cfg)] * cfg.iterations
        else:
            self.iterations = [Iteration(cfg) for _ in range(cfg.iterations)]
        self.head = keras.Sequential([layers.LayerNormalization(), layers.Dense(cfg.num_classes)])
        super().build(input_shape)

    def call(self, images, training=None):
        data = self.encode(images)
        z = tf.repeat(self.latents[None], tf.shape(images)[0], axis=0)
        for step in self.iterations:
            z = step([z, data], training=training)
        return self.head(tf.reduce_mean(z, axis=1))
