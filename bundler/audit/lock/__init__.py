"""Read what a bundle asks to be installed, against published holes."""
