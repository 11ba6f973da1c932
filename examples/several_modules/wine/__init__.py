"""The code of one project: layers, a loss and a metric, in modules that import each other."""
