import math

import tensorflow as tf
from tensorflow import keras

from .augment import two_views
from .encoder import build_encoder


def cosine_momentum(base, total_steps):
  """BYOL's schedule: base -> 1."""

  def at(step):
    t = tf.minimum(tf.cast(step, tf.float32) / total_steps, 1.0)
    return 1.0 - (1.0 - base) * (tf.cos(math.pi * t) + 1.0) / 2.0

  return at


class MoCo(keras.Model):

  def __init__(self, image_shape, num_classes, queue_size, momentum, *, temperature=0.1, feature_dim=16):
    super().__init__()
    self.query = build_encoder(image_shape, feature_dim=feature_dim, name="query")
    self.key = build_encoder(image_shape, feature_dim=feature_dim, name="key")
    self.key.set_weights(self.query.get_weights())
    self.key.trainable = False
    self.probe = keras.Sequential([keras.Input((self.query.output[0].shape[-1],)), keras.layers.Dense(num_classes)],
                                  name="probe")
    self.momentum = momentum  # callable of the step
    self.temperature = temperature
    self.queue_size = queue_size
    self.queue = tf.Variable(
        tf.math.l2_normalize(tf.random.stateless_normal([queue_size, feature_dim], [0, 1]), -1),
        trainable=False, name="queue")
    self.ptr = tf.Variable(0, dtype=tf.int64, trainable=False, name="ptr")
    self.loss_avg = keras.metrics.Mean(name="info_nce")
    self.top1 = keras.metrics.SparseCategoricalAccuracy(name="c_acc")
    self.probe_acc = keras.metrics.SparseCategoricalAccuracy(name="p_acc")

  def compile(self, contrastive_optimizer, probe_optimizer, **kwargs):
    super().compile(**kwargs)
    self.contrastive_optimizer = contrastive_optimizer
    self.probe_optimizer = probe_optimizer
    self.probe_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

  @property
  def metrics(self):
    return [self.loss_avg, self.top1, self.probe_acc]

  def call(self, images, training=False):
    features, z = self.query(images, training=training)
    return tf.concat([z, tf.nn.softmax(self.probe(features))], axis=-1)

  def train_step(self, data):
    images, labels = data[:2]
    step = self.contrastive_optimizer.iterations
    view_q, view_k = two_views(images, step)
    _, k = self.key(view_k, training=True)
    k = tf.stop_gradient(k)

    with tf.GradientTape() as tape:
      _, q = self.query(view_q, training=True)
      l_pos = tf.reduce_sum(q * k, -1, keepdims=True)
      l_neg = tf.matmul(q, self.queue, transpose_b=True)
      logits = tf.concat([l_pos, l_neg], 1) / self.temperature
      zeros = tf.zeros([tf.shape(q)[0]], tf.int32)
      loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(zeros, logits))
    variables = self.query.trainable_variables
    self.contrastive_optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))

    m = self.momentum(step)
    for w, ema in zip(self.query.weights, self.key.weights):
      ema.assign(m * ema + (1.0 - m) * w)
    self._enqueue(k)

    features, _ = self.query(images, training=False)
    with tf.GradientTape() as tape:
      class_logits = self.probe(features, training=True)
      probe_loss = self.probe_loss(labels, class_logits)
    variables = self.probe.trainable_variables
    self.probe_optimizer.apply_gradients(zip(tape.gradient(probe_loss, variables), variables))

    self.loss_avg.update_state(loss)
    self.top1.update_state(zeros, logits)
    self.probe_acc.update_state(labels, class_logits)
    return {m.name: m.result() for m in self.metrics}

  def _enqueue(self, k):
    n = tf.shape(k, out_type=tf.int64)[0]
    rows = tf.math.floormod(self.ptr + tf.range(n), self.queue_size)
    self.queue.scatter_nd_update(rows[:, None], k)
    self.ptr.assign(tf.math.floormod(self.ptr + n, self.queue_size))

  def test_step(self, data):
    images, labels = data[:2]
    features, _ = self.query(images, training=False)
    self.probe_acc.update_state(labels, self.probe(features))
    return {"p_acc": self.probe_acc.result()}
