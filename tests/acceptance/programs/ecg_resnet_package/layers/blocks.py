import tensorflow as tf
from tensorflow.keras import layers as L

__all__ = ["ConvBNAct", "SqueezeExcite", "ResidualBlock"]

BN_MOMENTUM = 0.8


def _make_norm():
    return L.BatchNormalization(momentum=BN_MOMENTUM, epsilon=1e-4)


class ConvBNAct(L.Layer):
    def __init__(self, filters, kernel_size, strides=1, act=True):
        super(ConvBNAct, self).__init__()
        self.conv = L.Conv1D(filters, kernel_size, strides, padding="same", use_bias=False,
                             kernel_initializer="he_normal")
        self.bn = _make_norm()
        self.act = L.ReLU() if act else None

    def call(self, x, training=None):
        x = self.bn(self.conv(x), training=training)
        return x if self.act is None else self.act(x)


class SqueezeExcite(L.Layer):
    def __init__(self, ratio=4):
        super(SqueezeExcite, self).__init__()
        self.ratio = ratio

    def build(self, input_shape):
        ch = input_shape[-1]
        self.fc1 = L.Dense(max(ch // self.ratio, 2), activation="relu")
        self.fc2 = L.Dense(ch, activation="sigmoid")
        self.fc1.build((None, ch))
        self.fc2.build((None, max(ch // self.ratio, 2)))
        super(SqueezeExcite, self).build(input_shape)

    def call(self, x):
        s = tf.reduce_mean(x, axis=1)
        return x * self.fc2(self.fc1(s))[:, None, :]


class ResidualBlock(L.Layer):
    def __init__(self, filters, kernel_size=7, downsample=1, use_se=True):
        super(ResidualBlock, self).__init__()
        self.body = [
            ConvBNAct(filters, kernel_size, downsample),
            ConvBNAct(filters, kernel_size, act=False),
        ]
        if use_se:
            self.body.append(SqueezeExcite())
        self.filters = filters
        self.downsample = downsample

    def build(self, input_shape):
        self.shortcut = []
        if self.downsample > 1:
            self.shortcut.append(L.MaxPool1D(self.downsample, padding="same"))
        if input_shape[-1] != self.filters:
            self.shortcut.append(L.Conv1D(self.filters, 1, use_bias=False))

    def call(self, x, training=None):
        y = x
        for layer in self.body:
            y = layer(y, training=training) if isinstance(layer, ConvBNAct) else layer(y)
        for layer in self.shortcut:
            x = layer(x)
        return tf.nn.relu(x + y)
