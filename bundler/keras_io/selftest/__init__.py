"""Record a model's outputs, run it again and compare: samples, tensors, predictions, digests of weights."""
