"""From a bundle to a live model; start with `unbundling.unbundle`."""
