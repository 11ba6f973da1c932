"""Train a wine classifier whose code is a package of several modules, and pack it half-way.

    python train.py            writes wine.kbundle and wine_inputs.npz here

use.py then goes on training it in another place.

Plain Keras: `keras.saving.load_model("wine.keras")` in a process that has not imported the package fails with
    Could not locate class 'FeatureGate'. Make sure custom classes and functions are decorated with
    `@keras.saving.register_keras_serializable()`.
and after that one is passed as custom_objects, the same for 'Prototypes', 'focal_loss' and 'Confidence'.
"""

import keras
import numpy as np
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from wine.layers import FeatureGate, Prototypes
from wine.training import Confidence, focal_loss

from bundler import bundle

keras.utils.set_random_seed(7)
wine = load_wine()
x = StandardScaler().fit_transform(wine.data).astype("float32")
y = keras.utils.to_categorical(wine.target)

inputs = keras.Input((13,), name="chemistry")
hidden = keras.layers.Dense(8, activation="tanh")(FeatureGate()(inputs))
model = keras.Model(inputs, keras.layers.Softmax(name="cultivar")(Prototypes(3)(hidden)))
model.compile(keras.optimizers.Adam(1e-2), loss=focal_loss, metrics=["accuracy", Confidence()])
model.fit(x, y, epochs=6, batch_size=32, verbose=0)

packed = bundle(model, "wine.kbundle", overwrite=True)
np.savez("wine_inputs.npz", x=x, y=y, expected=model.predict(x, verbose=0))
print(f"accuracy {model.evaluate(x, y, verbose=0)[1]:.3f}; packed {packed.path}, {packed.digest}")
