"""A loss and a metric."""

import keras
from keras import ops

from wine.common import EPSILON


def focal_loss(y_true, y_pred):
    """Return the focal loss of class probabilities (batch, classes) against one-hot targets: (batch,)."""
    chosen = ops.sum(y_true * y_pred, axis=-1)
    return -ops.square(1 - chosen) * ops.log(chosen + EPSILON)


class Confidence(keras.metrics.Metric):
    """The mean of the largest class probability."""

    def __init__(self, name="confidence", **kwargs):
        super().__init__(name=name, **kwargs)
        self.total = self.add_variable((), initializer="zeros", name="total")
        self.count = self.add_variable((), initializer="zeros", name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign_add(ops.sum(ops.max(y_pred, axis=-1)))
        self.count.assign_add(ops.cast(ops.shape(y_pred)[0], self.count.dtype))

    def result(self):
        return self.total / (self.count + EPSILON)
