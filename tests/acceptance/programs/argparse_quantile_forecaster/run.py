import argparse
import random

import numpy as np
import tensorflow as tf
from tensorflow.keras.layers import *
from tensorflow.keras.models import Model

from bundler import bundle

parser = argparse.ArgumentParser(description="DLinear with quantiles")
parser.add_argument("out", type=str)
parser.add_argument("numbers", type=str)
# forecasting task
parser.add_argument("--seq_len", type=int, default=96, help="input sequence length")
parser.add_argument("--pred_len", type=int, default=24, help="prediction sequence length")
parser.add_argument("--channels", type=int, default=3)
parser.add_argument("--quantiles", type=float, nargs="+", default=[0.5])
# model
parser.add_argument("--kernel_size", type=int, default=25, help="moving average window")
parser.add_argument("--individual", action="store_true", help="own weights for each channel")
parser.add_argument("--revin", type=int, default=1, help="1: reversible instance norm")
parser.add_argument("--d_hidden", type=int, default=24)
# optimization
parser.add_argument("--crossing_penalty", type=float, default=0.5)
parser.add_argument("--learning_rate", type=float, default=5e-3)
parser.add_argument("--train_epochs", type=int, default=3)
parser.add_argument("--batch_size", type=int, default=32)
parser.add_argument("--seed", type=int, default=31)
args = parser.parse_args()
args.n_q = len(args.quantiles)
args.pad = (args.kernel_size - 1) // 2

print("settings:", vars(args))

random.seed(args.seed)
np.random.seed(args.seed)
tf.random.set_seed(args.seed)
tf.keras.utils.set_random_seed(args.seed)


class MovingAvg(Layer):
    """Trend of a series; the ends are padded with their own values."""

    def call(self, x):
        front = tf.repeat(x[:, :1], args.pad, axis=1)
        end = tf.repeat(x[:, -1:], args.kernel_size - 1 - args.pad, axis=1)
        x = tf.concat([front, x, end], axis=1)
        return tf.nn.avg_pool1d(x, args.kernel_size, strides=1, padding="VALID")


class RevIN(Layer):
    def __init__(self, eps=1e-5):
        super().__init__()
        self.eps = eps

    def build(self, input_shape):
        self.gamma = self.add_weight(shape=(args.channels,), initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=(args.channels,), initializer="zeros", name="beta")

    def call(self, x, mode="norm"):
        if mode == "norm":
            self.mean = tf.reduce_mean(x, axis=1, keepdims=True)
            self.std = tf.math.reduce_std(x, axis=1, keepdims=True) + self.eps
            return (x - self.mean) / self.std * self.gamma + self.beta
        # x: (batch, pred_len, channels, quantiles)
        x = (x - self.beta[:, None]) / (self.gamma[:, None] + self.eps)
        return x * self.std[..., None] + self.mean[..., None]


class ChannelDense(Layer):
    """One linear map over time per channel, or one for all if not args.individual."""

    def build(self, input_shape):
        steps = args.pred_len * args.n_q
        c = args.channels if args.individual else 1
        self.w = self.add_weight(
            shape=(c, args.seq_len, steps),
            initializer=tf.keras.initializers.Constant(1.0 / args.seq_len),
            name="w",
        )
        self.b = self.add_weight(shape=(c, steps), initializer="zeros", name="b")

    def call(self, x):
        x = tf.transpose(x, [0, 2, 1])
        if args.individual:
            y = tf.einsum("bcl,clp->bcp", x, self.w) + self.b
        else:
            y = x @ self.w[0] + self.b[0]
        y = tf.reshape(y, [-1, args.channels, args.pred_len, args.n_q])
        return tf.transpose(y, [0, 2, 1, 3])


class DLinear(Model):
    def __init__(self):
        super().__init__()
        self.revin = RevIN()
        self.decomp = MovingAvg()
        self.linear_trend = ChannelDense()
        self.linear_seasonal = ChannelDense()
        self.mixer = [Dense(args.d_hidden, activation="gelu"), Dense(args.channels)]

    def call(self, x):
        if args.revin:
            x = self.revin(x, mode="norm")
        trend = self.decomp(x)
        seasonal = x - trend
        for layer in self.mixer:
            seasonal = layer(seasonal)
        y = self.linear_trend(trend) + self.linear_seasonal(seasonal)
        if args.revin:
            y = self.revin(y, mode="denorm")
        return y


def pinball(true, pred):
    q = tf.constant(args.quantiles)
    diff = true[..., None] - pred
    loss = tf.reduce_mean(tf.maximum(q * diff, (q - 1.0) * diff), axis=-1)
    if args.n_q > 1:
        crossing = tf.nn.relu(pred[..., :-1] - pred[..., 1:])
        loss += args.crossing_penalty * tf.reduce_mean(crossing, axis=-1)
    return loss


def coverage(true, pred):
    """How often the truth lies between the outer quantiles."""
    inside = (true >= pred[..., 0]) & (true <= pred[..., args.n_q - 1])
    return tf.cast(inside, tf.float32)


class Dataset_Waves:
    def __init__(self, flag, n=340):
        t = np.arange(n)
        rng = np.random.RandomState(args.seed)
        waves = [np.sin(2 * np.pi * t / p) + 0.01 * k * t for k, p in enumerate((12, 18, 7))]
        data = np.stack(waves[: args.channels], -1) + 0.15 * rng.randn(n, args.channels)
        cut = int(n * 0.8)
        self.data = (data[:cut] if flag == "train" else data[cut:]).astype("float32")

    def windows(self):
        total = args.seq_len + args.pred_len
        w = np.lib.stride_tricks.sliding_window_view(self.data, total, axis=0)
        w = w.transpose(0, 2, 1)
        return w[:, : args.seq_len].copy(), w[:, args.seq_len :].copy()


class Exp_Quantile:
    def __init__(self):
        self.model = DLinear()
        self.x, self.y = Dataset_Waves("train").windows()
        self.x_test, self.y_test = Dataset_Waves("test").windows()

    def train(self):
        self.model.compile(
            optimizer=tf.keras.optimizers.Adam(args.learning_rate),
            loss=pinball,
            metrics=[coverage],
            jit_compile=False,
        )
        self.model.fit(self.x, self.y, batch_size=args.batch_size, epochs=args.train_epochs, verbose=2)

    def export(self):
        x = self.x_test[:6]
        y = self.model.predict(x, verbose=0)
        print("mae of the median:", np.abs(y[..., args.n_q // 2] - self.y_test[:6]).mean())
        bundle(self.model, args.out)
        fx, fy = self.x[: args.batch_size], self.y[: args.batch_size]
        self.model.train_on_batch(fx, fy)
        after = self.model.predict(x, verbose=0)
        np.savez(args.numbers, x=x, y=y, fx=fx, fy=fy, after=after)


exp = Exp_Quantile()
exp.train()
exp.export()
