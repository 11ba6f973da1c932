import argparse
from types import SimpleNamespace

import numpy as np
import tensorflow as tf
from matplotlib import pyplot as plt

from bundler import bundle
from .generator import Translator
from .losses import l1


def pairs(n, seed, size=16):
    """outline -> filled shape in a color that depends on its kind"""
    r = np.random.RandomState(seed)
    yy, xx = np.mgrid[:size, :size]
    a, b = np.ones((n, size, size, 3), "f4"), np.full((n, size, size, 3), 0.8, "f4")
    for i in range(n):
        cy, cx, rad, kind = *r.uniform(5, 11, 2), r.uniform(3, 5), r.randint(2)
        d = np.hypot(yy - cy, xx - cx) if kind else np.maximum(abs(yy - cy), abs(xx - cx))
        a[i][abs(d - rad) < .8] = -1
        b[i][d < rad] = [(-.8, .2, .9), (.9, -.3, -.6)][kind]
    return a, b


class Snapshots(tf.keras.callbacks.Callback):
    def __init__(self, a):
        self.a, self.frames = a, []

    def on_epoch_end(self, epoch, logs=None):
        self.frames.append(np.concatenate(list(self.model.netG(self.a).numpy()), 1) / 2 + .5)

    def on_train_end(self, logs=None):
        plt.close(plt.imshow(np.concatenate(self.frames, 0)).figure)


def decay(base, start, total):
    class LinearDecay(tf.keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            over = tf.maximum(tf.cast(step, tf.float32) - start, 0.0)
            return base * tf.maximum(1.0 - over / (total - start), 0.1)
    return LinearDecay()


p = argparse.ArgumentParser("p2p")
p.add_argument("--netG", default="resnet_2blocks")
p.add_argument("--gan-mode", default="hinge")
p.add_argument("--lambda-l1", type=float, default=100)
p.add_argument("--results"), p.add_argument("--arrays")
opt = p.parse_args(namespace=SimpleNamespace(ngf=6, ndf=6))
tf.keras.utils.set_random_seed(31)

model = Translator(opt, name="pix2pix")
model.compile(tf.keras.optimizers.Adam(decay(5e-3, 20, 60), beta_1=0.5), tf.keras.optimizers.Adam(1e-3, beta_1=0.5),
              opt.gan_mode, lambda t, f: l1(t, f) + 0.1 * l1(tf.image.sobel_edges(t), tf.image.sobel_edges(f)),
              opt.lambda_l1, jit_compile=False)
a, b = pairs(48, 0)
model.fit(a, b, batch_size=8, epochs=5, verbose=2, callbacks=[Snapshots(a[:4])])

x, _ = pairs(6, 1)
y = model.predict(x, verbose=0)
bundle(model, opt.results)
fx, fy = pairs(8, 2)
model.train_on_batch(fx, fy)
np.savez(opt.arrays, x=x, y=y, fx=fx, fy=fy, after=model.predict(x, verbose=0))
