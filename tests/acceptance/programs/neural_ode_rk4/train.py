import argparse
import time

import numpy as np
import tensorflow as tf

from bundler import bundle
from odenet import ODENet, odeint

parser = argparse.ArgumentParser('ODE demo')
parser.add_argument('out')
parser.add_argument('numbers')
parser.add_argument('--method', type=str, choices=['euler', 'midpoint', 'rk4'], default='rk4')
parser.add_argument('--data_size', type=int, default=60)
parser.add_argument('--batch_time', type=int, default=6)
parser.add_argument('--batch_size', type=int, default=16)
parser.add_argument('--niters', type=int, default=200)
parser.add_argument('--test_freq', type=int, default=10)
parser.add_argument('--substeps', type=int, default=2)
args = parser.parse_args()

tf.random.set_seed(0)
np.random.seed(0)

true_y0 = tf.constant([[2., 0.]])
t = np.linspace(0., 6., args.data_size)
true_A = tf.constant([[-0.1, 2.0], [-2.0, -0.1]])
true_y = odeint(lambda t, y: (y ** 3) @ true_A, true_y0, t, method='rk4', options={'step_size': 0.02})[0].numpy()


def geometric_grid(substeps, ratio=1.3):
    """Small steps first; the spiral is fast at the start."""
    w = ratio ** np.arange(substeps)
    w = np.cumsum(w) / w.sum()

    def construct(func, y0, t):
        pts = [t[:1]]
        for a, b in zip(t[:-1], t[1:]):
            pts.append(a + (b - a) * w)
        return np.concatenate(pts)

    return construct


def get_batch():
    s = np.random.choice(args.data_size - args.batch_time, args.batch_size, replace=False)
    batch_y0 = true_y[s]
    batch_y = np.stack([true_y[s + i] for i in range(args.batch_time)], axis=1)
    return tf.constant(batch_y0), tf.constant(batch_y)


class RunningAverageMeter(object):
    """Computes and stores the average and current value"""

    def __init__(self, momentum=0.99):
        self.momentum = momentum
        self.val, self.avg = None, 0

    def update(self, val):
        self.avg = val if self.val is None else self.avg * self.momentum + val * (1 - self.momentum)
        self.val = val


if __name__ == '__main__':
    model = ODENet(2, 16, t[:args.batch_time], augment_dim=1, method=args.method,
                   options=dict(grid_constructor=geometric_grid(args.substeps)))
    optimizer = tf.keras.optimizers.RMSprop(3e-3, clipnorm=1.0)

    @tf.function
    def step(y0, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.abs(model(y0) - y))
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))
        return loss

    meter = RunningAverageMeter(0.9)
    end = time.time()
    for itr in range(1, args.niters + 1):
        meter.update(float(step(*get_batch())))
        if itr % args.test_freq == 0:
            print('Iter {:04d} | Loss {:.5f} ({:.5f}) | {:.1f}s'.format(itr, meter.val, meter.avg, time.time() - end))
    print('dynamics traced', ODENet.nfe, 'times')

    x = true_y[::5].astype(np.float32)
    y = model.predict(x, verbose=0)
    bundle(model, args.out)
    np.savez(args.numbers, x=x, y=y)
