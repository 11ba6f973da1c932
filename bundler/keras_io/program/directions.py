"""Large arrays in four numbers, so that two processes can compare them without sending them."""

from __future__ import annotations

from typing import Any

from bundler.keras_io.selftest import samples

_DIRECTIONS = 3


def measured(array: Any) -> tuple[float, tuple[float, ...]]:
    """Return the norm of an array of numbers, and its products with directions that are the same in every process.

    A NaN and an infinity count as a number that nothing reaches.
    """
    import numpy as np

    flat = np.nan_to_num(array.astype("float64").reshape(-1), nan=1e30, posinf=1e30, neginf=-1e30)
    random = np.random.default_rng(samples.SEED)
    signs = [random.integers(0, 2, size=flat.size) * 2.0 - 1.0 for _ in range(_DIRECTIONS)]
    products = tuple(float(np.dot(flat, sign)) / max(flat.size, 1) ** 0.5 for sign in signs)
    return float(np.linalg.norm(flat)), products
