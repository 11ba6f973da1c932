"""The first lines of the interpreter that proves bundles; run by its path, as ``python -P start.py PACKAGE ...``.

`bundler` may lie in a checkout among the author's own code. So it is imported from its folder alone, and the folder
around it never gets onto `sys.path`.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys


def start(package: str, arguments: list[str]) -> None:
    """Import `bundler` from the folder `package` and hand over to its worker."""
    spec = importlib.util.spec_from_file_location(
        "bundler", os.path.join(package, "__init__.py"), submodule_search_locations=[package]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"bundler is not in {package}")
    module = importlib.util.module_from_spec(spec)
    sys.modules["bundler"] = module
    spec.loader.exec_module(module)
    importlib.import_module("bundler.prover.worker").main(arguments)


if __name__ == "__main__":
    start(sys.argv[1], sys.argv[2:])
