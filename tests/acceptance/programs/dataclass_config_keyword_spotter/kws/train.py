import sys
import tempfile

import numpy as np
import tensorflow as tf

from bundler import bundle

from .config import Config
from .model import KeywordSpotter


def synth(config: Config, n: int, seed: int):
    """Sweeps up, sweeps down, both, or nothing, in noise; a quarter second each."""
    rng = np.random.default_rng(seed)
    sr = config.frontend.sample_rate
    t = np.arange(sr // 4) / sr
    labels = rng.integers(0, len(config.labels), n)
    audio = 0.2 * rng.standard_normal((n, len(t)))
    for i, name in enumerate(config.labels[k] for k in labels):
        f0, slope = rng.uniform(300, 500), rng.uniform(2500, 4000)
        up = np.sin(2 * np.pi * (f0 * t + slope * t**2 / 2))
        audio[i] += {"noise": 0 * up, "up": up, "down": up[::-1], "chirp": up + up[::-1]}[name]
    return audio.astype("float32"), labels.astype("int32")


class SmoothedCE(tf.keras.losses.Loss):
    def __init__(self, config: Config):
        super().__init__(name="smoothed_ce")
        self.config = config

    def call(self, y_true, y_pred):
        k = len(self.config.labels)
        y_true = tf.one_hot(tf.cast(tf.reshape(y_true, [-1]), tf.int32), k)
        return tf.keras.losses.categorical_crossentropy(
            y_true, y_pred, from_logits=True, label_smoothing=self.config.train.label_smoothing
        )


def main(out, numbers):
    config = Config().with_workdir(tempfile.mkdtemp())
    tf.keras.utils.set_random_seed(17)
    (x_train, y_train), (x_val, y_val) = synth(config, 160, 0), synth(config, 24, 1)

    model = KeywordSpotter(config)
    model.compile(
        optimizer=tf.keras.optimizers.Adam(config.train.lr),
        loss=SmoothedCE(config),
        metrics=["accuracy"],
        jit_compile=False,
    )
    model.fit(
        x_train,
        y_train,
        batch_size=config.train.batch_size,
        epochs=config.train.epochs,
        validation_data=(x_val, y_val),
        callbacks=[
            tf.keras.callbacks.ModelCheckpoint(
                config.train.checkpoint, save_weights_only=True, save_best_only=True
            )
        ],
        verbose=2,
    )
    model.load_weights(config.train.checkpoint)

    x = x_val[:7]
    y = model.predict(x, verbose=0)
    print("heard:", model.label_of(y))
    bundle(model, out)
    fx, fy = x_train[:20], y_train[:20]
    model.train_on_batch(fx, fy)
    np.savez(numbers, x=x, y=y, fx=fx, fy=fy, after=model.predict(x, verbose=0))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
