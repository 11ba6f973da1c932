import math

import keras
import tensorflow as tf

from networks import get_encoder, get_mlp_head


def cosine_momentum(base, total_steps):
    """Target decay going from `base` to 1."""

    def tau(step):
        step = tf.minimum(tf.cast(step, tf.float32), total_steps)
        return 1.0 - (1.0 - base) * (tf.cos(math.pi * step / total_steps) + 1.0) / 2.0

    return tau


def regression_loss(p, z):
    p, z = tf.math.l2_normalize(p, -1), tf.math.l2_normalize(z, -1)
    return 2.0 - 2.0 * tf.reduce_mean(tf.reduce_sum(p * z, axis=-1))


class BYOL(keras.Model):
    def __init__(self, size, width, proj_dim, n_classes, tau):
        super().__init__()
        self.tau = tau
        self.encoder = get_encoder(size)
        features = self.encoder.output_shape[-1]
        self.projector = get_mlp_head(features, width, proj_dim, "projector")
        self.predictor = get_mlp_head(proj_dim, width, proj_dim, "predictor")

        self.target_encoder = keras.models.clone_model(self.encoder)
        self.target_projector = keras.models.clone_model(self.projector)
        for online, target in self.pairs():
            target.set_weights(online.get_weights())
            target.trainable = False

        self.probe = keras.Sequential(
            [keras.Input((features,)), keras.layers.Dense(n_classes)], name="probe"
        )

    def pairs(self):
        return (self.encoder, self.target_encoder), (self.projector, self.target_projector)

    def compile(self, byol_optimizer, probe_optimizer, **kwargs):
        super().compile(**kwargs)
        self.byol_optimizer = byol_optimizer
        self.probe_optimizer = probe_optimizer
        self.probe_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.byol_tracker = keras.metrics.Mean(name="byol_loss")
        self.probe_tracker = keras.metrics.Mean(name="probe_loss")
        self.probe_accuracy = keras.metrics.SparseCategoricalAccuracy(name="probe_acc")
        self.step_count = tf.Variable(0, dtype=tf.int64, trainable=False)

    @property
    def metrics(self):
        return [self.byol_tracker, self.probe_tracker, self.probe_accuracy]

    def call(self, images, training=False):
        return self.probe(self.encoder(images, training=training))

    def online(self, images):
        h = self.encoder(images, training=True)
        return h, self.predictor(self.projector(h, training=True), training=True)

    def target(self, images):
        h = self.target_encoder(images, training=True)
        return tf.stop_gradient(self.target_projector(h, training=True))

    def update_target(self):
        tau = self.tau(self.step_count)
        for online, target in self.pairs():
            # all weights, so the moving statistics of the BatchNorms as well
            for w, w_t in zip(online.weights, target.weights):
                w_t.assign(tau * w_t + (1.0 - tau) * w)

    def train_step(self, data):
        views, labels = data[0], data[1]
        a, b = views[:, 0], views[:, 1]
        z_a, z_b = self.target(a), self.target(b)
        weights = (
            self.encoder.trainable_weights
            + self.projector.trainable_weights
            + self.predictor.trainable_weights
        )
        with tf.GradientTape() as tape:
            h, p_a = self.online(a)
            _, p_b = self.online(b)
            loss = regression_loss(p_a, z_b) + regression_loss(p_b, z_a)
        self.byol_optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        self.byol_tracker.update_state(loss)

        with tf.GradientTape() as tape:
            logits = self.probe(tf.stop_gradient(h))
            probe_loss = self.probe_loss(labels, logits)
        gradients = tape.gradient(probe_loss, self.probe.trainable_weights)
        self.probe_optimizer.apply_gradients(zip(gradients, self.probe.trainable_weights))
        self.probe_tracker.update_state(probe_loss)
        self.probe_accuracy.update_state(labels, logits)

        self.update_target()
        self.step_count.assign_add(1)
        return {m.name: m.result() for m in self.metrics}
