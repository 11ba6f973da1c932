"""The first lines of the interpreter that proves bundles; run by its path: ``python -P start.py PACKAGE MODULE ...``.

`bundler` may lie in a checkout among the author's own code. So it is imported from its folder alone, and the folder
around it never gets onto `sys.path`.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys


def start(package: str, module: str, arguments: list[str]) -> None:
    """Import `bundler` from the folder `package` and hand over to `main` of a module of this room."""
    spec = importlib.util.spec_from_file_location(
        "bundler", os.path.join(package, "__init__.py"), submodule_search_locations=[package]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"bundler is not in {package}")
    bundler = importlib.util.module_from_spec(spec)
    sys.modules["bundler"] = bundler
    spec.loader.exec_module(bundler)
    importlib.import_module(f"bundler.prover.{module}").main(arguments)


if __name__ == "__main__":
    start(sys.argv[1], sys.argv[2], sys.argv[3:])
