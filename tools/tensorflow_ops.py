"""Keep bundler/audit/graph/operations.py complete: every operation of TensorFlow stands in exactly one of its lists.

Run it with the Python of an environment that has TensorFlow: ``python tools/tensorflow_ops.py``. An operation that no
list has is put into ``WITHHELD``, which lets nothing in, and printed. Whoever reviews it moves it, by hand, and runs
this again, which sorts. Nothing ever moves into ``ALLOWED`` by itself. The lists are the union over the TensorFlow
versions that it was run with.
"""

from __future__ import annotations

import importlib
import sys
import textwrap
from pathlib import Path

_TARGET = Path(__file__).parents[1] / "bundler" / "audit" / "graph" / "operations.py"


def main() -> None:
    """Add what is new, and sort."""
    sys.path.insert(0, str(_TARGET.parents[3]))
    present = importlib.import_module("bundler.audit.graph.operations")
    registered = names()
    lists: dict[str, set[str]] = {name: set(getattr(present, name)) for name in present.LISTS}
    known = set().union(*lists.values())
    if sum(map(len, lists.values())) != len(known):
        twice = sorted(op for op in known if sum(op in members for members in lists.values()) > 1)
        raise SystemExit(f"in two lists: {', '.join(twice)}")
    new = registered - known
    print(f"{len(registered)} operations here, {len(known)} in the lists, {len(new)} new: {' '.join(sorted(new))}")
    lists["WITHHELD"] |= new
    head, *parts = _TARGET.read_text().split("\n#: ")
    _TARGET.write_text("\n#: ".join([head, *(_sorted(part, lists) for part in parts)]))


def names() -> set[str]:
    """Return the names of the operations that the TensorFlow of this environment registers."""
    importlib.import_module("tensorflow")
    client = importlib.import_module("tensorflow.python.client.pywrap_tf_session")
    operations = importlib.import_module("tensorflow.core.framework.op_def_pb2").OpList()
    operations.ParseFromString(client.TF_GetBuffer(client.TF_GetAllOpList()))
    return {operation.name for operation in operations.op}


def _sorted(part: str, lists: dict[str, set[str]]) -> str:
    """Return the part of the module with its list sorted: a comment, ``NAME = _names(``, the names, ``)``."""
    start, found, rest = part.partition(' = _names("""\n')
    if not found:
        return part
    name = start.splitlines()[-1]
    text = textwrap.fill(" ".join(sorted(lists[name])), 118, break_long_words=False, break_on_hyphens=False)
    return f"{start}{found}{text}\n{rest[rest.index(chr(34) * 3) :]}"


if __name__ == "__main__":
    main()
