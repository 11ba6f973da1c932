"""Read foreign file formats strictly and once, without a framework. Problems are values; findings are the audit's."""
