import enum

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from ._layers import ChannelMixer, TiedDecoder, softsnake
from ._mixins import DescribeMixin, ThresholdMixin


class Scoring(str, enum.Enum):
    MSE = "mse"
    MAHALANOBIS = "mahalanobis"


class ReconstructionDetector(ThresholdMixin, DescribeMixin, keras.Model):
    def __init__(self, window, channels, latent=4, units=(24,), scoring=Scoring.MSE, ema=0.95, **kwargs):
        inputs = keras.Input((window, channels), name="window")
        mixer = ChannelMixer(units[0], name="mixer")
        h = mixer(inputs)
        for i, u in enumerate(units[1:]):
            h = layers.Dense(u, activation=softsnake, name=f"enc_{i}")(h)
        z = layers.Dense(latent, name="latent")(h)
        for i, u in enumerate(reversed(units)):
            z = layers.Dense(u, activation=softsnake, name=f"dec_{i}")(z)
        outputs = TiedDecoder(mixer, name="tied")(z)
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)

        self.window, self.channels, self.latent = window, channels, latent
        self.units = units
        self.scoring = Scoring(scoring)
        self.ema = ema
        self.recon_tracker = keras.metrics.Mean(name="recon")
        self.peak_tracker = keras.metrics.Mean(name="peak")

    def build(self, input_shape=None):
        # running scale of the residual per channel, used to weigh the loss
        channels = self.inputs[0].shape[-1]
        self.scale = self.add_weight(shape=(channels,), initializer="ones", trainable=False, name="residual_scale")
        super().build(input_shape)

    @property
    def metrics(self):
        return [self.recon_tracker, self.peak_tracker]

    def train_step(self, data):
        x, target = data[0], data[1]
        with tf.GradientTape() as tape:
            recon = self(x, training=True)
            err = target - recon
            per_channel = tf.reduce_mean(tf.square(err), axis=[0, 1])
            loss = tf.reduce_mean(per_channel / (tf.stop_gradient(tf.convert_to_tensor(self.scale)) + 1e-3))
        self.optimizer.apply(tape.gradient(loss, self.trainable_weights), self.trainable_weights)
        self.scale.assign(self.ema * self.scale + (1.0 - self.ema) * per_channel)
        self.recon_tracker.update_state(loss)
        self.peak_tracker.update_state(tf.reduce_max(tf.abs(err), axis=[1, 2]))
        return {m.name: m.result() for m in self.metrics}

    # -- scoring ---------------------------------------------------------------------
    def _residual(self, x):
        err = np.asarray(x) - self.predict(x, verbose=0)
        return np.sqrt(np.mean(err**2, axis=1)) / np.sqrt(ops.convert_to_numpy(self.scale) + 1e-6)

    def score_samples(self, x):
        r = self._residual(x)
        if self.scoring is Scoring.MSE:
            return r.mean(axis=1)
        d = r - self.center_
        return np.einsum("bi,ij,bj->b", d, self.cov_inv_, d)
