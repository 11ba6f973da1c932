"""Source that no module holds: from classes and functions of scripts, cells and function bodies to real modules.

`lift` finds the text of an object, and of everything that it needs, and writes it as a module that a person could
have written. Keras and IPython are not imported: objects are looked at through their attributes, cells through
`linecache`.
"""

from bundler.sources.extract.extracted import Lifted, LiftedModule
from bundler.sources.extract.extracting import lift
from bundler.sources.extract.namespaces import is_lambda, needs_lifting

__all__ = ["Lifted", "LiftedModule", "is_lambda", "lift", "needs_lifting"]
