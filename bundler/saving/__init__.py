"""Save a live model of which Keras alone does not bring everything back."""
