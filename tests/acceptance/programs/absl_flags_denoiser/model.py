"""Denoising conv autoencoder for 1-D signals."""
from absl import flags
import tensorflow as tf

FLAGS = flags.FLAGS

flags.DEFINE_list("filters", ["32", "64"], "Filters of each encoder stage.")
flags.DEFINE_integer("kernel_size", 7, "Width of all convolutions.")
flags.DEFINE_integer("units", 2, "Residual units in a stage.")
flags.DEFINE_float("residual_scale", 1.0, "What the residual branch is multiplied by.")
flags.DEFINE_enum("norm", "layer", ["layer", "rms", "none"], "Normalization.")
flags.DEFINE_bool("skip_connections", True, "Whether decoder stages see the encoder's.")
flags.DEFINE_float("spectral_weight", 0.1, "Weight of the spectral term of the loss.")


class RMSNorm(tf.keras.layers.Layer):

  def build(self, input_shape):
    self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")

  def call(self, inputs):
    ms = tf.reduce_mean(tf.square(inputs), axis=-1, keepdims=True)
    return inputs * tf.math.rsqrt(ms + 1e-6) * self.scale


def get_norm():
  if FLAGS.norm == "layer":
    return tf.keras.layers.LayerNormalization()
  if FLAGS.norm == "rms":
    return RMSNorm()
  return tf.keras.layers.Identity()


class ResidualUnit(tf.keras.layers.Layer):

  def __init__(self, filters, dilation, **kwargs):
    super().__init__(**kwargs)
    self.norm = get_norm()
    self.conv = tf.keras.layers.Conv1D(
        filters, FLAGS.kernel_size, padding="same", dilation_rate=dilation)

  def call(self, inputs):
    x = self.conv(tf.nn.silu(self.norm(inputs)))
    return inputs + FLAGS.residual_scale * x


class Stage(tf.keras.layers.Layer):
  """Strided (or transposed) convolution and residual units."""

  def __init__(self, filters, up=False, **kwargs):
    super().__init__(**kwargs)
    conv = tf.keras.layers.Conv1DTranspose if up else tf.keras.layers.Conv1D
    self.resample = conv(filters, FLAGS.kernel_size, strides=2, padding="same")
    self.units = [ResidualUnit(filters, 2**i) for i in range(FLAGS.units)]

  def call(self, inputs):
    x = self.resample(inputs)
    for unit in self.units:
      x = unit(x)
    return x


class Denoiser(tf.keras.models.Model):

  def __init__(self, **kwargs):
    super().__init__(**kwargs)
    widths = [int(f) for f in FLAGS.filters]
    self.encoder_stages = [Stage(w) for w in widths]
    self.decoder_stages = [Stage(w, up=True) for w in reversed(widths)]
    self.head = tf.keras.layers.Conv1D(1, 1)

  def call(self, inputs, training=None):
    x, hiddens = inputs, []
    for stage in self.encoder_stages:
      hiddens.append(x)
      x = stage(x)
    for stage in self.decoder_stages:
      x = stage(x)
      skip = hiddens.pop()
      if FLAGS.skip_connections:
        x = tf.concat([x, skip], axis=-1)
    return self.head(x)


def denoising_loss(clean, denoised):
  """L1 in time plus L1 between magnitudes of the spectrum."""
  time_loss = tf.reduce_mean(tf.abs(clean - denoised), axis=(1, 2))
  spectrum = lambda s: tf.abs(tf.signal.rfft(s[..., 0]))
  spec_loss = tf.reduce_mean(tf.abs(spectrum(clean) - spectrum(denoised)), axis=-1)
  return time_loss + FLAGS.spectral_weight * spec_loss
