import keras
from keras import layers

from ..utils import HEADS

__all__ = ["conv_head", "PoolHead"]


@HEADS.register()
def conv_head(out, activation=None, depth=1, width=16, name=None):
    net = keras.Sequential(name=name)
    for i in range(depth):
        net.add(layers.SeparableConv2D(width, 3, padding="same", activation="relu", name=f"{name}_tower{i}"))
    bias = "zeros" if activation != "sigmoid" else keras.initializers.Constant(-2.0)
    net.add(layers.Conv2D(out, 1, activation=activation, bias_initializer=bias, name=f"{name}_out"))
    return net


@HEADS.register("pool_head")
class PoolHead(layers.Layer):
    level = "coarse"

    def __init__(self, out, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.pool = layers.GlobalAveragePooling2D()
        self.fc = layers.Dense(out, activation=activation)

    def call(self, x):
        return self.fc(self.pool(x))
