from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Dict, Tuple


class GateActivation(enum.Enum):
    SIGMOID = "sigmoid"
    HARD = "hard_sigmoid"


@dataclass
class FeatureSpec:
    static: Tuple[str, ...] = ("site_type", "capacity")
    past: Tuple[str, ...] = ("load", "temp", "hour_cos")
    future: Tuple[str, ...] = ("temp_fcst", "hour_cos")
    cardinalities: Dict[str, int] = field(default_factory=lambda: {"site_type": 5})


@dataclass
class WindowConfig:
    encoder_len: int = 24
    horizon: int = 8

    @property
    def total(self) -> int:
        return self.encoder_len + self.horizon


@dataclass
class NetConfig:
    hidden: int = 16
    heads: int = 2
    lstm_layers: int = 1
    dropout: float = 0.0
    gate: GateActivation = GateActivation.SIGMOID


@dataclass(frozen=True)
class OptimConfig:
    lr: float = 3e-3
    clipnorm: float = 1.0
    batch_size: int = 32
    epochs: int = 2


@dataclass
class ExperimentConfig:
    features: FeatureSpec = field(default_factory=FeatureSpec)
    window: WindowConfig = field(default_factory=WindowConfig)
    net: NetConfig = field(default_factory=NetConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    quantiles: Tuple[float, ...] = (0.1, 0.5, 0.9)
    seed: int = 7
