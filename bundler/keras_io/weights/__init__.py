"""Weights that lie in memory: from the bytes of a bundle to the variables of a model, without a file between them."""
