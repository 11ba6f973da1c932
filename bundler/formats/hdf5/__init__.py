"""Read the HDF5 file with a model's weights: its structures and arrays, without h5py."""

from bundler.formats.hdf5.weights_file import SIGNATURE, WeightsFile, read_hdf5

__all__ = ["SIGNATURE", "WeightsFile", "read_hdf5"]
