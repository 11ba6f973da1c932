"""Decide about a bundle without running it.

Every part of this room reads one kind of member and says what it found as data (`bundler.audit.finding`): source, the
model's config, graphs, weights, pickles, the lock, and what contradicts what. Nothing here imports, unpickles or
executes anything of a bundle, and nothing needs TensorFlow, Keras, NumPy or h5py.
"""
