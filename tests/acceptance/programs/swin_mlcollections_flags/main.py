"""Trains a model given by --config and bundles it."""
from absl import app
from absl import flags
from absl import logging
import keras
from ml_collections import config_flags
import numpy as np

from bundler import bundle
import models

FLAGS = flags.FLAGS
config_flags.DEFINE_config_file('config', None, 'Training configuration.', lock_config=True)
flags.DEFINE_string('bundle', None, 'Where to bundle to.', required=True)
flags.DEFINE_string('numbers', None, 'Where to write arrays to.', required=True)


def textures(n, config, rng):
  s = config.image_size
  yy, xx = np.mgrid[:s, :s] / s
  labels = rng.integers(0, config.num_classes, n)
  theta = labels * np.pi / config.num_classes + rng.normal(0, 0.05, n)
  phase = rng.uniform(0, 6.28, n)[:, None, None]
  wave = np.sin(30 * (np.cos(theta)[:, None, None] * xx + np.sin(theta)[:, None, None] * yy) + phase)
  images = wave[..., None] * rng.uniform(0.5, 1, (n, 1, 1, 3)) + rng.normal(0, 0.2, (n, s, s, 3))
  return images.astype(np.float32), np.eye(config.num_classes, dtype=np.float32)[labels]


def create_learning_rate_schedule(total_steps, base, warmup_steps):

  class Schedule(keras.optimizers.schedules.LearningRateSchedule):

    def __call__(self, step):
      step = keras.ops.cast(step, 'float32')
      progress = keras.ops.clip((step - warmup_steps) / float(total_steps - warmup_steps), 0.0, 1.0)
      lr = base * (0.55 + 0.45 * keras.ops.cos(np.pi * progress))
      return lr * keras.ops.minimum(1.0, (step + 1.0) / warmup_steps)

  return Schedule()


def main(_):
  config = FLAGS.config
  logging.info('%s', config)
  keras.utils.set_random_seed(config.seed)
  rng = np.random.default_rng(config.seed)

  model = models.KNOWN['SwinTransformer'](config.num_classes, config.image_size, config.model)
  opt = config.optim
  lr_fn = create_learning_rate_schedule(config.total_steps, opt.base_lr, opt.warmup_steps)
  model.compile(
      optimizer=getattr(keras.optimizers, opt.name)(
          lr_fn, global_clipnorm=opt.grad_norm_clip, **opt.kwargs.to_dict()),
      loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=config.label_smoothing),
      metrics=['accuracy'], jit_compile=False)

  for step in range(config.total_steps):
    loss, acc = model.train_on_batch(*textures(config.batch, config, rng))
    if step % 5 == 0:
      logging.info('step %d loss %.3f acc %.3f', step, loss, acc)

  x, _ = textures(12, config, rng)
  y = model.predict(x, verbose=0)
  bundle(model, FLAGS.bundle)

  fx, fy = textures(config.batch, config, rng)
  model.train_on_batch(fx, fy)
  np.savez(FLAGS.numbers, x=x, y=y, fx=fx, fy=fy, after=model.predict(x, verbose=0))


if __name__ == '__main__':
  app.run(main)
