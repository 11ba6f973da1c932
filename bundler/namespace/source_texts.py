"""Names as the interpreter takes them: the text of a string, whatever a class derived from `str` says of it."""

from __future__ import annotations


def exact(name: object) -> str:
    """Return the text of a string as a plain one.

    ``str(name)`` is not it: it may be an object of a derived class again, with methods of its own.

    Raises:
        TypeError: it is not a string.
    """
    if not isinstance(name, str):
        raise TypeError(f"a name must be str, not {type(name).__name__}")
    return str.__str__(name)
