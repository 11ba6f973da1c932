import tensorflow as tf
from tensorflow.keras import layers, models, regularizers

_TEACHER = None


def set_teacher(m):
    global _TEACHER
    m.trainable = False
    _TEACHER = m
    return m


def get_teacher():
    if _TEACHER is None:
        raise RuntimeError("train the teacher first")
    return _TEACHER


def conv_bn(x, filters, stride=1, act="relu", name=None):
    x = layers.SeparableConv2D(filters, 3, strides=stride, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.75)(x)
    return layers.Activation(act, name=name)(x)


def net(width, depth, num_classes=4, shape=(16, 16, 1), cls=models.Model, act="relu", **kw):
    inputs = layers.Input(shape)
    x = inputs
    for i in range(depth):
        x = conv_bn(x, width, stride=2 if i % 2 == 0 else 1, act=act, name="stage%d" % i)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(num_classes, kernel_regularizer=regularizers.l2(1e-4), name="logits")(x)
    return cls(inputs=inputs, outputs=x, **kw)


def hswish(x):
    return x * tf.nn.relu6(x + 3.) / 6.
