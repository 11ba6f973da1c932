"""Momentum contrast."""
from .model import MoCo
from .encoder import build_encoder

__all__ = ["MoCo", "build_encoder"]
