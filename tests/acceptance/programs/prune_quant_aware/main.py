import argparse
import functools

import numpy as np
import tensorflow as tf
from tensorflow import keras

import bundler
from compress import *


def digits(n, seed):
    on = ["abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd"]
    seg = dict(a=(1, 3, 3, 8), b=(2, 6, 7, 9), c=(7, 11, 7, 9), d=(10, 12, 3, 8), e=(7, 11, 2, 4), f=(2, 6, 2, 4), g=(6, 7, 3, 8))
    rng = np.random.default_rng(seed)
    x, y = rng.normal(0, .15, (n, 14, 12, 1)), rng.integers(0, len(on), n)
    for im, d in zip(x, y):
        for s in on[d]:
            r0, r1, c0, c1 = np.array(seg[s]) + rng.integers(0, 2)
            im[r0:r1, c0:c1] += 1
    return x.astype("float32"), y


def net():
    inp = keras.Input((14, 12, 1))
    blocks = [QConv2D(8, 3), RangeTracker(), QConv2D(16, 3, 2, 2, post=tf.nn.relu6), RangeTracker(0.9),
              keras.layers.Flatten(), QDense(24, "relu", name="fc"), QDense(6, name="logits")]
    return keras.Model(inp, functools.reduce(lambda x, block: block(x), blocks, inp))


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--bits", type=int, default=8), ap.add_argument("--final-sparsity", type=float)
    ap.add_argument("-o"), ap.add_argument("-n")
    a = ap.parse_args()
    keras.utils.set_random_seed(17)

    with bitwidth(a.bits, restore=False):
        model = net()
        by_path = {l.kernel.path: l.mask for l in Prunable.instances}
        model.compile(MaskedSGD(lambda v: by_path.get(v.path), 0.05, momentum=0.9),
                      keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["acc"], jit_compile=False)
        masks = UpdateMasks(PolySparsity(a.final_sparsity), skip=["logits"])
        model.fit(*digits(256, 0), batch_size=32, epochs=5, callbacks=[masks], verbose=2)
    print(masks.log[-1], "bits", get_bits())

    x, labels = digits(20, 1)
    y = model.predict(x, verbose=0)
    print("acc", (y.argmax(-1) == labels).mean())
    bundler.bundle(model, a.o)
    fx, fy = digits(32, 2)
    model.train_on_batch(fx, fy)
    np.savez(a.n, x=x, y=y, fx=fx, fy=fy, after=model.predict(x, verbose=0))
