"""Load diabetes.kbundle where blocks.py does not exist, and predict."""

import numpy as np

from bundler import unbundle

model = unbundle("diabetes.kbundle")
data = np.load("diabetes_inputs.npz")
predicted = model.predict(data["x"], verbose=0)

difference = float(np.abs(predicted - data["expected"]).max())
print(f"largest difference to the predictions before packing: {difference:g}")
assert difference <= 1e-6
