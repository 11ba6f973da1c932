"""Train a regression whose layers live in blocks.py, and pack it.

    python train.py            writes diabetes.kbundle and diabetes_inputs.npz here

Plain Keras: `keras.saving.load_model("diabetes.keras")` in a process that has not imported blocks.py fails with
    Could not locate class 'ResidualBlock'. Make sure custom classes and functions are decorated with
    `@keras.saving.register_keras_serializable()`.
although every class is decorated: the decorator runs only where blocks.py is imported.
"""

import keras
import numpy as np
from blocks import ResidualBlock
from sklearn.datasets import load_diabetes

from bundler import bundle

keras.utils.set_random_seed(7)
diabetes = load_diabetes()
x = diabetes.data.astype("float32")
y = ((diabetes.target - diabetes.target.mean()) / diabetes.target.std()).astype("float32")

inputs = keras.Input((10,), name="patient")
hidden = keras.layers.Dense(16)(inputs)
for _ in range(2):
    hidden = ResidualBlock(16)(hidden)
model = keras.Model(inputs, keras.layers.Dense(1, name="progression")(hidden))
model.compile("adam", "mse")
model.fit(x, y, epochs=15, batch_size=32, verbose=0)

packed = bundle(model, "diabetes.kbundle", overwrite=True)
np.savez("diabetes_inputs.npz", x=x[:50], y=y[:50], expected=model.predict(x[:50], verbose=0))
print(f"mean squared error {model.evaluate(x, y, verbose=0):.3f}; packed {packed.path}, {packed.digest}")
