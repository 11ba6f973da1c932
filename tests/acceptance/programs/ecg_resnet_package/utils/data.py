import numpy as np
from tensorflow.keras.utils import Sequence

FINDINGS = ("afib", "st_elevation", "tachycardia")


def simulate(n, length=96, leads=2, seed=0):
    rng = np.random.RandomState(seed)
    y = (rng.rand(n, len(FINDINGS)) < [0.3, 0.4, 0.35]).astype("float32")
    x = np.zeros((n, length, leads), "float32")
    for i, (afib, st, tachy) in enumerate(y):
        period, t = (12 if tachy else 22), rng.randint(4, 10)
        spikes = np.zeros(length)
        while t < length:
            spikes[int(t)] = 1.0
            t += max(period * (1 + (0.35 * rng.randn() if afib else 0.02 * rng.randn())), 4)
        beat = np.convolve(spikes, [0.2, 1.0, -0.3, 0.1, 0.15])[:length]
        if st:
            beat += 0.4 * np.convolve(spikes, np.ones(6) / 3)[:length]
        for lead in range(leads):
            x[i, :, lead] = beat * rng.uniform(0.8, 1.2) + 0.1 * rng.randn(length)
    return x, y


def pos_weights(y):
    frac = y.mean(axis=0)
    return ((1 - frac) / np.maximum(frac, 1e-3)).astype("float32")


class ECGSequence(Sequence):
    def __init__(self, x, y, batch_size, seed=0):
        super(ECGSequence, self).__init__()
        self.x, self.y, self.batch_size = x, y, batch_size
        self.rng = np.random.RandomState(seed)
        self.on_epoch_end()

    def __len__(self):
        return len(self.x) // self.batch_size

    def __getitem__(self, i):
        idx = self.order[i * self.batch_size:(i + 1) * self.batch_size]
        return self.x[idx], self.y[idx]

    def on_epoch_end(self):
        self.order = self.rng.permutation(len(self.x))
