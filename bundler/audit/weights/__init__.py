"""Judge a model's weights and the arrays of its self-test by what their readers found."""

from bundler.audit.weights.findings import arrays_findings, weights_findings
from bundler.audit.weights.rules import RULES

__all__ = ["RULES", "arrays_findings", "weights_findings"]
