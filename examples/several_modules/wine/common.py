"""What the other modules share."""

from keras import ops

EPSILON = 1e-6


def unit(x):
    """Return `x` scaled to length 1 along its last axis."""
    return x / (ops.norm(x, axis=-1, keepdims=True) + EPSILON)
