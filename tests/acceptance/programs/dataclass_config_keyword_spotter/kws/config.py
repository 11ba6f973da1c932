from __future__ import annotations

import enum
import math
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import tensorflow as tf


class Pooling(enum.Enum):
    MEAN = "mean"
    MAX = "max"
    ATTENTION = "attention"


class Compression(str, enum.Enum):
    LOG = "log"
    ROOT = "root"

    def apply(self, mel):
        if self is Compression.LOG:
            return tf.math.log(mel + 1e-4)
        return tf.pow(mel + 1e-6, 0.25)


@dataclass(frozen=True)
class FrontendConfig:
    sample_rate: int = 4000
    frame_length: int = 128
    frame_step: int = 64
    n_mels: int = 16
    fmin: float = 60.0
    compression: Compression = Compression.LOG

    @property
    def fft_length(self) -> int:
        return 2 ** math.ceil(math.log2(self.frame_length))


@dataclass(frozen=True)
class EncoderConfig:
    channels: tuple[int, ...] = (12, 16)
    kernel: int = 5
    pooling: Pooling = Pooling.ATTENTION


@dataclass(frozen=True)
class TrainConfig:
    workdir: Path = Path("runs/default")
    epochs: int = 4
    batch_size: int = 20
    lr: float = 4e-3
    label_smoothing: float = 0.05

    @property
    def checkpoint(self) -> Path:
        return self.workdir / "best.weights.h5"


@dataclass(frozen=True)
class Config:
    frontend: FrontendConfig = field(default_factory=FrontendConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    labels: list[str] = field(default_factory=lambda: ["noise", "up", "down", "chirp"])

    def with_workdir(self, workdir: Path) -> Config:
        return replace(self, train=replace(self.train, workdir=Path(workdir)))

    def to_dict(self) -> dict:
        return asdict(self)
