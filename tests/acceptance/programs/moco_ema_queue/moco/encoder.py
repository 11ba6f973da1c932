import numpy as np
import tensorflow as tf
from tensorflow.keras import Input, Model, layers


class BlurPool(layers.Layer):
  """Anti-aliased down-sampling (Zhang 2019)."""

  def __init__(self, taps=(1, 2, 1), stride=2, **kwargs):
    super().__init__(**kwargs)
    k = np.outer(taps, taps).astype(np.float32)
    self.blur = k / k.sum()
    self.stride = stride

  def build(self, input_shape):
    self.kernel = tf.constant(np.tile(self.blur[:, :, None, None], (1, 1, input_shape[-1], 1)))

  def call(self, x):
    return tf.nn.depthwise_conv2d(x, self.kernel, [1, self.stride, self.stride, 1], "SAME")


class L2Normalize(layers.Layer):

  def call(self, x):
    return tf.math.l2_normalize(x, axis=-1)


def build_encoder(image_shape, width=8, feature_dim=16, name="encoder"):
  inputs = Input(image_shape)
  x = inputs
  for i, mult in enumerate((1, 2)):
    x = layers.Conv2D(width * mult, 3, padding="same", use_bias=False, name=f"conv{i}")(x)
    x = layers.BatchNormalization(momentum=0.8, name=f"bn{i}")(x)
    x = layers.ReLU()(x)
    x = BlurPool(name=f"pool{i}")(x)
  x = layers.GlobalAveragePooling2D(name="features")(x)
  h = layers.Dense(feature_dim, activation="relu", name="proj1")(x)
  z = L2Normalize(name="z")(layers.Dense(feature_dim, name="proj2")(h))
  return Model(inputs, [x, z], name=name)
