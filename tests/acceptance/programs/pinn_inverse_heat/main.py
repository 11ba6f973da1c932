import sys

import numpy as np
import tensorflow as tf

from bundler import bundle
from network import LB, UB, PINN, build_net
from pde import get_residual

TRUE_COEF = 0.2


def exact(tx):
    return np.exp(-TRUE_COEF * np.pi**2 * tx[:, :1]) * np.sin(np.pi * tx[:, 1:])


def sample(n_collocation, n_observed, seed=0):
    """Targets are (u, 1) where something was measured and (0, 0) elsewhere."""
    rng = np.random.default_rng(seed)
    tx = (LB + (UB - LB) * rng.random((n_collocation + n_observed, 2))).astype("float32")
    seen = np.zeros((len(tx), 1), "float32")
    seen[rng.permutation(len(tx))[:n_observed]] = 1.0
    u = (exact(tx) + 0.01 * rng.standard_normal(seen.shape)).astype("float32")
    return tx, np.hstack([u * seen, seen])


class AnnealResidual(tf.keras.callbacks.Callback):
    """Data first, physics later."""

    def __init__(self, final, epochs):
        super().__init__()
        self.steps = np.geomspace(0.01, final, epochs)

    def on_epoch_begin(self, epoch, logs=None):
        self.model.residual_weight.assign(self.steps[epoch])


def relative_l2(model, n=20):
    t, x = np.meshgrid(np.linspace(LB[0], UB[0], n), np.linspace(LB[1], UB[1], n))
    grid = np.stack([t.ravel(), x.ravel()], 1).astype("float32")
    u = model.predict(grid, batch_size=len(grid), verbose=0)
    return np.linalg.norm(u - exact(grid)) / np.linalg.norm(exact(grid))


if __name__ == "__main__":
    tf.keras.utils.set_random_seed(1234)
    EPOCHS = 80
    points, targets = sample(200, 120)
    pinn = PINN(build_net(hidden=2, width=12), get_residual("heat"))
    pinn.compile(optimizer=tf.keras.optimizers.Adam(1e-2, beta_2=0.99), jit_compile=False)
    hist = pinn.fit(
        points,
        targets,
        batch_size=64,
        epochs=EPOCHS,
        verbose=0,
        callbacks=[AnnealResidual(0.3, EPOCHS)],
    )
    print({k: round(float(v[-1]), 5) for k, v in hist.history.items()}, "true coef", TRUE_COEF)
    print(f"relative L2 error {relative_l2(pinn):.3f}")

    x, _ = sample(10, 2, seed=5)
    fx, fy = sample(20, 12, seed=6)
    y = pinn.predict(x, verbose=0)
    bundle(pinn, sys.argv[1])
    pinn.train_on_batch(fx, fy)
    np.savez(sys.argv[2], x=x, y=y, fx=fx, fy=fy, after=pinn.predict(x, verbose=0))
