from dataclasses import dataclass, field
from typing import Tuple


@dataclass
class FourierConfig:
    num_bands: int = 4
    max_freq: float = 8.0


@dataclass
class PerceiverConfig:
    num_classes: int = 4
    num_latents: int = 8
    latent_dim: int = 24
    cross_heads: int = 1
    latent_heads: int = 4
    blocks: int = 1            # transformer blocks inside one latent transformer
    iterations: int = 2        # cross-attend / process repeats
    share_weights: bool = True
    widening: int = 2
    dropout: float = 0.0
    image_size: Tuple[int, int] = (12, 12)
    fourier: FourierConfig = field(default_factory=FourierConfig)
