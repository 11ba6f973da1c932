"""Short-term electrical load forecasting."""
__version__ = "0.4.2"
