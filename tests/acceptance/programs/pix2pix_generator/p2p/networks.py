import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers


class NormalInit(keras.initializers.Initializer):
    def __init__(self, gain, mean=0.0):
        self.gain, self.mean = gain, mean

    def __call__(self, shape, dtype=None, **kwargs):
        return tf.random.normal(shape, self.mean, self.gain, dtype=dtype or tf.float32)


INIT = NormalInit(0.08)
conv_kw = {"kernel_initializer": INIT, "padding": "same"}


class InstanceNorm(layers.Layer):
    eps = 1e-5

    def build(self, shape):
        self.gamma = self.add_weight(name="gamma", shape=shape[-1:], initializer=NormalInit(0.02, 1.0))
        self.beta = self.add_weight(name="beta", shape=shape[-1:], initializer="zeros")

    def call(self, x):
        m, v = tf.nn.moments(x, [1, 2], keepdims=True)
        return (x - m) * tf.math.rsqrt(v + self.eps) * self.gamma + self.beta


class Reflect(layers.Layer):
    def __init__(self, pad):
        super().__init__()
        self.pad = [[0, 0], [pad, pad], [pad, pad], [0, 0]]

    def call(self, x):
        return tf.pad(x, self.pad, mode="REFLECT")


class SkipBlock(layers.Layer):
    """|-- down -- submodule -- up --| with the input concatenated"""

    def __init__(self, outer, inner, sub=None, outermost=False):
        super().__init__()
        self.outermost = outermost
        down = [layers.Conv2D(inner, 4, strides=2, **conv_kw)]
        up = [layers.ReLU(), layers.Conv2DTranspose(outer, 4, strides=2, **conv_kw)]
        if not outermost:
            down = [layers.LeakyReLU(negative_slope=0.2), *down] + ([InstanceNorm()] if sub else [])
            up.append(InstanceNorm())
        self.seq = down + ([sub] if sub else []) + up

    def call(self, x):
        y = x
        for l in self.seq:
            y = l(y)
        return tf.tanh(y) if self.outermost else tf.concat([x, y], -1)


def unet(downs, ngf, out_ch):
    block = None
    for d in reversed(range(downs)):
        outer = out_ch if d == 0 else ngf * 2 ** (d - 1)
        block = SkipBlock(outer, ngf * 2 ** d, block, outermost=d == 0)
    return block


def unet_16(ngf=6, out_ch=3):
    return unet(3, ngf, out_ch)


def resnet_2blocks(ngf=6, out_ch=3):
    def res():
        body = keras.Sequential([Reflect(1), layers.Conv2D(ngf, 3, kernel_initializer=INIT), InstanceNorm(), layers.ReLU()])
        return layers.Lambda(lambda t: t + body(t))
    return keras.Sequential([layers.Conv2D(ngf, 3, **conv_kw), res(), res(),
                             layers.Conv2D(out_ch, 3, activation="tanh", **conv_kw)])


def patch_discriminator(ndf=6, n_layers=2):
    a, b = keras.Input((None, None, 3)), keras.Input((None, None, 3))
    x = layers.Concatenate()([a, b])
    for n in range(n_layers):
        x = layers.Conv2D(ndf * 2 ** n, 4, strides=2, **conv_kw)(x)
        x = layers.LeakyReLU(negative_slope=0.2)(InstanceNorm()(x) if n else x)
    return keras.Model([a, b], layers.Conv2D(1, 4, **conv_kw)(x), name="netD")
