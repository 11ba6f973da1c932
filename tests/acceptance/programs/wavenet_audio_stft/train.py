import numpy as np
import tensorflow as tf
from absl import app, flags, logging

from bundler import bundle
from model import build_model
from params import hp

flags.DEFINE_string("out", None, "Where the packed model goes.", required=True)
flags.DEFINE_string("dump", None, "Where check numbers go.", required=True)
flags.DEFINE_integer("epochs", 4, "Number of epochs.")
flags.DEFINE_float("label_smoothing", 0.05, "Smoothing of the one-hot labels.")
FLAGS = flags.FLAGS


def synth(kind, rng):
    t = np.arange(hp.clip_samples) / hp.sample_rate
    f0 = rng.uniform(400, 900)
    if kind == "whistle":
        w = np.sin(2 * np.pi * f0 * t)
    elif kind == "siren":
        w = np.sin(2 * np.pi * f0 * t + 60 * np.sin(2 * np.pi * 4 * t))
    elif kind == "clicks":
        w = np.zeros_like(t)
        w[:: int(rng.integers(150, 300))] = 3.0
    else:
        w = rng.normal(size=t.shape)
    return (w * rng.uniform(0.3, 1.0) + 0.05 * rng.normal(size=t.shape)).astype("float32")


def make_split(per_class, seed):
    rng = np.random.default_rng(seed)
    wavs = [synth(c, rng) for c in hp.classes for _ in range(per_class)]
    ids = np.repeat(np.arange(len(hp.classes)), per_class)
    order = rng.permutation(len(ids))
    return np.stack(wavs)[order], np.eye(len(hp.classes), dtype="float32")[ids[order]]


def augment(waveform, label):
    """Flip the sign: inaudible, but another waveform."""
    return tf.concat([waveform, -waveform], 0), tf.concat([label, label], 0)


def main(argv):
    del argv
    tf.keras.utils.set_random_seed(1)
    train, test = make_split(20, 0), make_split(4, 1)
    ds = tf.data.Dataset.from_tensor_slices(train).batch(20).map(augment, tf.data.AUTOTUNE).prefetch(2)

    model = build_model()
    model.summary(print_fn=logging.info)
    schedule = tf.keras.optimizers.schedules.ExponentialDecay(5e-3, decay_steps=20, decay_rate=0.8, staircase=True)
    model.compile(
        optimizer=tf.keras.optimizers.Adam(schedule, clipnorm=1.0),
        loss=tf.keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=FLAGS.label_smoothing),
        metrics=["accuracy"],
        jit_compile=False,
    )
    model.fit(ds, epochs=FLAGS.epochs, verbose=2)

    y = model.predict(test[0], verbose=0)
    logging.info("test accuracy %.3f", np.mean(y.argmax(-1) == test[1].argmax(-1)))

    bundle(model, FLAGS.out)

    fx, fy = train[0][:20], train[1][:20]
    model.train_on_batch(fx, fy)
    np.savez(FLAGS.dump, x=test[0], y=y, fx=fx, fy=fy, after=model.predict(test[0], verbose=0))


if __name__ == "__main__":
    app.run(main)
