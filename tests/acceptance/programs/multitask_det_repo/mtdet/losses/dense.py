import keras
from keras import ops

from ..utils import LOSSES

__all__ = ["Focal", "masked_smooth_l1", "masked_ce"]


@LOSSES.register("focal")
class Focal(keras.losses.Loss):
    def __init__(self, gamma=2.0, alpha=0.75, **kwargs):
        super().__init__(**kwargs)
        self.gamma, self.alpha = gamma, alpha

    def call(self, y_true, y_pred):
        p = ops.clip(y_pred, 1e-6, 1 - 1e-6)
        pos = -self.alpha * (1 - p) ** self.gamma * y_true * ops.log(p)
        neg = -(1 - self.alpha) * p ** self.gamma * (1 - y_true) * ops.log(1 - p)
        return ops.mean(pos + neg, axis=(1, 2, 3))

    def get_config(self):
        return {"gamma": self.gamma}


@LOSSES.register()
def masked_smooth_l1(beta=1.0):
    # y_true: (B, H, W, 5), last channel is the mask
    def fn(y_true, y_pred):
        t, m = y_true[..., :4], y_true[..., 4:]
        d = ops.abs(t - y_pred)
        l = ops.where(d < beta, 0.5 * d * d / beta, d - 0.5 * beta)
        return ops.sum(l * m) / (ops.sum(m) + 1e-6)

    return fn


@LOSSES.register()
def masked_ce():
    # sparse labels, -1 = ignore
    def fn(y_true, y_pred):
        valid = ops.cast(y_true >= 0, "float32")
        ce = keras.losses.sparse_categorical_crossentropy(ops.maximum(y_true, 0), y_pred)
        valid = valid[..., 0]
        return ops.sum(ce * valid) / (ops.sum(valid) + 1e-6)

    return fn


LOSSES.register("ce")(keras.losses.SparseCategoricalCrossentropy)
