from absl import app, flags, logging
import numpy as np
import tensorflow as tf

from bundler import bundle

from .model import MoCo, cosine_momentum

FLAGS = flags.FLAGS
flags.DEFINE_string("bundle", None, "Where the trained model goes.", required=True)
flags.DEFINE_string("numbers", None, "Reference outputs.")
flags.DEFINE_integer("epochs", 3, "")
flags.DEFINE_integer("batch_size", 24, "")
flags.DEFINE_integer("queue_size", 128, "Number of negatives.")
flags.DEFINE_float("momentum", 0.9, "Start of the EMA schedule.")


def stripes(n, seed):
  """Three classes: horizontal, vertical, diagonal stripes in random colours."""
  rng = np.random.RandomState(seed)
  yy, xx = np.mgrid[:16, :16]
  labels = rng.randint(0, 3, n)
  images = np.empty((n, 16, 16, 3), np.float32)
  for i, c in enumerate(labels):
    wave = np.sin([yy, xx, yy + xx][c] * rng.uniform(0.8, 1.2) + rng.uniform(0, 6))
    images[i] = 0.5 + 0.4 * wave[..., None] * rng.uniform(0.4, 1, 3)
  return images, labels


def main(argv):
  del argv
  tf.keras.utils.set_random_seed(0)
  x, y = stripes(144, 0)
  test_x, test_y = stripes(30, 1)

  steps = FLAGS.epochs * len(x) // FLAGS.batch_size
  model = MoCo(x.shape[1:], 3, FLAGS.queue_size, cosine_momentum(FLAGS.momentum, steps))
  model.compile(
      contrastive_optimizer=tf.keras.optimizers.SGD(
          tf.keras.optimizers.schedules.CosineDecay(0.05, 2 * steps), momentum=0.9),
      probe_optimizer=tf.keras.optimizers.Adam(1e-2),
      jit_compile=False)
  hist = model.fit(x, y, epochs=FLAGS.epochs, batch_size=FLAGS.batch_size,
                   validation_data=(test_x, test_y), verbose=2)
  logging.info("final InfoNCE %.3f", hist.history["info_nce"][-1])

  out = model.predict(test_x, verbose=0)
  bundle(model, FLAGS.bundle)
  if FLAGS.numbers:
    fx, fy = x[:FLAGS.batch_size], y[:FLAGS.batch_size]
    model.train_on_batch(fx, fy)
    np.savez(FLAGS.numbers, x=test_x, y=out, fx=fx, fy=fy, after=model.predict(test_x, verbose=0))


if __name__ == "__main__":
  app.run(main)
