from functools import partial

import tensorflow as tf
from tensorflow.keras.layers import Dense

from layers import *
from .registry import register

__all__ = ["ECGResNet"]


class BaseECGModel(tf.keras.Model):
    """Takes (time, leads), gives a probability for each finding."""

    def features(self, x, training=None):
        raise NotImplementedError

    def call(self, x, training=None):
        return self.head(self.features(x, training=training))


@register("resnet")
class ECGResNet(BaseECGModel):
    def __init__(self, num_classes, widths=(8, 12, 16), kernel_size=7):
        super(ECGResNet, self).__init__()
        self.stem = ConvBNAct(widths[0], kernel_size, strides=2)
        self.stages = []
        for i, w in enumerate(widths[1:]):
            self.stages.append(ResidualBlock(w, kernel_size, downsample=2, use_se=i > 0))
        self.pool = GeMPool1D()
        self.head = Dense(num_classes, activation="sigmoid")

    def features(self, x, training=None):
        x = self.stem(x, training=training)
        for stage in self.stages:
            x = stage(x, training=training)
        return self.pool(x)


register("resnet_wide")(partial(ECGResNet, widths=(16, 24, 32)))
