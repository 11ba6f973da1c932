from .metrics import METRICS, resolve  # noqa: F401
