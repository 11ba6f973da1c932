"""``python -m bundler`` is ``kbundle``."""

from __future__ import annotations

import sys

from bundler.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
