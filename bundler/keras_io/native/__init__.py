"""Announce what TensorFlow, Keras and h5py do in C code, so that the nets of `bundler.namespace` see it."""
