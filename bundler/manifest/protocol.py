"""The format version, and how to change it.

`FORMAT_VERSION` is "major.minor".

* A new optional field, or a new value in an open list (an object kind, a tensor encoding): raise the minor. Old
  readers keep the field untouched and go on (I6).
* A field that changes its meaning, a new rule that an old reader would not enforce, a change of the byte layout:
  raise the major. Old readers refuse the file and say which version can read it.

Format 1 is not frozen until kbundle 1.0.0. From then on every past version keeps a real file in `tests/compat/`
that must load for ever.
"""

from __future__ import annotations

FORMAT = "kbundle"
FORMAT_MAJOR = 1
FORMAT_VERSION = "1.0"
