"""kbundle: a Keras model and the source of its custom code in one file that loads with one call."""

from bundler.version import __version__

__all__ = ["__version__"]
