import sys
import tempfile

import keras
import keras_tuner
import numpy as np
from keras import layers, ops
from sklearn.datasets import make_friedman1
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from bundler import bundle

SEED = 17
keras.utils.set_random_seed(SEED)

ACTIVATIONS = {
    "relu": "relu",
    "mish": lambda t: t * ops.tanh(ops.softplus(t)),
    "sin": ops.sin,
    "squared_relu": lambda t: ops.square(ops.relu(t)),
}


class GatedDense(layers.Layer):
    """act(xW + b) gated by sigmoid(xV + c), with a skip when the widths agree."""

    def __init__(self, units, act, skip=True):
        super().__init__()
        self.units = units
        self.skip = skip
        self.value = layers.Dense(units, activation=act)
        self.gate = layers.Dense(units, activation="sigmoid")

    def call(self, x):
        out = self.value(x) * self.gate(x)
        if self.skip and x.shape[-1] == self.units:
            out = out + x
        return out


def r2(y_true, y_pred):
    ss_res = ops.sum(ops.square(y_true - y_pred))
    ss_tot = ops.sum(ops.square(y_true - ops.mean(y_true)))
    return 1.0 - ss_res / (ss_tot + keras.config.epsilon())


class MyHyperModel(keras_tuner.HyperModel):
    def __init__(self, x_for_norm, delta=1.0):
        super().__init__()
        self.x_for_norm = x_for_norm
        self.delta = delta

    def build(self, hp):
        act = ACTIVATIONS[hp.Choice("act", list(ACTIVATIONS))]
        units = hp.Int("units", 8, 24, step=8)

        norm = layers.Normalization()
        norm.adapt(self.x_for_norm)

        inputs = keras.Input((self.x_for_norm.shape[1],))
        x = norm(inputs)
        for i in range(hp.Int("blocks", 1, 3)):
            x = GatedDense(units, act, skip=hp.Boolean("skip"))(x)
            if hp.Boolean(f"norm_{i}"):
                x = layers.LayerNormalization()(x)
        outputs = layers.Dense(1)(x)
        model = keras.Model(inputs, outputs)

        lr = hp.Float("lr", 1e-3, 1e-2, sampling="log")
        name = hp.Choice("optimizer", ["adam", "sgd", "nadam"])
        if name == "sgd":
            optimizer = keras.optimizers.SGD(lr, momentum=0.9, nesterov=True)
        else:
            optimizer = {"adam": keras.optimizers.Adam, "nadam": keras.optimizers.Nadam}[name](lr)
        model.compile(optimizer, loss=keras.losses.Huber(delta=self.delta), metrics=[r2, "mae"])
        return model

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, batch_size=hp.Choice("batch_size", [32, 64]), **kwargs)


class QuickSearch(keras_tuner.RandomSearch):
    """One fit per trial and no checkpoints: the winner is trained again anyway."""

    def run_trial(self, trial, *args, **kwargs):
        hp = trial.hyperparameters
        keras.utils.set_random_seed(SEED)
        model = self.hypermodel.build(hp)
        history = self.hypermodel.fit(hp, model, *args, **kwargs)
        return {"val_r2": max(history.history["val_r2"])}


def main(out, numbers):
    X, y = make_friedman1(n_samples=400, n_features=8, noise=0.3, random_state=SEED)
    y = StandardScaler().fit_transform(y[:, None])
    X, y = X.astype("float32"), y.astype("float32")
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=40, random_state=SEED)
    X_train, X_val, y_train, y_val = train_test_split(X_train, y_train, test_size=80, random_state=SEED)

    with tempfile.TemporaryDirectory() as folder:
        tuner = QuickSearch(
            MyHyperModel(X_train),
            objective=keras_tuner.Objective("val_r2", direction="max"),
            max_trials=2,
            overwrite=True,
            directory=folder,
            project_name="friedman",
            seed=SEED,
        )
        tuner.search_space_summary()
        tuner.search(X_train, y_train, epochs=2, validation_data=(X_val, y_val), verbose=0)
        tuner.results_summary(1)
        best_hp = tuner.get_best_hyperparameters(1)[0]

    # Retrain with everything but the test set
    hypermodel = MyHyperModel(X_train)
    model = hypermodel.build(best_hp)
    hypermodel.fit(best_hp, model, np.concatenate([X_train, X_val]), np.concatenate([y_train, y_val]),
                   epochs=4, verbose=2)
    print(model.evaluate(X_test, y_test, verbose=0))

    x = X_test[:10]
    y = model.predict(x, verbose=0)
    bundle(model, out)

    fx, fy = X_val[:32], y_val[:32]
    model.train_on_batch(fx, fy)
    np.savez(numbers, x=x, y=y, fx=fx, fy=fy, after=model.predict(x, verbose=0))


if __name__ == "__main__":
    main(*sys.argv[1:3])
