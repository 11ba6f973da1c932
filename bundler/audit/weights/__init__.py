"""What lies in a model's weights and in the arrays of its self-test, read without h5py and NumPy."""

from bundler.audit.weights.hdf5 import Tensor, hdf5_findings, hdf5_tensors, tensor_digest
from bundler.audit.weights.numpy_files import npy_findings, npz_findings, npz_tensors
from bundler.audit.weights.rules import RULES

__all__ = [
    "RULES",
    "Tensor",
    "hdf5_findings",
    "hdf5_tensors",
    "npy_findings",
    "npz_findings",
    "npz_tensors",
    "tensor_digest",
]
