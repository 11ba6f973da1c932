from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class TSConfig:
    seq_len: int
    pred_len: int
    enc_in: int
    d_model: int = 16
    n_heads: int = 2
    e_layers: int = 2
    d_ff: int = 32
    patch_len: int = 8
    stride: int = 4
    dropout: float = 0.0
    revin_affine: bool = True
    activation: str = "gelu"
    head_units: list[int] = field(default_factory=lambda: [24])

    @property
    def n_patches(self) -> int:
        return (self.seq_len - self.patch_len) // self.stride + 1
