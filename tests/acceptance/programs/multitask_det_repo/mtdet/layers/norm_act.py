from functools import partial

import tensorflow as tf
from keras import layers

__all__ = ["get_norm", "get_act", "ConvNormAct", "hard_mish"]


def hard_mish(x):
    return 0.5 * x * tf.clip_by_value(x + 2.0, 0.0, 2.0)


_NORMS = {
    "bn": layers.BatchNormalization,
    "ln": layers.LayerNormalization,
    "gn": partial(layers.GroupNormalization, groups=4),
}


def get_norm(name="bn", **kwargs):
    return partial(_NORMS[name], **kwargs)


def get_act(name):
    if name == "hard_mish":
        return partial(layers.Activation, hard_mish)
    return partial(layers.Activation, name)


class ConvNormAct(layers.Layer):
    def __init__(self, filters, kernel=3, stride=1, norm=None, act=None, depthwise=False, **kwargs):
        super().__init__(**kwargs)
        if depthwise:
            self.conv = layers.DepthwiseConv2D(kernel, strides=stride, padding="same", use_bias=norm is None)
        else:
            self.conv = layers.Conv2D(filters, kernel, strides=stride, padding="same", use_bias=norm is None)
        self.norm = norm() if norm is not None else None
        self.act = act() if act is not None else None

    def call(self, x, training=None):
        x = self.conv(x)
        if self.norm is not None:
            x = self.norm(x, training=training)
        return self.act(x) if self.act is not None else x
