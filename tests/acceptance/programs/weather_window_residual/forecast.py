import sys
import tempfile

import numpy as np
import pandas as pd
import tensorflow as tf

from bundler import bundle
from window import WindowGenerator

tf.keras.utils.set_random_seed(42)

MAX_EPOCHS = 2

# --- data: three channels of hourly "weather" -------------------------------------------
rng = np.random.default_rng(42)
date_time = pd.date_range("2015-01-01", periods=700, freq="h")
timestamp_s = date_time.map(pd.Timestamp.timestamp)
day = 24 * 60 * 60

hours = np.arange(len(date_time))
df = pd.DataFrame({
    "T": 9 + 6 * np.sin(2 * np.pi * (hours - 9) / 24) + np.cumsum(rng.normal(0, 0.15, len(hours))),
    "p": 989 + np.cumsum(rng.normal(0, 0.3, len(hours))),
    "wv": np.abs(rng.normal(2, 1, len(hours))),
})
wv = df.pop("wv")
wd_rad = rng.uniform(0, 360, len(hours)) * np.pi / 180
df["Wx"] = wv * np.cos(wd_rad)
df["Wy"] = wv * np.sin(wd_rad)
df["Day sin"] = np.sin(timestamp_s * (2 * np.pi / day))
df["Day cos"] = np.cos(timestamp_s * (2 * np.pi / day))

column_indices = {name: i for i, name in enumerate(df.columns)}
n = len(df)
train_df, val_df, test_df = df[0:int(n * 0.7)], df[int(n * 0.7):int(n * 0.9)], df[int(n * 0.9):]
num_features = df.shape[1]

train_mean, train_std = train_df.mean(), train_df.std()
train_df = (train_df - train_mean) / train_std
val_df = (val_df - train_mean) / train_std
test_df = (test_df - train_mean) / train_std

wide_window = WindowGenerator(input_width=24, label_width=24, shift=1,
                              train_df=train_df, val_df=val_df, test_df=test_df)
print(wide_window)


# --- models -----------------------------------------------------------------------------
class Baseline(tf.keras.Model):
    """Tomorrow (well, the next hour) will be like today."""

    def __init__(self, label_index=None):
        super().__init__()
        self.label_index = label_index

    def call(self, inputs):
        if self.label_index is None:
            return inputs
        result = inputs[:, :, self.label_index]
        return result[:, :, tf.newaxis]


class ResidualWrapper(tf.keras.Model):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def call(self, inputs, *args, **kwargs):
        delta = self.model(inputs, *args, **kwargs)
        # The prediction for each time step is the input from the previous time step
        # plus the delta calculated by the model.
        return inputs + delta


def compile_and_fit(model, window, patience=2):
    early_stopping = tf.keras.callbacks.EarlyStopping(monitor="val_loss", patience=patience, mode="min")
    model.compile(loss=tf.keras.losses.MeanSquaredError(),
                  optimizer=tf.keras.optimizers.Adam(),
                  metrics=[tf.keras.metrics.MeanAbsoluteError()])
    return model.fit(window.train, epochs=MAX_EPOCHS, validation_data=window.val,
                     callbacks=[early_stopping], verbose=2)


val_performance, performance = {}, {}

baseline = Baseline()
baseline.compile(loss=tf.keras.losses.MeanSquaredError(), metrics=[tf.keras.metrics.MeanAbsoluteError()],
                 run_eagerly=True)
val_performance["Baseline"] = baseline.evaluate(wide_window.val, verbose=0, return_dict=True)

residual_lstm = ResidualWrapper(
    tf.keras.Sequential([
        tf.keras.layers.LSTM(16, return_sequences=True),
        tf.keras.layers.Dense(
            num_features,
            # The predicted deltas should start small.
            kernel_initializer=tf.initializers.zeros()),
    ]))
history = compile_and_fit(residual_lstm, wide_window)
val_performance["Residual LSTM"] = residual_lstm.evaluate(wide_window.val, verbose=0, return_dict=True)

for name, value in val_performance.items():
    print(f"{name:15s}: {value['mean_absolute_error']:0.4f}")

with tempfile.TemporaryDirectory() as tmp:
    wide_window.plot(residual_lstm, path=tmp + "/residual.png")

# --- keep it ----------------------------------------------------------------------------
x = wide_window.make_dataset(test_df).unbatch().batch(4)
x = next(iter(x))[0].numpy()
y = residual_lstm.predict(x, verbose=0)
bundle(residual_lstm, sys.argv[1])

fx, fy = (part.numpy() for part in wide_window.example)
residual_lstm.train_on_batch(fx, fy)
np.savez(sys.argv[2], x=x, y=y, fx=fx, fy=fy, after=residual_lstm.predict(x, verbose=0))
