"""Which arguments an object was made with, read back from the object and the text of its ``__init__``."""

from __future__ import annotations

from bundler.sources.constructor.readback import Arguments, Unread, read_arguments

__all__ = ["Arguments", "Unread", "read_arguments"]
