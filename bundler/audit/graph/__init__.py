"""The audit of SavedModels: their protocol buffers are read without TensorFlow, against a closed list of operations.

`saved_model_findings` looks at one SavedModel; `op_is_allowed` and `op_capability` answer about an operation alone,
which source reaches as ``tf.raw_ops.NAME``.
"""

from __future__ import annotations

from bundler.audit.graph.folder import saved_model_findings
from bundler.audit.graph.nodes import op_capability, op_is_allowed
from bundler.audit.graph.opener import Opener
from bundler.audit.graph.rules import RULES

__all__ = ["RULES", "Opener", "op_capability", "op_is_allowed", "saved_model_findings"]
