"""Read what pickles of a bundle would import and call."""
