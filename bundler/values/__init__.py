"""Values as data: how a value of a library, or an object of an author's class, is taken apart and made again.

One description for all who carry values: the generated modules write it as text, the config and the manifest as JSON,
and the comparison of two programs compares it. The list of makers is closed: a file can ask for these calls and for no
others. No kind is pickled, and none runs code of an author.
"""

from bundler.values.kinds import MAKERS, SETTERS, Made, made, module_of, taken_apart
from bundler.values.own_objects import OwnState, Unsayable, given_state, own_state, pydantic_fields
from bundler.values.settings import SETTINGS_LIBRARIES

__all__ = [
    "MAKERS",
    "SETTERS",
    "SETTINGS_LIBRARIES",
    "Made",
    "OwnState",
    "Unsayable",
    "given_state",
    "made",
    "module_of",
    "own_state",
    "pydantic_fields",
    "taken_apart",
]
