"""Load wine.kbundle where the package wine does not exist, compare, and go on training."""

import numpy as np

from bundler import unbundle

model = unbundle("wine.kbundle")
data = np.load("wine_inputs.npz")
predicted = model.predict(data["x"], verbose=0)

difference = float(np.abs(predicted - data["expected"]).max())
print(f"largest difference to the predictions before packing: {difference:g}")
assert difference <= 1e-6

steps_before = int(model.optimizer.iterations)
history = model.fit(data["x"], data["y"], epochs=6, batch_size=32, verbose=0).history
print(f"optimizer step {steps_before} -> {int(model.optimizer.iterations)}")
print(f"loss {history['loss'][0]:.3f} -> {history['loss'][-1]:.3f}, confidence {history['confidence'][-1]:.3f}")
assert steps_before > 0
assert history["loss"][-1] < history["loss"][0]
