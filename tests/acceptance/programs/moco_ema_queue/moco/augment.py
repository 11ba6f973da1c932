import tensorflow as tf

_SALT = 20201


def _seeds(step, n):
  step = tf.cast(step, tf.int32)
  return [tf.stack([_SALT + i, step]) for i in range(n)]


def _one_view(images, seeds, strength):
  flip, bright, contrast, noise = seeds
  images = tf.image.stateless_random_flip_left_right(images, flip)
  images = tf.image.stateless_random_brightness(images, 0.3 * strength, bright)
  images = tf.image.stateless_random_contrast(images, 1.0 - 0.4 * strength, 1.0 + 0.4 * strength, contrast)
  images += tf.random.stateless_normal(tf.shape(images), noise, stddev=0.05 * strength)
  return tf.clip_by_value(images, 0.0, 1.0)


def two_views(images, step, strength=1.0):
  seeds = _seeds(step, 8)
  return _one_view(images, seeds[:4], strength), _one_view(images, seeds[4:], strength)
