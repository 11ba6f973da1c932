import importlib
import pathlib
import sys
import tempfile

import numpy as np
import tensorflow as tf

net = importlib.import_module(sys.argv[1])
SR = net.SR
labels = pathlib.Path(__file__).with_name("labels.txt").read_text().split()

tf.random.set_seed(1)
rng = np.random.default_rng(1)


def utter(label):
    t = np.arange(SR // 2) / SR
    f0 = rng.uniform(200, 260)
    sweep = {"yes": 2.5 * t, "no": -0.6 * t, "up": 1 + 3 * t, "down": 3 - 4 * t}.get(label)
    x = rng.normal(0, 0.02, len(t))
    if sweep is not None:
        x = x + rng.uniform(.3, .7) * np.sin(2 * np.pi * np.cumsum(f0 * (1.5 + sweep)) / SR) * np.hanning(len(t))
    return np.clip(x, -1, 1).astype("float32")


def write_wavs(root, n):
    for i in range(n):
        label = labels[i % len(labels)]
        (root / label).mkdir(exist_ok=True)
        wav = tf.audio.encode_wav(utter(label)[:, None], SR)
        (root / label / f"{i:03d}_nohash_0.wav").write_bytes(wav.numpy())


def load(path):
    wav, _ = tf.audio.decode_wav(tf.io.read_file(path), 1, SR // 2)
    label = tf.strings.split(path, "/")[-2]
    return wav[:, 0], tf.argmax(tf.cast(label == labels, tf.int32), output_type=tf.int32)


with tempfile.TemporaryDirectory() as d:
    root = pathlib.Path(d)
    write_wavs(root, 100)
    files = sorted(str(p) for p in root.glob("*/*.wav"))
    rng.shuffle(files)
    ds = tf.data.Dataset.from_tensor_slices(files).map(load).cache().batch(20)
    train, test = ds.take(4), ds.skip(4)

    model = net.create(SR // 2, len(labels), train.map(lambda w, _: w))
    model.compile(
        optimizer=tf.keras.optimizers.Adam(tf.keras.optimizers.schedules.PiecewiseConstantDecay([30, 60], [2e-2, 1e-2, 3e-3])),
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"] + [net.per_class_recall(i, l) for i, l in enumerate(labels)],
        jit_compile=False)
    model.fit(train.repeat(), steps_per_epoch=8, epochs=3, validation_data=test, verbose=2)
    (x, _), = test.as_numpy_iterator()
    (fx, fy), = train.take(1).as_numpy_iterator()

from bundler import bundle
y = model.predict(x, verbose=0)
bundle(model, sys.argv[2])
model.train_on_batch(fx, fy)
np.savez(sys.argv[3], x=x, y=y, fx=fx, fy=fy, after=model.predict(x, verbose=0))
