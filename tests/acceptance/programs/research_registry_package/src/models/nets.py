import tensorflow as tf

from ..registry import get, register
from .layers import MixBlock


class PointCloudMixin:
    def dummy_inputs(self, cfg):
        return tf.zeros((1, cfg.data.n_points, 3))

    @staticmethod
    def centre(points):
        return points - tf.reduce_mean(points, axis=1, keepdims=True)


@register("point_mixer")
class PointMixer(PointCloudMixin, tf.keras.Model):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        m = cfg.model
        self.stem = tf.keras.layers.Dense(m.dim, name="stem")
        self.blocks = [MixBlock(m, i) for i in range(m.depth)]
        self.pool = get("pool", m.pool)(m)
        self.head = tf.keras.layers.Dense(cfg.data.classes, name="head")

    def call(self, points):
        x = self.stem(self.embed(points))
        for block in self.blocks:
            x = block(x)
        return self.head(self.pool(x))

    def embed(self, points):
        points = self.centre(points)
        octaves = [fn(points * 2.0**k) for k in range(2) for fn in (tf.sin, tf.cos)]
        return tf.concat([points, *octaves], axis=-1)


@register("pointnet")
class PointNet(PointCloudMixin, tf.keras.Model):
    """The baseline."""

    def __init__(self, cfg):
        super().__init__()
        self.mlp = [tf.keras.layers.Dense(cfg.model.dim, activation="relu") for _ in range(cfg.model.depth)]
        self.head = tf.keras.layers.Dense(cfg.data.classes)

    def call(self, points):
        x = self.centre(points)
        for layer in self.mlp:
            x = layer(x)
        return self.head(tf.reduce_max(x, axis=1))
