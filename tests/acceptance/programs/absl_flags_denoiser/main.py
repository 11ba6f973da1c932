"""Trains the denoiser.

python main.py --bundle=/tmp/denoiser --numbers=/tmp/numbers.npz
"""
from absl import app
from absl import flags
from absl import logging
import numpy as np
import tensorflow as tf

import model as model_lib
from bundler import bundle

flags.DEFINE_string("bundle", None, "Where the packed model goes.", required=True)
flags.DEFINE_string("numbers", None, "Where the reference values go.", required=True)
flags.DEFINE_integer("batch_size", 16, "Batch size.")
flags.DEFINE_integer("signal_length", 64, "Samples in a signal.", lower_bound=16)
flags.DEFINE_integer("train_steps", 1000, "Number of steps.")
flags.DEFINE_float("learning_rate", 3e-3, "Learning rate.")
flags.DEFINE_float("noise_stddev", 0.3, "Noise.")
flags.DEFINE_bool("xla", False, "Compile the train step with XLA.")
flags.DEFINE_integer("seed", 5, "Random seed.")

FLAGS = flags.FLAGS


@flags.validator("signal_length", message="must be a multiple of 4")
def _check_length(value):
  return value % 4 == 0


def make_batches(num_batches):
  rng = np.random.RandomState(FLAGS.seed)
  t = np.linspace(0.0, 1.0, FLAGS.signal_length, dtype=np.float32)
  shape = (num_batches, FLAGS.batch_size, 1)
  freq = rng.uniform(1.0, 6.0, shape)
  phase = rng.uniform(0.0, 2 * np.pi, shape)
  clean = np.sin(2 * np.pi * freq * t + phase)[..., None].astype(np.float32)
  noisy = clean + FLAGS.noise_stddev * rng.randn(*clean.shape).astype(np.float32)
  return noisy, clean


class LogSteps(tf.keras.callbacks.Callback):

  def on_train_batch_end(self, batch, logs=None):
    if batch % 8 == 7:
      logging.info("step %d: loss %.4f", batch + 1, logs["loss"])


def main(argv):
  if len(argv) > 1:
    raise app.UsageError("Too many command-line arguments.")
  tf.keras.utils.set_random_seed(FLAGS.seed)

  noisy, clean = make_batches(FLAGS.train_steps + 2)
  denoiser = model_lib.Denoiser(name="denoiser")
  denoiser.compile(
      optimizer=tf.keras.optimizers.Nadam(FLAGS.learning_rate, clipnorm=1.0),
      loss=model_lib.denoising_loss,
      metrics=[tf.keras.metrics.MeanSquaredError(name="mse")],
      jit_compile=FLAGS.xla)
  dataset = tf.data.Dataset.from_tensor_slices((noisy[:-2], clean[:-2]))
  denoiser.fit(dataset, epochs=1, verbose=0, callbacks=[LogSteps()])

  x = noisy[-1][:5]
  y = denoiser.predict(x, verbose=0)
  bundle(denoiser, FLAGS.bundle)
  logging.info("Packed %s", FLAGS.bundle)

  fx, fy = noisy[-2], clean[-2]
  denoiser.train_on_batch(fx, fy)
  after = denoiser.predict(x, verbose=0)
  np.savez(FLAGS.numbers, x=x, y=y, fx=fx, fy=fy, after=after)


if __name__ == "__main__":
  app.run(main)
