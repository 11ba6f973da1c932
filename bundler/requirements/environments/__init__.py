"""Make a virtual environment with what a bundle's lock says, and keep it."""
