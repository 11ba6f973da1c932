"""Author side: from a model to the code that it needs."""
