"""Source that no module holds: from classes and functions of scripts, cells and function bodies to real modules.

`extract` finds the text of an object, and of everything that it needs, and writes it as a module that a person could
have written. Keras and IPython are not imported: objects are looked at through their attributes, cells through
`linecache`.
"""

from bundler.sources.extract.extracted import Extracted, ExtractedModule
from bundler.sources.extract.extracting import extract
from bundler.sources.extract.namespaces import is_lambda, needs_extracting

__all__ = ["Extracted", "ExtractedModule", "extract", "is_lambda", "needs_extracting"]
