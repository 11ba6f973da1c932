from .config import PerceiverConfig
from .modules import Perceiver

__all__ = ["Perceiver", "PerceiverConfig"]
