# %% [markdown]
# # How sure are we? Deep evidential regression on a cubic
# after Amini et al., NeurIPS 2020

# %%
import io
import sys
import math
import warnings
warnings.filterwarnings("ignore")

import numpy as np
import pandas as pd
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
import seaborn as sns
import keras
import tensorflow as tf
from keras import layers

sns.set_theme(style="whitegrid", context="paper")
keras.utils.set_random_seed(2020)
rng = np.random.default_rng(2020)

N_TRAIN = 400
COEFF = 0.05
DEBUG = []

# %%
def my_data(lo, hi, n):
    x = rng.uniform(lo, hi, (n, 1))
    y = x ** 3 / 10 + rng.normal(0, 0.3 + 0.5 * (x > 0), (n, 1))
    return x.astype("float32"), y.astype("float32")

x_train, y_train = my_data(-4, 4, N_TRAIN)
x_test = np.linspace(-6, 6, 60, dtype="float32")[:, None]

df = pd.DataFrame({"x": x_train[:, 0], "y": y_train[:, 0]})
df["side"] = np.where(df.x > 0, "noisy", "clean")
mu_y, sd_y = df["y"].mean(), df["y"].std()
print(df.groupby("side")["y"].describe().round(2))

# %% the head: gamma, nu, alpha, beta
class DenseNormalGamma(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.units = int(units)
        self.dense = layers.Dense(4 * self.units, activation=None)

    def evidence(self, x):
        return tf.nn.softplus(x) + 1e-6

    def call(self, x):
        out = self.dense(x)
        mu, logv, logalpha, logbeta = tf.split(out, 4, axis=-1)
        # undo the standardization of the target right here
        mu = mu * sd_y + mu_y
        return tf.concat([mu, self.evidence(logv), self.evidence(logalpha) + 1, self.evidence(logbeta)], axis=-1)

# %% losses
def NIG_NLL(y, gamma, v, alpha, beta):
    twoBlambda = 2 * beta * (1 + v)
    return 0.5 * tf.math.log(math.pi / v) \
        - alpha * tf.math.log(twoBlambda) \
        + (alpha + 0.5) * tf.math.log(v * (y - gamma) ** 2 + twoBlambda) \
        + tf.math.lgamma(alpha) \
        - tf.math.lgamma(alpha + 0.5)

def NIG_Reg(y, gamma, v, alpha, beta):
    return tf.abs(y - gamma) * (2 * v + alpha)

def evidential(coeff, *terms, reduce=tf.reduce_mean):
    """ first term plus coeff times the others; coeff may be a variable """
    first, *rest = terms
    traced = []

    def EvidentialRegression(y, out):
        traced.append(out.shape)
        parts = tf.split(out, 4, axis=-1)
        loss = first(y, *parts)
        for t in rest:
            loss = loss + coeff * t(y, *parts)
        return reduce(loss)

    EvidentialRegression.traced = traced
    return EvidentialRegression

def coverage(k):
    def fn(y, out):
        gamma, v, alpha, beta = tf.split(out, 4, axis=-1)
        sd = tf.sqrt(beta / (alpha - 1 + 1e-3) * (1 + 1 / v))
        return tf.reduce_mean(tf.cast(tf.abs(y - gamma) < k * sd, tf.float32))
    fn.__name__ = "cov%d" % (10 * k)
    return fn

rmse = lambda y, out: tf.sqrt(tf.reduce_mean((y - out[:, :1]) ** 2))
rmse.__name__ = "rmse"

# %% annealing
lam = tf.Variable(0.0, trainable=False, name="lam")

class Anneal(keras.callbacks.Callback):
    def __init__(self, var, to, epochs):
        super().__init__()
        self.f = lambda e: var.assign(to * min(1.0, (e + 1) / epochs))

    def on_epoch_begin(self, epoch, logs=None):
        DEBUG.append(float(self.f(epoch).numpy()))

# %%
def make_model(width=32, depth=2, act=tf.sin):
    def dense(x):
        h = x
        for i in range(depth):
            h = layers.Dense(width, activation=act if i == 0 else "relu")(h)
        return layers.Concatenate()([h, x])

    inp = keras.Input((1,))
    scaled = layers.Rescaling(1 / 4.0)(inp)
    return keras.Model(inp, DenseNormalGamma(1)(dense(dense(scaled))))

model = make_model()
model.compile(
    optimizer=keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(1e-2, 60, 0.8)),
    loss=evidential(lam, NIG_NLL, NIG_Reg),
    metrics=[rmse, coverage(1), coverage(1.6)],
    jit_compile=False,
)
hist = model.fit(x_train, y_train, batch_size=50, epochs=25, verbose=0,
                 callbacks=[Anneal(lam, COEFF, 15), keras.callbacks.TerminateOnNaN()])
print(pd.DataFrame(hist.history).iloc[::6].round(3))
print("lambda went", DEBUG[0], "->", DEBUG[-1])

# %% plots
def plot_predictions(x, out, n_stds=3, ax=None, kk=0):
    ax = ax or plt.gca()
    mu, v, alpha, beta = out.T
    var = np.sqrt(beta / (v * (alpha - 1)))
    ax.scatter(*df[["x", "y"]].T.values, s=1., c="#463c3c", zorder=0, label="Train")
    ax.plot(x[:, 0], mu, color="#007cab", zorder=3, label="Pred")
    for k in np.linspace(0, n_stds, 4):
        ax.fill_between(x[:, 0], mu - k * var, mu + k * var, alpha=0.3, color="#00aeef", lw=0)
    ax.legend(loc="upper left")
    return ax

y_pred = model.predict(x_test, verbose=0)
fig, axes = plt.subplots(1, 2, figsize=(8, 3))
plot_predictions(x_test, y_pred, ax=axes[0])
sns.histplot(data=df, x="y", hue="side", ax=axes[1])
plt.savefig(io.BytesIO(), format="png")
plt.close(fig)

# %% keep it
from bundler import bundle

bundle(model, sys.argv[1])

fx, fy = my_data(-4, 4, 64)
model.train_on_batch(fx, fy)
np.savez(sys.argv[2], x=x_test, y=y_pred, fx=fx, fy=fy, after=model.predict(x_test, verbose=0))
