#!/usr/bin/env python
import argparse
from functools import lru_cache

import numpy as np
import tensorflow as tf

import losses
from bundler import bundle
from hourglass import Spec, hourglass_net

SIZE = 32


@lru_cache(maxsize=None)
def gaussian(radius):
    r = np.arange(-radius, radius + 1)
    g = np.exp(-(r[:, None] ** 2 + r[None] ** 2) / (2 * (radius / 3 + 1e-3) ** 2))
    g[radius, radius] = 1
    return g.astype("float32")


def draw(hm, cx, cy, radius):
    g = gaussian(radius)
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            if 0 <= cy + dy < hm.shape[0] and 0 <= cx + dx < hm.shape[1]:
                hm[cy + dy, cx + dx] = max(hm[cy + dy, cx + dx], g[dy + radius, dx + radius])


class Boxes(tf.keras.utils.PyDataset):
    """Colored rectangles, one color per class."""

    def __init__(self, n, batch, spec, min_overlap, seed):
        super().__init__()
        self.n, self.batch, self.spec, self.min_overlap, self.seed = n, batch, spec, min_overlap, seed

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        rng = np.random.RandomState(self.seed + i)
        s, st = SIZE // self.spec.stride, self.spec.stride
        x = rng.normal(0, .1, (self.batch, SIZE, SIZE, 3)).astype("float32")
        hm = np.zeros((self.batch, s, s, self.spec.heads[0].channels), "float32")
        wh, reg = (np.zeros((self.batch, s, s, 3), "float32") for _ in range(2))
        for b in range(self.batch):
            for _ in range(rng.randint(1, 3)):
                c, (w, h) = rng.randint(hm.shape[-1]), rng.uniform(6, 13, 2)
                cx, cy = rng.uniform(7, SIZE - 7, 2)
                x[b, int(cy - h / 2):int(cy + h / 2), int(cx - w / 2):int(cx + w / 2), c] += 1
                px, py = int(cx / st), int(cy / st)
                draw(hm[b, ..., c], px, py, max(1, int(min(w, h) / st * (1 - self.min_overlap))))
                wh[b, py, px] = w / st, h / st, 1
                reg[b, py, px] = cx / st - px, cy / st - py, 1
        return x, (hm, wh, reg)


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--heads", default="heads.json")
    ap.add_argument("--alpha", type=float, default=losses.ALPHA)
    ap.add_argument("--beta", type=float, default=losses.BETA)
    ap.add_argument("--min-overlap", type=float, default=0.7)
    ap.add_argument("--out")
    ap.add_argument("--npz")
    args = ap.parse_args()
    losses.ALPHA, losses.BETA = args.alpha, args.beta
    tf.keras.utils.set_random_seed(0)

    spec = Spec.load(args.heads)
    model = hourglass_net(spec, SIZE)
    model.compile(tf.keras.optimizers.Adam(3e-3),
                  loss={h.name: losses.loss_for(h.name) for h in spec.heads},
                  loss_weights={h.name: h.weight for h in spec.heads},
                  metrics={"hm": losses.peak_recall}, jit_compile=False)
    model.fit(Boxes(8, 8, spec, args.min_overlap, 100), epochs=10, verbose=2)

    x, _ = Boxes(1, 6, spec, args.min_overlap, 7)[0]
    y = model.predict(x, verbose=0)
    bundle(model, args.out)
    fx, fy = Boxes(1, 8, spec, args.min_overlap, 9)[0]
    model.train_on_batch(fx, fy)
    after = model.predict(x, verbose=0)
    np.savez(args.npz, x=x, fx=fx, **{"y%d" % i: v for i, v in enumerate(y)},
             **{"fy%d" % i: v for i, v in enumerate(fy)}, **{"after%d" % i: v for i, v in enumerate(after)})
