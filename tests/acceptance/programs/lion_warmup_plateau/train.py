import sys

import numpy as np
import tensorflow as tf
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from tensorflow import keras
from tensorflow.keras import layers

from bundler import bundle
from optim import Lion, LogLR, LowerOnPlateau, WarmupCosine

SEED = 77
EPOCHS = 7
BATCH = 32
keras.utils.set_random_seed(SEED)


class MaxNormRows(keras.constraints.Constraint):
    def __init__(self, limit):
        self.limit = limit

    def __call__(self, w):
        norms = tf.norm(w, axis=0, keepdims=True)
        return w * tf.minimum(1.0, self.limit / (norms + 1e-7))


def scaled_orthogonal(gain):
    return keras.initializers.Orthogonal(gain=gain, seed=SEED)


def dense_block(x, units, residual=False):
    h = layers.Dense(
        units,
        kernel_initializer=scaled_orthogonal(1.4),
        kernel_constraint=MaxNormRows(2.5),
    )(x)
    h = layers.LayerNormalization()(h)
    h = layers.Activation(tf.nn.silu)(h)
    return layers.add([x, h]) if residual else h


def get_model(n_features, n_classes):
    inp = layers.Input((n_features,))
    x = dense_block(inp, 20)
    x = dense_block(x, 20, residual=True)
    out = layers.Dense(n_classes, activation="softmax")(x)
    return keras.Model(inp, out)


def main():
    X, t = make_classification(
        n_samples=500, n_features=14, n_informative=6, n_classes=3, flip_y=0.15, random_state=SEED
    )
    X = StandardScaler().fit_transform(X).astype("float32")
    X_tr, X_va, t_tr, t_va = train_test_split(X, t, test_size=0.2, random_state=SEED, stratify=t)

    steps = EPOCHS * int(np.ceil(len(X_tr) / BATCH))
    schedule = WarmupCosine(peak=1.5e-2, warmup=steps // 10, total=2 * steps)
    optimizer = Lion(schedule, wd=0.02, accumulate=2, global_clipnorm=5.0)
    model = get_model(X.shape[1], 3)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    model.fit(
        X_tr,
        t_tr,
        batch_size=BATCH,
        epochs=EPOCHS,
        validation_data=(X_va, t_va),
        callbacks=[LowerOnPlateau(schedule), LogLR()],
        verbose=2,
    )

    # after an odd number of steps the accumulator is half full
    print("iterations:", int(optimizer.iterations))
    x, y = X_va[:8], model.predict(X_va[:8], verbose=0)
    bundle(model, sys.argv[1])
    fx, fy = X_tr[:BATCH], t_tr[:BATCH]
    model.train_on_batch(fx, fy)
    after = model.predict(x, verbose=0)
    np.savez(sys.argv[2], x=x, y=y, fx=fx, fy=fy, after=after)


if __name__ == "__main__":
    main()
