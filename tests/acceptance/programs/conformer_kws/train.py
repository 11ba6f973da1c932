import ast
import sys

import keras
import numpy as np
import tensorflow as tf
from bundler import bundle

import config
from asr import BLOCKS, LOSSES, SCHEDULES, build_from_cfg
from asr.losses import blank_rate
from asr.modules import ConformerCTC, LogMel, SpecAugment
from asr.modules.frontend import SAMPLE_RATE


def synth(n, seed, seconds=1.0, max_len=5):
    """Every letter is a tone; an utterance is some tones one after the other."""
    rng = np.random.RandomState(seed)
    total = int(SAMPLE_RATE * seconds)
    wav = rng.randn(n, total).astype("float32") * 0.02
    labels = np.zeros((n, max_len), "int32")
    for i in range(n):
        k = rng.randint(2, max_len + 1)
        seq = rng.randint(1, len(config.VOCAB) + 1, k)
        labels[i, :k] = seq
        for j, s in enumerate(seq):
            a, b = total * j // k, total * (j + 1) // k
            wav[i, a:b] += np.sin(2 * np.pi * 200 * s * np.arange(b - a) / SAMPLE_RATE)
    return LogMel()(wav).numpy(), labels


def main(bundle_path, numbers_path, *overrides):
    for o in overrides:
        k, v = o.split("=", 1)
        config.model[k] = ast.literal_eval(v)
    tr = config.train
    keras.utils.set_random_seed(tr["seed"])

    mel, labels = synth(tr["n"], tr["seed"])
    augment = SpecAugment()
    ds = (
        tf.data.Dataset.from_tensor_slices((mel, labels))
        .shuffle(tr["n"], seed=tr["seed"])
        .batch(tr["batch"])
        .map(lambda m, l: (augment(m, training=True), l))
    )

    model = ConformerCTC(config.model, len(config.VOCAB))
    lr = build_from_cfg(config.schedule, SCHEDULES, dim=config.model["dim"])
    model.compile(
        optimizer=keras.optimizers.AdamW(lr, weight_decay=1e-4, beta_2=0.98),
        loss=build_from_cfg(config.loss, LOSSES),
        metrics=[blank_rate],
    )
    hist = model.fit(ds, epochs=tr["epochs"], verbose=0)
    print("ctc", ["%.3f" % v for v in hist.history["loss"]])

    bundle(model, bundle_path)

    x, _ = synth(6, 77)
    fx, fy = synth(8, 78)
    y = model.predict(x, verbose=0)
    model.train_on_batch(fx, fy)
    after = model.predict(x, verbose=0)
    np.savez(numbers_path, x=x, y=y, fx=fx, fy=fy, after=after)


if __name__ == "__main__":
    main(*sys.argv[1:])
