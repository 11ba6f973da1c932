"""Attention U-Net. Sublayers are plain attributes: with Keras 3, tf.train.Checkpoint does not
look inside Python lists of layers."""
import tensorflow as tf

L = tf.keras.layers


class DoubleConv(L.Layer):
    def __init__(self, f):
        super().__init__()
        for i in (1, 2):
            setattr(self, f"conv{i}", L.Conv2D(f, 3, padding="same", use_bias=False))
            setattr(self, f"bn{i}", L.BatchNormalization(momentum=0.8))

    def call(self, x, training=False):
        x = tf.nn.relu(self.bn1(self.conv1(x), training=training))
        return tf.nn.relu(self.bn2(self.conv2(x), training=training))


class AttentionGate(L.Layer):
    """which part of the skip matters"""

    def __init__(self, f):
        super().__init__()
        self.theta, self.phi, self.psi = L.Conv2D(f, 1), L.Conv2D(f, 1), L.Conv2D(1, 1)

    def call(self, skip, gate):
        a = tf.nn.relu(self.theta(skip) + self.phi(gate))
        return skip * tf.sigmoid(self.psi(a))


class UpBlock(L.Layer):
    def __init__(self, f):
        super().__init__()
        self.up = L.Conv2DTranspose(f, 2, strides=2)
        self.gate = AttentionGate(f // 2)
        self.conv = DoubleConv(f)

    def call(self, inputs, training=False):
        x, skip = inputs
        x = self.up(x)
        return self.conv(tf.concat([self.gate(skip, x), x], -1), training=training)


class UNet(tf.keras.Model):
    def __init__(self, widths=(8, 16)):
        super().__init__()
        self.depth = len(widths)
        for i, w in enumerate(widths):
            setattr(self, f"down{i}", DoubleConv(w))
            setattr(self, f"up{i}", UpBlock(w))
        self.mid = DoubleConv(widths[-1] * 2)
        self.pool = L.MaxPool2D()
        self.head = L.Conv2D(1, 1, activation="sigmoid")

    def call(self, x, training=False):
        skips = []
        for i in range(self.depth):
            x = getattr(self, f"down{i}")(x, training=training)
            skips.append(x)
            x = self.pool(x)
        x = self.mid(x, training=training)
        for i in reversed(range(self.depth)):
            x = getattr(self, f"up{i}")([x, skips[i]], training=training)
        return self.head(x)
