"""Train a small digit classifier with one custom layer, and pack it.

    python train.py            writes digits.kbundle and digits_inputs.npz here

Then take those two files and use.py to any other folder, or machine, and run `python use.py` there.

Plain Keras: `keras.saving.load_model("digits.keras")` in a process that has not imported gain.py fails with
    Could not locate class 'PixelGain'. Make sure custom classes and functions are decorated with
    `@keras.saving.register_keras_serializable()`.
"""

import keras
import numpy as np
from gain import PixelGain
from sklearn.datasets import load_digits

from bundler import bundle

keras.utils.set_random_seed(7)
digits = load_digits()
x, y = (digits.data / 16).astype("float32"), digits.target

model = keras.Sequential(
    [
        keras.Input((64,), name="pixels"),
        PixelGain(name="gain"),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(10, activation="softmax", name="digit"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=8, batch_size=64, verbose=0)

packed = bundle(model, "digits.kbundle", overwrite=True)
np.savez("digits_inputs.npz", x=x[:50], y=y[:50], expected=model.predict(x[:50], verbose=0))
print(f"accuracy {model.evaluate(x, y, verbose=0)[1]:.3f}; packed {packed.path}, {packed.digest}")
