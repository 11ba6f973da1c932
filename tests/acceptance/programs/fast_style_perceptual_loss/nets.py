import tensorflow as tf
from tensorflow.keras import Model, Sequential, layers


class InstanceNorm(layers.Layer):
    def __init__(self, epsilon=1e-5):
        super().__init__()
        self.epsilon = epsilon

    def build(self, input_shape):
        c = input_shape[-1]
        self.scale = self.add_weight(name="scale", shape=(c,), initializer="ones")
        self.offset = self.add_weight(name="offset", shape=(c,), initializer="zeros")

    def call(self, x):
        mean, var = tf.nn.moments(x, axes=[1, 2], keepdims=True)
        return self.scale * (x - mean) * tf.math.rsqrt(var + self.epsilon) + self.offset


class ReflectionPad(layers.Layer):
    def __init__(self, p):
        super().__init__()
        self.p = p

    def call(self, x):
        p = self.p
        return tf.pad(x, [[0, 0], [p, p], [p, p], [0, 0]], "REFLECT")


def conv_in_relu(filters, k, s=1, act=True):
    block = [ReflectionPad(k // 2), layers.Conv2D(filters, k, s), InstanceNorm()]
    if act:
        block.append(layers.ReLU())
    return block


class Residual(layers.Layer):
    def __init__(self, filters):
        super().__init__()
        self.body = Sequential(conv_in_relu(filters, 3) + conv_in_relu(filters, 3, act=False))

    def call(self, x):
        return x + self.body(x)


class TransformNet(Model):
    """Johnson et al. image transform net, much smaller."""

    def __init__(self, width=8, n_res=2):
        super().__init__()
        self.encoder = Sequential(conv_in_relu(width, 5) + conv_in_relu(width * 2, 3, 2))
        self.res = [Residual(width * 2) for _ in range(n_res)]
        self.up = layers.UpSampling2D(interpolation="nearest")
        self.decoder = Sequential(conv_in_relu(width, 3))
        self.to_rgb = Sequential([ReflectionPad(2), layers.Conv2D(3, 5, activation="tanh")])

    def call(self, img):
        x = self.encoder(img * 2.0 - 1.0)
        for r in self.res:
            x = r(x)
        x = self.decoder(self.up(x))
        return (self.to_rgb(x) + 1.0) / 2.0


def texture_classifier(size, classes):
    """the 'VGG' of this program"""
    inp = layers.Input((size, size, 3))
    x = inp
    for b, f in enumerate([8, 16], 1):
        for c in (1, 2):
            x = layers.Conv2D(f, 3, padding="same", activation="relu", name=f"block{b}_conv{c}")(x)
        x = layers.MaxPool2D(name=f"block{b}_pool")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return Model(inp, layers.Dense(classes, activation="softmax")(x))
