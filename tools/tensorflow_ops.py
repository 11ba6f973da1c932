"""Which operations the TensorFlow of this environment registers.

What they do nobody can read off: `bundler/audit/graph/operations.py` has the lists that a person keeps. What is in the
table and in none of them is withheld, so a new operation opens nothing until somebody has looked at it.
"""

from __future__ import annotations

import importlib
from typing import Any


def operations() -> dict[str, Any]:
    """Return the tree of the table `operations`."""
    importlib.import_module("tensorflow")
    client = importlib.import_module("tensorflow.python.client.pywrap_tf_session")
    listed = importlib.import_module("tensorflow.core.framework.op_def_pb2").OpList()
    listed.ParseFromString(client.TF_GetBuffer(client.TF_GetAllOpList()))
    return {"registered": {operation.name for operation in listed.op}}
