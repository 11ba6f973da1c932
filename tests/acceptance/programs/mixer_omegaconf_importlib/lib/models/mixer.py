import tensorflow as tf
import keras
from keras import layers

from lib.registry import REGISTRY, build, register


@register
class ConvStem(layers.Layer):
    def __init__(self, patch, dim):
        super().__init__(name="stem")
        self.proj = layers.Conv2D(dim, patch, strides=patch)

    def call(self, x):
        x = self.proj(x)
        return tf.reshape(x, [-1, x.shape[1] * x.shape[2], x.shape[3]])


class MlpBlock(layers.Layer):
    def __init__(self, dim, act):
        super().__init__()
        self.dim = dim
        self.act = getattr(tf.nn, act)

    def build(self, shape):
        self.fc1 = layers.Dense(self.dim)
        self.fc2 = layers.Dense(shape[-1])
        self.fc1.build(shape)
        self.fc2.build((*shape[:-1], self.dim))

    def call(self, x):
        return self.fc2(self.act(self.fc1(x)))


@register
class MixerBlock(layers.Layer):
    takes_cfg = True

    def __init__(self, cfg, index=0):
        super().__init__(name=f"MixerBlock_{index}")
        self.cfg = cfg
        self.norms = [build(cfg.norm) for _ in range(2)]
        self.token_mixing = MlpBlock(cfg.tokens_mlp, cfg.act)
        self.channel_mixing = MlpBlock(cfg.channels_mlp, cfg.act)

    def build(self, shape):
        assert shape[1] == self.cfg.tokens, (shape, self.cfg.tokens)
        init = keras.initializers.Constant(self.cfg.layer_scale)
        self.gamma = self.add_weight(shape=(2, shape[-1]), initializer=init, name="layer_scale")

    def call(self, x):
        y = tf.transpose(self.norms[0](x), [0, 2, 1])
        y = tf.transpose(self.token_mixing(y), [0, 2, 1])
        x = x + self.gamma[0] * y
        return x + self.gamma[1] * self.channel_mixing(self.norms[1](x))


@register
class MlpMixer(keras.Model):
    takes_cfg = True

    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.stem = build(cfg.stem)
        block = REGISTRY[cfg.block.type]
        self.blocks = [block(cfg.block, index=i) for i in range(cfg.depth)]
        self.pre_head_norm = build(cfg.block.norm, name="pre_head_layer_norm")
        self.head = layers.Dense(cfg.num_classes, kernel_initializer="zeros")

    def call(self, x):
        x = self.stem(x)
        for b in self.blocks:
            x = b(x)
        return self.head(tf.reduce_mean(self.pre_head_norm(x), axis=1))
